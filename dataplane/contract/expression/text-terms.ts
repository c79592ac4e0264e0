// Texts in expressions: what a client or the configuration says, compared with what the expression says. Nothing here makes
// a text longer, and what is searched for stands in the expression itself, so that no client decides how long it takes.

import type { ASTNode } from "@marcbachmann/cel-js";
import type { Compile } from "./functions.ts";
import type { ConditionTerm, Read, Source, Term, TextTerm } from "./language.ts";
import { Refusal } from "./problem.ts";

/** Characters of a text that are looked at. */
const MAX_TEXT = 1024;

export function textTerm<S>(read: Read<S, string>): TextTerm<S> {
  return { type: "text", run: (subject) => read(subject).slice(0, MAX_TEXT) };
}

export function textLiteral<S>({ language }: Source<S>, node: ASTNode, literal: string): TextTerm<S> {
  if (language.text === undefined) throw new Refusal(node, "a number");
  return { type: "text", run: () => literal, literal };
}

/** `headers["x-team"]`. */
export function entryTerm<S>(source: Source<S>, node: ASTNode, pair: readonly [ASTNode, ASTNode]): TextTerm<S> {
  const { language } = source;
  const [map, key] = pair;
  if (language.entry === undefined) throw new Refusal(node, language.general);
  if (map.op !== "id") throw new Refusal(map, language.names);
  if (key.op !== "value" || typeof key.args !== "string") throw new Refusal(key, 'a name in quotes, like "x-team"');
  const read = language.entry(map.args, key.args);
  if (read === undefined) throw new Refusal(node, language.names);
  return textTerm(read);
}

const METHODS = new Map<string, (text: string, part: string) => boolean>([
  ["startsWith", (text, part) => text.startsWith(part)],
  ["endsWith", (text, part) => text.endsWith(part)],
  ["contains", (text, part) => text.includes(part)],
]);

type MethodNode = Extract<ASTNode, { op: "rcall" }>;

/** `model.startsWith("gpt-")`. */
export function methodTerm<S>(source: Source<S>, node: MethodNode, compile: Compile): ConditionTerm<S> {
  if (source.language.text === undefined) throw new Refusal(node, source.language.general);
  const [name, of, [argument, ...more]] = node.args;
  const apply = METHODS.get(name);
  if (apply === undefined) throw new Refusal(node, `one of the methods ${[...METHODS.keys()].join(", ")}`);
  const text = compile(source, of);
  if (text.type !== "text") throw new Refusal(of, "a text");
  if (argument === undefined || more.length > 0) throw new Refusal(node, `1 argument for ${name}`);
  const part = literalOf(source, argument, compile);
  return { type: "condition", run: (subject) => apply(text.run(subject), part) };
}

type InNode = Extract<ASTNode, { op: "in" }>;

/** `model in ["a", "b"]`. */
export function membership<S>(source: Source<S>, node: InNode, compile: Compile): ConditionTerm<S> {
  if (source.language.text === undefined) throw new Refusal(node, source.language.general);
  const [value, list] = node.args;
  const text = compile(source, value);
  if (text.type !== "text") throw new Refusal(value, "a text");
  if (list.op !== "list") throw new Refusal(list, 'a list of texts in quotes, like ["gpt-4", "gpt-4o"]');
  const listed = new Set(list.args.map((entry) => literalOf(source, entry, compile)));
  return { type: "condition", run: (subject) => listed.has(text.run(subject)) };
}

function literalOf<S>(source: Source<S>, node: ASTNode, compile: Compile): string {
  const term = compile(source, node);
  if (term.type === "text" && term.literal !== undefined) return term.literal;
  throw new Refusal(node, "a text in quotes");
}

interface Sides<S> {
  readonly first: Term<S>;
  readonly second: Term<S>;
  readonly left: ASTNode;
  readonly right: ASTNode;
}

/** At least one of both is a text. */
export function compareTexts<S>(op: string, { first, second, left, right }: Sides<S>): ConditionTerm<S> {
  if (first.type !== "text") throw new Refusal(left, "a text, as on the other side");
  if (second.type !== "text") throw new Refusal(right, "a text, as on the other side");
  if (op !== "==" && op !== "!=") throw new Refusal(left, "numbers: texts are compared with == and != only");
  const isEqual = op === "==";
  return { type: "condition", run: (s) => (first.run(s) === second.run(s)) === isEqual };
}
