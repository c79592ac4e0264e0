// Texts with variables of a request: "${http_x_id}", "$remote_addr", "${http_x_count ?? 500}". The syntax and the names of
// the variables are those of APISIX; what APISIX would leave without effect is a problem here. Pure.

import type { RequestFacts } from "./request-facts.ts";

const MAX_TEMPLATE_LENGTH = 256;
/** Each may bring a whole header. */
const MAX_VARIABLES = 8;

type Read = (facts: RequestFacts) => string | undefined;

/**
 * Who decides a variable's value. caller: it tells callers apart and none of them can choose it. client: the client chooses
 * it. config: one of a few values that configuration gives.
 */
type VariableSource = "caller" | "client" | "config";

export interface TemplateVariable {
  /** As it is written, without default. */
  readonly name: string;
  /** In words: "request header x-id". */
  readonly description: string;
  readonly source: VariableSource;
  /** Taken when the variable is absent, not when it is empty. */
  readonly fallback: string | undefined;
  readonly read: Read;
}

export interface Template {
  readonly ok: true;
  /** At least one. */
  readonly variables: readonly TemplateVariable[];
  /** Nothing but one variable. */
  readonly isSingle: boolean;
  /** Absent variables are empty; undefined when all of them are absent. */
  readonly resolve: Read;
}

interface TemplateProblem {
  readonly ok: false;
  /** The part of the text that is wrong; empty when something is missing. */
  readonly found: string;
  readonly wanted: string;
  /** Where that part starts, counted in characters from 1. */
  readonly position: number;
  /** Names that an unknown variable could stand for. */
  readonly candidates?: readonly string[] | undefined;
}

interface Known {
  readonly source: VariableSource;
  readonly read: Read;
}

const VARIABLES = new Map<string, Known>([
  ["remote_addr", { source: "caller", read: ({ clientIp }) => clientIp }],
  ["consumer_name", { source: "caller", read: ({ consumer }) => consumer?.name }],
  ["consumer_group_id", { source: "caller", read: ({ consumer }) => firstOf(consumer?.groups) }],
  ["route_id", { source: "config", read: ({ route }) => route }],
  ["route_name", { source: "config", read: ({ route }) => route }],
  ["service_id", { source: "config", read: ({ service }) => service }],
  ["service_name", { source: "config", read: ({ service }) => service }],
  ["host", { source: "client", read: ({ host }) => host }],
  ["uri", { source: "client", read: ({ path }) => path }],
  [
    "request_uri",
    { source: "client", read: ({ path, queryText }) => (queryText === "" ? path : `${path}?${queryText}`) },
  ],
  ["args", { source: "client", read: ({ queryText }) => queryText }],
  ["query_string", { source: "client", read: ({ queryText }) => queryText }],
  ["request_method", { source: "client", read: ({ method }) => method }],
  ["request_llm_model", { source: "client", read: ({ model }) => model }],
]);

/** Variables whose name goes on with a name that the client uses. */
const FAMILIES = [
  {
    prefix: "http_",
    shown: "http_<header>",
    describe: (name: string) => `request header ${headerOf(name)}`,
    reader: (name: string): Read => {
      const header = headerOf(name);
      return (facts) => facts.header(header);
    },
  },
  {
    prefix: "arg_",
    shown: "arg_<parameter>",
    describe: (name: string) => `query parameter ${name}`,
    reader: (name: string): Read => {
      return (facts) => facts.query(name);
    },
  },
  {
    prefix: "cookie_",
    shown: "cookie_<name>",
    describe: (name: string) => `cookie ${name}`,
    reader: (name: string): Read => {
      return (facts) => cookieValue(facts.header("cookie") ?? "", name);
    },
  },
] as const;

const WANTED_VARIABLE = `one of the variables ${[...FAMILIES.map(({ shown }) => shown), ...VARIABLES.keys()].join(", ")}`;

const NAME = /^[A-Za-z0-9_.]+$/;
const BARE_NAME = /[A-Za-z0-9_.]+/y;

/** Text without a variable is a template nowhere: whatever holds this character is read as one. */
export function isTemplate(text: string): boolean {
  return text.includes("$");
}

