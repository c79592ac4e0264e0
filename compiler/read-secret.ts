// A Kubernetes Secret as far as it is needed: one key's value as text. Values are decoded when they are asked for, so that
// a Secret nobody names is never judged.

import type { ObjectRef } from "./finding.ts";
import { fieldPath, foundType } from "./found-text.ts";
import { isRecord } from "./is-record.ts";
import { unknownFieldsAt } from "./read-spec.ts";
import type { Reporter } from "./report.ts";

export interface SecretObject {
  readonly kind: "Secret";
  readonly ref: ObjectRef;
  keys(): readonly string[];
  /** White space around the value dropped. Undefined when it is no key: absent, not base64, not printable ASCII, too long. */
  value(key: string): string | undefined;
}

const FIELDS = ["apiVersion", "kind", "metadata", "type", "immutable", "data", "stringData"];

const MAX_KEY_BYTES = 4096;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Undefined after reporting. stringData goes before data, as on the API server. */
export function readSecret(manifest: Record<string, unknown>, report: Reporter): SecretObject | undefined {
  for (const problem of unknownFieldsAt([], manifest, FIELDS)) report.error(problem);
  const data = readMap(manifest, "data", report);
  const stringData = readMap(manifest, "stringData", report);
  if (report.hasError()) return undefined;
  return new ReadSecret(report.ref, data, stringData);
}

/** A class, so that 100,000 Secrets share their functions. */
class ReadSecret implements SecretObject {
  readonly kind = "Secret";
  readonly ref: ObjectRef;
  readonly #data: TextMap | undefined;
  readonly #stringData: TextMap | undefined;

  constructor(ref: ObjectRef, data: TextMap | undefined, stringData: TextMap | undefined) {
    this.ref = ref;
    this.#data = data;
    this.#stringData = stringData;
  }

  keys(): readonly string[] {
    return [...new Set([...(this.#data?.keys() ?? []), ...(this.#stringData?.keys() ?? [])])];
  }

  value(key: string): string | undefined {
    const plain = this.#stringData?.get(key) ?? decode(this.#data?.get(key));
    return plain === undefined ? undefined : usableKey(plain);
  }
}

type TextMap = ReadonlyMap<string, string>;

/** Undefined when it is absent or no map. */
function readMap(
  manifest: Record<string, unknown>,
  field: "data" | "stringData",
  report: Reporter,
): TextMap | undefined {
  const map = manifest[field];
  if (map === undefined || map === null) return undefined;
  const values = new Map<string, string>();
  if (!isRecord(map)) {
    report.error({ code: "Invalid", field, found: foundType(map), wanted: "an object of names and texts" });
    return undefined;
  }
  for (const [key, value] of Object.entries(map)) {
    if (typeof value === "string") values.set(key, value);
    else report.error({ code: "Invalid", field: fieldPath([field, key]), found: foundType(value), wanted: "a text" });
  }
  return values;
}

/** Line breaks are allowed within base64, as YAML's block texts have them. */
function decode(base64: string | undefined): string | undefined {
  const compact = base64?.replaceAll(/\s/g, "");
  if (compact === undefined || !BASE64.test(compact)) return undefined;
  return Buffer.from(compact, "base64").toString("latin1");
}

/** Bytes beyond ASCII read as latin1 stay beyond ASCII, so they are refused here whatever they meant. */
function usableKey(text: string): string | undefined {
  const key = text.trim();
  return key.length <= MAX_KEY_BYTES && /^[ -~]+$/.test(key) ? key : undefined;
}
