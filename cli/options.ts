// Options of a verb: one table per verb says what it takes, the parser here and the help page read the same table.

import { parseArgs } from "node:util";
import { nearestName } from "../compiler/nearest-name.ts";
import { usageError } from "./cli-error.ts";

export interface OptionSpec {
  readonly name: string;
  readonly short?: string;
  /** What the value is called in help; absent: a switch without a value. */
  readonly value?: string;
  readonly multiple?: true;
  /** The default as one would type it. */
  readonly fallback?: string;
  readonly text: string;
}

export interface Options {
  /** The value given, else the option's default. */
  readonly one: (name: string) => string | undefined;
  readonly all: (name: string) => readonly string[];
  readonly has: (name: string) => boolean;
  readonly positionals: readonly string[];
}

/** Every command line takes these. */
export const COMMON_OPTIONS: readonly OptionSpec[] = [
  { name: "help", short: "h", text: "Print this page." },
  { name: "version", short: "V", text: "Print the version." },
];

/** Throws a usage error for an unknown option, a missing or surplus value, and an option given twice that takes one. */
export function parseOptions(specs: readonly OptionSpec[], args: readonly string[]): Options {
  const byName = new Map(specs.map((spec) => [spec.name, spec]));
  const given = new Map<string, string[]>();
  const positionals: string[] = [];
  for (const token of tokenize(specs, args)) {
    if (token.kind === "positional") positionals.push(token.value);
    if (token.kind !== "option") continue;
    const spec = byName.get(token.name);
    if (spec === undefined) throw unknownOption(token.rawName, specs);
    given.set(spec.name, [...earlierValues(given, spec), valueOf(token, spec)]);
  }
  return {
    one: (name) => given.get(name)?.[0] ?? byName.get(name)?.fallback,
    all: (name) => given.get(name) ?? [],
    has: (name) => given.has(name),
    positionals,
  };
}

type Token = NonNullable<ReturnType<typeof parseArgs>["tokens"]>[number];
type OptionToken = Extract<Token, { kind: "option" }>;

/** Not strict: the messages for what is wrong are made here, with the nearest name. */
function tokenize(specs: readonly OptionSpec[], args: readonly string[]): readonly Token[] {
  const options = Object.fromEntries(
    specs.map((spec) => [
      spec.name,
      { type: spec.value === undefined ? ("boolean" as const) : ("string" as const), ...shortOf(spec) },
    ]),
  );
  return parseArgs({ args: [...args], options, strict: false, allowPositionals: true, tokens: true }).tokens;
}

function shortOf(spec: OptionSpec): { short?: string } {
  return spec.short === undefined ? {} : { short: spec.short };
}

/** Values of the same option before this one. */
function earlierValues(given: ReadonlyMap<string, string[]>, spec: OptionSpec): readonly string[] {
  const earlier = given.get(spec.name) ?? [];
  if (earlier.length > 0 && spec.multiple !== true)
    throw usageError(`--${spec.name} is given twice; it takes one value`);
  return earlier;
}

function valueOf(token: OptionToken, spec: OptionSpec): string {
  const { value, inlineValue } = token;
  if (spec.value === undefined) {
    if (value !== undefined) throw usageError(`--${spec.name} takes no value, found "${value}"`);
    return "";
  }
  const isOption = inlineValue === false && value.length > 1 && value.startsWith("-");
  if (value === undefined || value === "" || isOption) {
    throw usageError(`--${spec.name} needs a value: --${spec.name} ${spec.value}`);
  }
  return value;
}

function unknownOption(rawName: string, specs: readonly OptionSpec[]): Error {
  const near = nearestName(
    rawName.replace(/^-+/, ""),
    specs.map((spec) => spec.name),
  );
  return usageError(`unknown option ${rawName}${near === undefined ? "" : `; did you mean --${near}?`}`);
}
