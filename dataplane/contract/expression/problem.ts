// What is wrong with the text of an expression: the part that is, and what is wanted there.

import { type ASTNode, ParseError } from "@marcbachmann/cel-js";

export interface ExpressionProblem {
  readonly ok: false;
  /** The part of the text that is wrong; empty at its end. */
  readonly found: string;
  readonly wanted: string;
  /** Where that part starts, counted in characters from 1. */
  readonly position: number;
}

export const MAX_NODES = 200;
export const MAX_DEPTH = 20;
/** Texts in one list. */
export const MAX_LISTED = 64;

type Range = readonly [start: number, end: number];

/** What the tree holds and may not. */
export class Refusal extends Error {
  readonly range: Range;
  constructor(node: ASTNode, wanted: string) {
    super(wanted);
    this.range = [node.start, node.end];
  }
}

export function problem(text: string, [start, end]: Range, wanted: string): ExpressionProblem {
  return { ok: false, found: text.slice(start, end), wanted, position: start + 1 };
}

const TOKENS = new Map([
  ["RPAREN", '")"'],
  ["COLON", '":"'],
  ["RBRACKET", '"]"'],
  ["IDENTIFIER", "a field name"],
]);

/** `general` says what an expression may be. */
export function parseProblem(text: string, error: unknown, general: string): ExpressionProblem {
  if (!(error instanceof ParseError)) return problem(text, [0, text.length], general);
  const { start, end } = error.range ?? { start: 0, end: text.length };
  const range: Range = [Math.min(start, text.length), Math.min(end, text.length)];
  switch (error.code) {
    case "expected_token": {
      const token = /^Expected (\w+)/.exec(error.summary)?.[1] ?? "";
      return problem(text, range, TOKENS.get(token) ?? general);
    }
    case "limit_exceeded":
      return problem(text, [0, text.length], `at most ${boundIn(error.summary)}`);
    case "reserved_identifier":
      return problem(text, range, "a name that CEL does not reserve");
    default:
      return problem(text, range, general);
  }
}

function boundIn(summary: string): string {
  if (summary.includes("maxDepth")) return `${String(MAX_DEPTH)} levels of brackets`;
  if (summary.includes("maxListElements")) return `${String(MAX_LISTED)} texts in a list`;
  return `${String(MAX_NODES)} numbers, fields and operators`;
}
