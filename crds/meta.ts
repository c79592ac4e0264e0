// Shared pieces of the kinds: bounded texts, numbers, lists, names. Every piece states its bounds, because the API server
// estimates the cost of a rule from them, and what is wanted in words, because that is what the user reads.

import { z } from "zod";

export const GROUP = "airatelimit.dev";
export const VERSION = "v1alpha1";
export const API_VERSION = `${GROUP}/${VERSION}`;

const MAX_TEMPLATE = 256;
const WANTED_TEMPLATE = "a template of at most 256 characters with a variable, like ${http_x_id}";

export interface TextOptions {
  /** Noun phrase for findings: "a header name: letters, digits and -, at most 128". */
  readonly wanted: string;
  readonly max: number;
  /** Must run in RE2 (no look-around) and in linear time on hostile text. */
  readonly pattern?: RegExp;
  /** Default 1. */
  readonly min?: number;
}

/** Too long a text is refused before its pattern is tried. */
export function text({ wanted, max, min = 1, pattern }: TextOptions): z.ZodString {
  const failing = { error: wanted, abort: true };
  const bounded = z.string({ error: wanted }).min(min, failing).max(max, failing);
  return pattern ? bounded.regex(pattern, { error: wanted }) : bounded;
}

export function integer(min: number, max: number): z.ZodInt {
  const wanted = `an integer from ${String(min)} to ${String(max)}`;
  return z.int({ error: wanted }).min(min, { error: wanted }).max(max, { error: wanted });
}

/** A text with variables of a request, like ${http_x_id}; core/template.ts of the data plane reads it. */
export function template(): z.ZodString {
  return text({ wanted: WANTED_TEMPLATE, max: MAX_TEMPLATE, pattern: /\$/ });
}

/** The text forms only: a whole number of nano units (1e-9) of money, or a template. */
export function decimalOrTemplate(wholeDigits: number, wanted: string): z.ZodString {
  const pattern = new RegExp(`^[0-9]{1,${wholeDigits}}(\\.[0-9]{1,9})?$|\\$`);
  return text({ wanted, max: MAX_TEMPLATE, pattern });
}

/** An amount of money: at most 9 digits after the point, so that it is a whole number of nano units (1e-9). */
export function decimal(wholeDigits: number, wanted: string): z.ZodString {
  const pattern = new RegExp(`^[0-9]{1,${wholeDigits}}(\\.[0-9]{1,9})?$`);
  return text({ wanted, max: wholeDigits + 10, pattern });
}

/** The API server's int-or-string: the integer's bounds and the string's pattern each hold for their own. */
export function integerOrText(
  integers: z.ZodInt,
  texts: z.ZodString,
  wanted: string,
): z.ZodUnion<readonly [z.ZodInt, z.ZodString]> {
  return z.union([integers, texts], { error: wanted }).meta({ "x-kubernetes-int-or-string": true });
}

/** A list whose entries are told apart by `name`: the API server merges by it, and refuses a name that is used twice. */
export function namedList<T extends z.ZodType<{ readonly name: string }>>(
  entry: T,
  min: number,
  max: number,
): z.ZodArray<T> {
  return z
    .array(entry)
    .min(min)
    .max(max)
    .check(unique<z.output<T>>((value) => value.name))
    .meta({ "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"] });
}

