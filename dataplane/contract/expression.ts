// The language of unit Expression: a fenced part of CEL, in which every number is a double. The compiler refuses with it
// what the data plane would not run. The library parses; checking and running are done here, so that nothing of it ever
// meets a provider's data. The only file that imports the library.

import { type ASTNode, Environment, ParseError } from "@marcbachmann/cel-js";

const MAX_LENGTH = 1024;
const MAX_NODES = 200;
const MAX_DEPTH = 20;

export interface Expression {
  readonly ok: true;
  /** Paths of the usage fields that it reads: "prompt_tokens", "prompt_tokens_details.cached_tokens". */
  readonly fields: readonly string[];
  /**
   * The value for a provider's usage object: a whole number from 0 to 2^53 - 1, rounded half up; a negative value is 0.
   * Fields that are absent or no numbers are 0. Undefined when there is no finite value (division by zero).
   */
  readonly evaluate: (usage: Readonly<Record<string, unknown>>) => number | undefined;
}

export interface ExpressionProblem {
  readonly ok: false;
  /** The part of the text that is wrong; empty at its end. */
  readonly found: string;
  readonly wanted: string;
  /** Where that part starts, counted in characters from 1. */
  readonly position: number;
}

/** Values of the fields, in the order of `fields`. */
type Values = readonly number[];

interface NumberTerm {
  readonly type: "number";
  readonly run: (values: Values) => number;
}
interface ConditionTerm {
  readonly type: "condition";
  readonly run: (values: Values) => boolean;
}
type Term = NumberTerm | ConditionTerm;

const ENVIRONMENT = new Environment({
  limits: { maxAstNodes: MAX_NODES, maxDepth: MAX_DEPTH, maxCallArguments: 8, maxListElements: 1, maxMapEntries: 1 },
});

const GENERAL =
  "arithmetic over usage fields: numbers, names, + - * /, comparisons, && || !, ?:, min, max, ceil, floor, round";

/** Never throws, whatever the text. */
export function compileExpression(text: string): Expression | ExpressionProblem {
  // Short before it is parsed: the library's recursion over signs and brackets is then bounded as well.
  if (text.length > MAX_LENGTH)
    return problem(text, [0, text.length], `an expression of at most ${MAX_LENGTH} characters`);
  const fields = new Map<string, number>();
  try {
    const { run } = numberTerm({ text, fields }, ENVIRONMENT.parse(text).ast);
    const paths = [...fields.keys()].map((path) => path.split("."));
    return {
      ok: true,
      fields: [...fields.keys()],
      evaluate: (usage) => wholeAmount(run(paths.map((path) => fieldValue(usage, path)))),
    };
  } catch (error) {
    if (error instanceof Refusal) return problem(text, error.range, error.message);
    return parseProblem(text, error);
  }
}

/** Math.round rounds half up, and exactly (0.49999999999999994 is 0). */
function wholeAmount(value: number): number | undefined {
  if (!Number.isFinite(value)) return undefined;
  return value < 0.5 ? 0 : Math.min(Number.MAX_SAFE_INTEGER, Math.round(value));
}

/** Own members only: no name leads to a prototype. */
function fieldValue(usage: unknown, path: readonly string[]): number {
  let value = usage;
  for (const step of path) {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return 0;
    if (!Object.hasOwn(value, step)) return 0;
    value = Reflect.get(value, step);
  }
  return typeof value === "number" ? value : 0;
}

type Range = readonly [start: number, end: number];

class Refusal extends Error {
  readonly range: Range;
  constructor(node: ASTNode, wanted: string) {
    super(wanted);
    this.range = [node.start, node.end];
  }
}

function problem(text: string, [start, end]: Range, wanted: string): ExpressionProblem {
  return { ok: false, found: text.slice(start, end), wanted, position: start + 1 };
}

const TOKENS = new Map([
  ["RPAREN", '")"'],
  ["COLON", '":"'],
  ["RBRACKET", '"]"'],
  ["IDENTIFIER", "a field name"],
]);

function parseProblem(text: string, error: unknown): ExpressionProblem {
  if (!(error instanceof ParseError)) return problem(text, [0, text.length], GENERAL);
  const { start, end } = error.range ?? { start: 0, end: text.length };
  const range: Range = [Math.min(start, text.length), Math.min(end, text.length)];
  switch (error.code) {
    case "expected_token": {
      const token = /^Expected (\w+)/.exec(error.summary)?.[1] ?? "";
      return problem(text, range, TOKENS.get(token) ?? GENERAL);
    }
    case "limit_exceeded": {
      const isDepth = error.summary.includes("maxDepth");
      const bound = isDepth ? `${MAX_DEPTH} levels of brackets` : `${MAX_NODES} numbers, fields and operators`;
      return problem(text, [0, text.length], `at most ${bound}`);
    }
    case "reserved_identifier":
      return problem(text, range, "a name that CEL does not reserve");
    default:
      return problem(text, range, GENERAL);
  }
}

