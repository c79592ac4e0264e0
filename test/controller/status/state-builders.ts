// Objects, findings and data planes as the status functions take them, with defaults: generation 4 of a policy in namespace
// ai, in force and published with revision 12, and two gateways that have taken it over.

import type { Finding } from "../../../compiler/finding.ts";
import type { DataPlane } from "../../../controller/status/data-planes.ts";
import type { Enforcement, ObjectState } from "../../../controller/status/object-state.ts";

export const NOW_MS = Date.UTC(2026, 0, 1, 12);
export const CONFIG = "5f3a90c1d2e4b786";

export function aFinding(changes: Partial<Finding> = {}): Finding {
  return {
    severity: "error",
    code: "Invalid",
    object: { kind: "AIRateLimitPolicy", namespace: "ai", name: "it" },
    field: "spec.limits[0].limit",
    found: "0",
    wanted: "an integer",
    ...changes,
  };
}

export function aDataPlane(name: string, changes: Partial<DataPlane> & { readonly revision?: number } = {}): DataPlane {
  const { revision = 12, ...others } = changes;
  return {
    scope: "*",
    id: name,
    name,
    silentSinceMs: undefined,
    serves: undefined,
    acknowledged: { ai: { generation: CONFIG, revision } },
    ...others,
  };
}

export const NO_SHADOW = { limits: [], isWhole: false };

export function anEnforcement(changes: Partial<Enforcement> = {}): Enforcement {
  return { dataPlanes: [aDataPlane("gw-1"), aDataPlane("gw-2")], shadow: NO_SHADOW, ...changes };
}

export function aState(changes: Partial<ObjectState> = {}): ObjectState {
  return {
    part: "ai",
    generation: 4,
    findings: [],
    inForce: { generation: 4, published: { generation: CONFIG, revision: 12 } },
    enforcement: anEnforcement(),
    ...changes,
  };
}