/** A list of entries that one member, a number, tells apart. */
export function numberedList<K extends string, T extends z.ZodType<Readonly<Record<K, number>>>>(
  entry: T,
  key: K,
  max: number,
): z.ZodArray<T> {
  return z
    .array(entry)
    .max(max)
    .check(unique<z.output<T>>((value) => String(value[key])))
    .meta({ "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [key] });
}

/** A list of entries that one member, a text, tells apart. */
export function textKeyedList<K extends string, T extends z.ZodType<Readonly<Record<K, string>>>>(
  entry: T,
  key: K,
  max: number,
): z.ZodArray<T> {
  return z
    .array(entry)
    .max(max)
    .check(unique<z.output<T>>((value) => value[key]))
    .meta({ "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [key] });
}

/** A list of texts in which each stands once. */
export function textSet<T extends z.ZodType<string>>(entry: T, max: number): z.ZodArray<T> {
  return z
    .array(entry)
    .max(max)
    .check(unique<z.output<T>>((value) => value))
    .meta({ "x-kubernetes-list-type": "set" });
}

/** The API server checks this by list type, so it needs no CEL. Points at the second of two equal entries. */
function unique<T>(identity: (entry: T) => string): z.core.$ZodCheck<T[]> {
  return z.superRefine<T[]>((entries, context) => {
    const seen = new Map<string, number>();
    for (const [index, entry] of entries.entries()) {
      const key = identity(entry);
      const first = seen.get(key);
      if (first === undefined) seen.set(key, index);
      else context.addIssue({ code: "custom", path: [index], message: `an entry unlike entry ${String(first)}` });
    }
  });
}

const LABEL = "[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?";

/** As the API server checks subdomains: labels of any length. Written so that no text makes the match back-track. */
const NAME_PART = "[a-z0-9]+(-+[a-z0-9]+)*";

/** RFC 1123 label: what list entries of ours are named by. */
export function entryName(): z.ZodString {
  return text({
    wanted: "a name: lower-case letters, digits and -, starting and ending with a letter or digit, at most 63",
    max: 63,
    pattern: new RegExp(`^${LABEL}$`),
  });
}

/** metadata.name of an object, as the API server checks it: an RFC 1123 subdomain. */
export function objectName(): z.ZodString {
  return text({
    wanted: "a name: lower-case letters, digits, - and ., starting and ending with a letter or digit, at most 253",
    max: 253,
    pattern: new RegExp(`^${NAME_PART}(\\.${NAME_PART})*$`),
  });
}

/** A name that people gave to something outside Kubernetes: any text without white space at its ends. */
export function plainName(): z.ZodString {
  return text({
    wanted: "a name of 1 to 253 characters, without spaces at its ends",
    max: 253,
    pattern: /^\S+( +\S+)*$/,
  });
}

/** RFC 9110 section 5.1: a field name is a token. */
export function headerName(): z.ZodString {
  return text({
    wanted: "a header name: letters, digits and !#$%&'*+-.^_`|~, at most 128",
    max: 128,
    pattern: /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/,
  });
}

/** White space around a key is lost in HTTP, so none is taken here either. */
export function inlineKey(): z.ZodString {
  return text({
    wanted: "a key of 1 to 4096 printable ASCII characters, without spaces at its ends",
    max: 4096,
    pattern: /^[!-~]( *[!-~])*$/,
  });
}

/** Exact or wildcard host name, lower case and without a port. */
export function hostname(): z.ZodString {
  return text({
    wanted: 'a lower-case host name like api.example.com, or "*.example.com" for every name below it',
    max: 253,
    pattern: new RegExp(`^(\\*\\.)?${LABEL}(\\.${LABEL})*$`),
  });
}

/** The text form only, or that of a template; core/duration.ts of the data plane reads it, the compiler checks the range. */
export function windowDuration(): z.ZodString {
  return text({
    wanted: "a duration: a number and s, m, h or d, like 30s; or a template",
    max: MAX_TEMPLATE,
    pattern: /^([0-9]{1,8}d)?([0-9]{1,8}h)?([0-9]{1,8}m)?([0-9]{1,8}s)?$|\$/,
  });
}

/** The text form only; core/duration.ts of the data plane reads it, the compiler checks the range. */
export function timeoutDuration(): z.ZodString {
  return text({
    wanted: "a duration: a number and ms, s, m or h, like 5s",
    max: 32,
    pattern: /^([0-9]{1,8}h)?([0-9]{1,8}m)?([0-9]{1,8}s)?([0-9]{1,8}ms)?$/,
  });
}

const INSTANT = "a time like 2027-01-31T00:00:00Z (RFC 3339)";

/** A point in time, as RFC 3339 section 5.6 writes it. Days that no calendar has are refused by the API server and here. */
export function instant(): z.ZodString {
  const form = text({
    wanted: INSTANT,
    max: 35,
    pattern: /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})$/,
  });
  return form.refine(isInstant, { error: INSTANT }).meta({ format: "date-time" });
}

function isInstant(value: string): boolean {
  const [year = 0, month = 0, day = 0] = value.slice(0, 10).split("-").map(Number);
  const lastDay = new Date(Date.UTC(year, month, 0)).getUTCDate();
  return !Number.isNaN(Date.parse(value)) && day <= lastDay;
}

const KEY_SOURCE =
  "an https URL without user, query and fragment, like https://idp.example.com (http for loopback addresses only)";
const LOOPBACK = "localhost|127\\.[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{1,3}|\\[::1\\]";
const KEY_SOURCE_FORM = new RegExp(
  `^(https://[a-zA-Z0-9.:\\[\\]-]+|http://(${LOOPBACK})(:[0-9]{1,5})?)(/[a-zA-Z0-9._~!$&'()*+,;=:%/-]*)?$`,
);

/**
 * Where keys come from that prove who somebody is: https, and http to loopback addresses only, as anyone on the way could
 * exchange them. A host or port that is none is refused by the compiler only.
 */
export function keySourceUrl(): z.ZodString {
  return text({ wanted: KEY_SOURCE, max: 1024, pattern: KEY_SOURCE_FORM }).refine((url) => URL.canParse(url), {
    error: KEY_SOURCE,
  });
}

/** Names of models: globs that are compared with what a client asks for. */
export function modelPattern(): z.ZodString {
  return text({
    wanted:
      "a model's name of 1 to 256 printable ASCII characters without spaces, * for any text and ? for one character",
    max: 256,
    pattern: /^[!-~]+$/,
  });
}

/** One key of a Secret in the same namespace. */
export function secretRef(): z.ZodObject<{ name: z.ZodString; key: z.ZodString }, z.core.$strict> {
  return z.strictObject({
    name: objectName().describe("Name of the Secret. It is looked for in the namespace of this object only."),
    key: text({
      wanted: "a key of a Secret: letters, digits, -, _ and ., at most 253",
      max: 253,
      pattern: /^[-._a-zA-Z0-9]+$/,
    }).describe("Key within the Secret's data. Spaces and line ends around the value are dropped."),
  });
}