interface Source {
  readonly text: string;
  /** Path of each field -> its place in Values. */
  readonly fields: Map<string, number>;
}

function numberTerm(source: Source, node: ASTNode): NumberTerm {
  const term = compileNode(source, node);
  if (term.type !== "number") throw new Refusal(node, "a number, not a condition");
  return term;
}

function conditionTerm(source: Source, node: ASTNode): ConditionTerm {
  const term = compileNode(source, node);
  if (term.type !== "condition") throw new Refusal(node, "a condition, like prompt_tokens > 1000");
  return term;
}

/** A closed list of what the tree may hold: all else, macros and what the library adds one day included, is refused. */
function compileNode(source: Source, node: ASTNode): Term {
  switch (node.op) {
    case "value":
      return literal(node, node.args);
    case "id":
      return field(source, node.args);
    case ".":
      return field(source, pathOf(node));
    case "call":
      return call(source, node, node.args);
    case "-_": {
      const { run } = numberTerm(source, node.args);
      return { type: "number", run: (values) => -run(values) };
    }
    case "!_": {
      const { run } = conditionTerm(source, node.args);
      return { type: "condition", run: (values) => !run(values) };
    }
    case "?:":
      return choice(source, node.args);
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
      throw new Refusal(node, GENERAL);
  }
}

/** Integers, signed or not (5, 5u, 0x10), become the double of the same value. */
function literal(node: ASTNode, value: unknown): Term {
  if (typeof value === "boolean") return { type: "condition", run: () => value };
  const whole: unknown = typeof value === "object" ? value?.valueOf() : value;
  if (typeof whole !== "number" && typeof whole !== "bigint") throw new Refusal(node, "a number");
  const double = Number(whole);
  return { type: "number", run: () => double };
}

function field({ fields }: Source, path: string): NumberTerm {
  const index = fields.get(path) ?? fields.size;
  fields.set(path, index);
  return { type: "number", run: (values) => values[index] ?? 0 };
}

function pathOf(node: ASTNode): string {
  if (node.op === "id") return node.args;
  if (node.op !== ".") throw new Refusal(node, "a field name before the dot");
  return `${pathOf(node.args[0])}.${node.args[1]}`;
}

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

function call(source: Source, node: ASTNode, [name, nodes]: readonly [string, readonly ASTNode[]]): NumberTerm {
  const known = FUNCTIONS.get(name);
  if (known === undefined) throw new Refusal(node, `one of the functions ${[...FUNCTIONS.keys()].join(", ")}`);
  const { most, apply } = known;
  if (nodes.length < 1 || nodes.length > most) {
    throw new Refusal(node, `${most === 1 ? "1 argument" : `1 to ${most} arguments`} for ${name}`);
  }
  const terms = nodes.map((argument) => numberTerm(source, argument));
  return { type: "number", run: (values) => apply(terms.map(({ run }) => run(values))) };
}

function choice(source: Source, [test, yes, no]: readonly [ASTNode, ASTNode, ASTNode]): Term {
  const { run } = conditionTerm(source, test);
  const first = compileNode(source, yes);
  if (first.type === "condition") {
    const second = conditionTerm(source, no);
    return { type: "condition", run: (values) => (run(values) ? first.run(values) : second.run(values)) };
  }
  const second = numberTerm(source, no);
  return { type: "number", run: (values) => (run(values) ? first.run(values) : second.run(values)) };
}

type Pair = readonly [ASTNode, ASTNode];

function junction(source: Source, op: "&&" | "||", [left, right]: Pair): ConditionTerm {
  const { run: a } = conditionTerm(source, left);
  const { run: b } = conditionTerm(source, right);
  const run = op === "&&" ? (v: Values): boolean => a(v) && b(v) : (v: Values): boolean => a(v) || b(v);
  return { type: "condition", run };
}

function arithmetic(source: Source, op: "+" | "-" | "*" | "/", [left, right]: Pair): NumberTerm {
  const { run: a } = numberTerm(source, left);
  const { run: b } = numberTerm(source, right);
  switch (op) {
    case "+":
      return { type: "number", run: (v) => a(v) + b(v) };
    case "-":
      return { type: "number", run: (v) => a(v) - b(v) };
    case "*":
      return { type: "number", run: (v) => a(v) * b(v) };
    case "/":
      return { type: "number", run: (v) => a(v) / b(v) };
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

function comparison(source: Source, op: Comparison, [left, right]: Pair): ConditionTerm {
  const { run: a } = numberTerm(source, left);
  const { run: b } = numberTerm(source, right);
  const compare = COMPARE[op];
  return { type: "condition", run: (v) => compare(a(v), b(v)) };
}
