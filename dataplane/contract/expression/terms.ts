// The parsed tree of an expression -> functions. A closed list of what the tree may hold: all else, macros and what the
// library adds one day included, is refused.

import type { ASTNode } from "@marcbachmann/cel-js";
import { callTerm } from "./functions.ts";
import type { ConditionTerm, NumberTerm, Source, Term, TextTerm } from "./language.ts";
import { Refusal } from "./problem.ts";
import { compareTexts, entryTerm, membership, methodTerm, textLiteral, textTerm } from "./text-terms.ts";

export function numberTerm<S>(source: Source<S>, node: ASTNode): NumberTerm<S> {
  const term = compileNode(source, node);
  if (term.type === "number") return term;
  const isText = term.type === "text";
  throw new Refusal(node, isText ? "a number; double(...) makes one of a text" : "a number, not a condition");
}

function conditionTerm<S>(source: Source<S>, node: ASTNode): ConditionTerm<S> {
  const term = compileNode(source, node);
  if (term.type !== "condition") throw new Refusal(node, source.language.condition);
  return term;
}

function compileNode<S>(source: Source<S>, node: ASTNode): Term<S> {
  switch (node.op) {
    case "value":
      return literal(source, node, node.args);
    case "id":
      return named(source, node, node.args);
    case ".":
      return named(source, node, pathOf(node));
    case "[]":
      return entryTerm(source, node, node.args);
    case "call":
      return callTerm(source, node, compileNode);
    case "rcall":
      return methodTerm(source, node, compileNode);
    case "in":
      return membership(source, node, compileNode);
    case "-_":
    case "!_":
      return prefixed(source, node.op, node.args);
    case "?:":
      return choice(source, node.args);
    default:
      return binary(source, node);
  }
}

function binary<S>(source: Source<S>, node: ASTNode): Term<S> {
  switch (node.op) {
    case "&&":
    case "||":
      return junction(source, node.op, node.args);
    case "+":
    case "-":
    case "*":
    case "/":
      return arithmetic(source, node.op, node.args);
    case "==":
    case "!=":
    case "<":
    case "<=":
    case ">":
    case ">=":
      return comparison(source, node.op, node.args);
    default:
      throw new Refusal(node, source.language.general);
  }
}

/** Integers, signed or not (5, 5u, 0x10), become the double of the same value. */
function literal<S>(source: Source<S>, node: ASTNode, value: unknown): Term<S> {
  if (typeof value === "boolean") return { type: "condition", run: () => value };
  if (typeof value === "string") return textLiteral(source, node, value);
  const whole: unknown = typeof value === "object" ? value?.valueOf() : value;
  if (typeof whole !== "number" && typeof whole !== "bigint") throw new Refusal(node, "a number");
  const double = Number(whole);
  return { type: "number", run: () => double };
}

function named<S>({ language, names }: Source<S>, node: ASTNode, path: string): NumberTerm<S> | TextTerm<S> {
  const text = language.text?.(path);
  if (text !== undefined) return textTerm(text);
  const run = language.number(path);
  if (run === undefined) throw new Refusal(node, language.names);
  names.add(path);
  return { type: "number", run };
}

function pathOf(node: ASTNode): string {
  if (node.op === "id") return node.args;
  if (node.op !== ".") throw new Refusal(node, "a field name before the dot");
  return `${pathOf(node.args[0])}.${node.args[1]}`;
}

function prefixed<S>(source: Source<S>, op: "-_" | "!_", node: ASTNode): Term<S> {
  if (op === "-_") {
    const { run } = numberTerm(source, node);
    return { type: "number", run: (subject) => -run(subject) };
  }
  const { run } = conditionTerm(source, node);
  return { type: "condition", run: (subject) => !run(subject) };
}

function choice<S>(source: Source<S>, [test, yes, no]: readonly [ASTNode, ASTNode, ASTNode]): Term<S> {
  const { run } = conditionTerm(source, test);
  const first = compileNode(source, yes);
  if (first.type === "condition") {
    const second = conditionTerm(source, no);
    return { type: "condition", run: (s) => (run(s) ? first.run(s) : second.run(s)) };
  }
  if (first.type === "text") throw new Refusal(yes, "a number");
  const second = numberTerm(source, no);
  return { type: "number", run: (s) => (run(s) ? first.run(s) : second.run(s)) };
}

type Pair = readonly [ASTNode, ASTNode];

function junction<S>(source: Source<S>, op: "&&" | "||", [left, right]: Pair): ConditionTerm<S> {
  const { run: a } = conditionTerm(source, left);
  const { run: b } = conditionTerm(source, right);
  const run = op === "&&" ? (s: S): boolean => a(s) && b(s) : (s: S): boolean => a(s) || b(s);
  return { type: "condition", run };
}

function arithmetic<S>(source: Source<S>, op: "+" | "-" | "*" | "/", [left, right]: Pair): NumberTerm<S> {
  const { run: a } = numberTerm(source, left);
  const { run: b } = numberTerm(source, right);
  switch (op) {
    case "+":
      return { type: "number", run: (s) => a(s) + b(s) };
    case "-":
      return { type: "number", run: (s) => a(s) - b(s) };
    case "*":
      return { type: "number", run: (s) => a(s) * b(s) };
    case "/":
      return { type: "number", run: (s) => a(s) / b(s) };
  }
}

type Comparison = "==" | "!=" | "<" | "<=" | ">" | ">=";

const COMPARE: Readonly<Record<Comparison, (a: number, b: number) => boolean>> = {
  "==": (a, b) => a === b,
  "!=": (a, b) => a !== b,
  "<": (a, b) => a < b,
  "<=": (a, b) => a <= b,
  ">": (a, b) => a > b,
  ">=": (a, b) => a >= b,
};

function comparison<S>(source: Source<S>, op: Comparison, [left, right]: Pair): ConditionTerm<S> {
  const first = compileNode(source, left);
  const second = compileNode(source, right);
  if (first.type === "text" || second.type === "text") {
    return compareTexts(op, { first, second, left, right });
  }
  const { run: a } = numberTerm(source, left);
  const { run: b } = numberTerm(source, right);
  const compare = COMPARE[op];
  return { type: "condition", run: (s) => compare(a(s), b(s)) };
}
