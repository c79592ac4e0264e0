// Finds the key that a credential names: inline, or in a Secret of the same namespace. What it returns is secret; what it
// reports is not.

import { HIDDEN, quoted } from "./found-text.ts";
import type { NameSet } from "./known-names.ts";
import { withSuggestion } from "./nearest-name.ts";
import type { SecretObject } from "./read-secret.ts";
import type { Problem } from "./report.ts";

export interface KeySource {
  readonly secretRef?: { readonly name: string; readonly key: string } | undefined;
  readonly value?: string | undefined;
}

/** Secrets of one namespace. */
export interface Secrets {
  find(name: string): SecretObject | undefined;
  /**
   * Names that may be suggested for a mistyped one. None in a cluster: who may write an object there need not be allowed
   * to list Secrets, and a finding would have to be made anew whenever any Secret comes or goes.
   */
  readonly suggestible: NameSet | undefined;
}

export type ResolvedKey =
  | { readonly kind: "key"; readonly key: string }
  | { readonly kind: "problem"; readonly problem: Problem };

/** `field` is the path of the object that holds secretRef or value. */
export function resolveKey({ secretRef, value }: KeySource, field: string, secrets: Secrets): ResolvedKey {
  if (value !== undefined) return { kind: "key", key: value };
  const { name, key } = secretRef ?? { name: "", key: "" };
  const { suggestible } = secrets;
  const secret = secrets.find(name);
  if (secret === undefined) {
    const wanted = withSuggestion("a Secret of this namespace", name, suggestible?.keys() ?? []);
    return secretNotFound({ field: `${field}.secretRef.name`, found: quoted(name), wanted });
  }
  const keys = secret.keys();
  if (!keys.includes(key)) {
    const wanted = withSuggestion(`a key of Secret ${quoted(name)}`, key, suggestible === undefined ? [] : keys);
    return secretNotFound({ field: `${field}.secretRef.key`, found: quoted(key), wanted });
  }
  const text = secret.value(key);
  return text === undefined ? illegible(`${field}.secretRef.key`) : { kind: "key", key: text };
}

function illegible(field: string): ResolvedKey {
  const wanted =
    "a Secret value of 1 to 4096 printable ASCII characters, base64-encoded in data or plain in stringData";
  return { kind: "problem", problem: { code: "Invalid", field, found: HIDDEN, wanted } };
}

function secretNotFound(problem: Omit<Problem, "code">): ResolvedKey {
  return { kind: "problem", problem: { code: "SecretNotFound", ...problem } };
}

/** The warning for a key written into an object; undefined for other sources. */
export function inlineWarning({ value }: KeySource, field: string): Problem | undefined {
  if (value === undefined) return undefined;
  return {
    code: "InlineSecret",
    field: `${field}.value`,
    found: HIDDEN,
    wanted: "a secretRef: this key is readable here",
  };
}
