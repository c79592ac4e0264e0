// Names of compiled objects, and what a change of some of them is.

import type { CompiledObject } from "./compiled.ts";

export interface ObjectName {
  /** The part of the configuration that it lies in: its namespace, or CLUSTER_PART. */
  readonly namespace: string;
  readonly kind: CompiledObject["kind"];
  readonly name: string;
}

/** What is removed goes first, so that a name may stand in both. */
export interface ConfigChanges {
  readonly set: readonly CompiledObject[];
  readonly removed: readonly ObjectName[];
}

const KINDS: readonly CompiledObject["kind"][] = ["Consumer", "AIBackend", "AIRoute", "AIRateLimitPolicy"];

/** "Consumer/user1", as `objectField` writes it; undefined when the text names no object. */
export function readObjectField(namespace: string, field: string): ObjectName | undefined {
  const at = field.indexOf("/");
  const kind = KINDS.find((each) => each === field.slice(0, at));
  const name = field.slice(at + 1);
  return kind === undefined || name === "" ? undefined : { namespace, kind, name };
}
