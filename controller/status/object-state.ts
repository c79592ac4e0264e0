// What is known of an object, and the status that says it. Times are milliseconds since 1970.

import type { Finding } from "../../compiler/finding.ts";
import type { DesiredCondition, DesiredStatus } from "../kube/conditions.ts";
import type { DataPlane, Publication } from "./data-planes.ts";

export interface ObjectState {
  /** Of the configuration, in which it lies: its namespace, or CLUSTER_PART. */
  readonly part: string;
  /** metadata.generation of the object as it stands. */
  readonly generation: number;
  /** Of this generation; undefined until the compiler has seen it. */
  readonly findings: readonly Finding[] | undefined;
  /** What is compiled of the object; undefined when nothing is. */
  readonly inForce: InForce | undefined;
  /** Since when the store cannot be reached; undefined when it can. */
  readonly storeAwaySinceMs?: number | undefined;
  /** For policies; other kinds have no condition Enforced. */
  readonly enforcement?: Enforcement | undefined;
}

export interface InForce {
  /** metadata.generation of the manifest that it was compiled from: an older one while the present one is invalid. */
  readonly generation: number;
  /** Where it stands in the store; undefined until exactly this is written there. */
  readonly published: Publication | undefined;
}

export interface Enforcement {
  /** All that are present, see `dataPlanes`. */
  readonly dataPlanes: readonly DataPlane[];
  readonly shadow: Shadow;
}

export interface Shadow {
  /** Names of the limits that only count and report. */
  readonly limits: readonly string[];
  /** All of the policy's limits do. */
  readonly isWhole: boolean;
}

export interface ObjectStatus extends DesiredStatus {
  readonly fields: { readonly observedGeneration: number; readonly proxies?: string };
}

export type Verdict = Pick<DesiredCondition, "status" | "reason" | "message">;
