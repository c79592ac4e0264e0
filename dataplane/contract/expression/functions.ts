// The functions that expressions may call. All but double take numbers alone.

import type { ASTNode } from "@marcbachmann/cel-js";
import type { NumberTerm, Source, Term } from "./language.ts";
import { Refusal } from "./problem.ts";

const FUNCTIONS = new Map<string, { readonly most: number; readonly apply: (arguments_: number[]) => number }>([
  ["min", { most: 8, apply: (numbers) => Math.min(...numbers) }],
  ["max", { most: 8, apply: (numbers) => Math.max(...numbers) }],
  ["ceil", { most: 1, apply: ([number = 0]) => Math.ceil(number) }],
  ["floor", { most: 1, apply: ([number = 0]) => Math.floor(number) }],
  // Half away from zero, as CEL's math.round.
  ["round", { most: 1, apply: ([number = 0]) => Math.sign(number) * Math.round(Math.abs(number)) }],
  // Formulas of other gateways convert between number types, of which there is one here.
  ["double", { most: 1, apply: ([number = 0]) => number }],
  ["int", { most: 1, apply: ([number = 0]) => number }],
  ["uint", { most: 1, apply: ([number = 0]) => number }],
]);

export type Compile = <S>(source: Source<S>, node: ASTNode) => Term<S>;

type CallNode = Extract<ASTNode, { op: "call" }>;

export function callTerm<S>(source: Source<S>, node: CallNode, compile: Compile): NumberTerm<S> {
  const [name, nodes] = node.args;
  const known = FUNCTIONS.get(name);
  if (known === undefined) throw new Refusal(node, `one of the functions ${[...FUNCTIONS.keys()].join(", ")}`);
  const { most, apply } = known;
  if (nodes.length < 1 || nodes.length > most) {
    throw new Refusal(node, `${most === 1 ? "1 argument" : `1 to ${String(most)} arguments`} for ${name}`);
  }
  const terms = nodes.map((argument) => argumentTerm(source, argument, { name, compile }));
  return { type: "number", run: (subject) => apply(terms.map(({ run }) => run(subject))) };
}

interface Called {
  readonly name: string;
  readonly compile: Compile;
}

function argumentTerm<S>(source: Source<S>, node: ASTNode, { name, compile }: Called): NumberTerm<S> {
  const term = compile(source, node);
  if (term.type === "number") return term;
  if (term.type === "condition") throw new Refusal(node, "a number, not a condition");
  if (name !== "double") throw new Refusal(node, "a number; double(...) makes one of a text");
  return { type: "number", run: (subject) => numberOf(term.run(subject)) };
}

const DECIMAL = /^[+-]?\d{1,15}(?:\.\d{1,15})?$/;

/** Nothing counts 0, as an absent field does; a text that is no decimal number has no value. */
function numberOf(text: string): number {
  if (text === "") return 0;
  return DECIMAL.test(text) ? Number(text) : NaN;
}