/** Never throws, whatever the text. */
export function compileTemplate(text: string): Template | TemplateProblem {
  if (text.length > MAX_TEMPLATE_LENGTH) {
    return problem(0, text, `a template of at most ${String(MAX_TEMPLATE_LENGTH)} characters`);
  }
  const pieces: (string | TemplateVariable)[] = [];
  for (let at = 0; at < text.length; ) {
    const piece = pieceAt(text, at);
    if (!piece.ok) return piece;
    pieces.push(piece.value);
    at = piece.end;
  }
  const variables = pieces.filter((piece) => typeof piece !== "string");
  const [first] = variables;
  if (first === undefined) return problem(text.length, "", "a variable in it, like ${http_x_id}");
  if (variables.length > MAX_VARIABLES) return problem(0, text, `at most ${String(MAX_VARIABLES)} variables`);
  return { ok: true, variables, isSingle: pieces.length === 1, resolve: resolverOf(pieces) };
}

function resolverOf(pieces: readonly (string | TemplateVariable)[]): Read {
  return (facts) => {
    let text = "";
    let isResolved = false;
    for (const piece of pieces) {
      const value = typeof piece === "string" ? piece : (piece.read(facts) ?? piece.fallback);
      isResolved ||= value !== undefined && typeof piece !== "string";
      text += value ?? "";
    }
    return isResolved ? text : undefined;
  };
}

interface Piece {
  readonly ok: true;
  readonly value: string | TemplateVariable;
  /** Where the next one starts. */
  readonly end: number;
}

function pieceAt(text: string, at: number): Piece | TemplateProblem {
  if (text.startsWith("\\$", at)) return { ok: true, value: "$", end: at + 2 };
  if (text[at] !== "$") {
    const next = text.slice(at).search(/\\?\$/);
    const end = next < 0 ? text.length : at + next;
    return { ok: true, value: text.slice(at, end), end };
  }
  return text[at + 1] === "{" ? bracedAt(text, at) : bareAt(text, at);
}

function bareAt(text: string, at: number): Piece | TemplateProblem {
  BARE_NAME.lastIndex = at + 1;
  const name = BARE_NAME.exec(text)?.[0];
  if (name === undefined)
    return problem(at, "$", "a name behind it, like ${http_x_id}; or \\$ for the character itself");
  return variableAt({ name, fallback: undefined }, at + 1, at + 1 + name.length);
}

function bracedAt(text: string, at: number): Piece | TemplateProblem {
  const close = text.indexOf("}", at);
  if (close < 0) return problem(at, text.slice(at), "a } behind the name");
  const inner = text.slice(at + 2, close);
  const mark = inner.indexOf("??");
  const name = (mark < 0 ? inner : inner.slice(0, mark)).trim();
  const fallback = mark < 0 ? undefined : inner.slice(mark + 2).trim();
  if (!NAME.test(name)) {
    return problem(at, text.slice(at, close + 1), "a name of letters, digits, _ and . in braces, like ${http_x_id}");
  }
  if (fallback !== undefined && /\$|\?\?/.test(fallback)) {
    return problem(at, text.slice(at, close + 1), "one default, which is plain text without $ and ??");
  }
  return variableAt({ name, fallback }, text.indexOf(name, at), close + 1);
}

function variableAt(
  { name, fallback }: Pick<TemplateVariable, "name" | "fallback">,
  at: number,
  end: number,
): Piece | TemplateProblem {
  const known = VARIABLES.get(name);
  if (known !== undefined) return { ok: true, value: { name, description: `$${name}`, fallback, ...known }, end };
  const family = FAMILIES.find(({ prefix }) => name.startsWith(prefix) && name.length > prefix.length);
  if (family === undefined) return { ...problem(at, name, WANTED_VARIABLE), candidates: candidatesFor(name) };
  const own = name.slice(family.prefix.length);
  const value = {
    name,
    fallback,
    source: "client" as const,
    description: family.describe(own),
    read: family.reader(own),
  };
  return { ok: true, value, end };
}

/** A mistyped family is told with the name that follows it. */
function candidatesFor(name: string): readonly string[] {
  const rest = name.slice(name.indexOf("_") + 1);
  return [...VARIABLES.keys(), ...FAMILIES.map(({ prefix }) => prefix + rest)];
}

function problem(at: number, found: string, wanted: string): TemplateProblem {
  return { ok: false, found, wanted, position: at + 1 };
}

/** nginx's way: lower case, with _ for each -. */
function headerOf(name: string): string {
  return name.toLowerCase().replaceAll("_", "-");
}

/** Of a consumer in several groups the first by name, as everywhere. */
function firstOf(groups: readonly string[] = []): string | undefined {
  return groups.toSorted()[0];
}

/** The first cookie of this name (RFC 6265 section 5.4); its value as it stands. */
function cookieValue(header: string, name: string): string | undefined {
  for (const pair of header.split(";")) {
    const mark = pair.indexOf("=");
    if (mark >= 0 && pair.slice(0, mark).trim() === name) return pair.slice(mark + 1).trim();
  }
  return undefined;
}
