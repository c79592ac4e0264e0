// Status of the kinds: what an API server keeps of it, and what kubectl shows.

import { test } from "vitest";
import { KINDS } from "../../crds/index.ts";
import { toManifest } from "../../crds/manifest.ts";
import { objectStatus, policyStatus } from "../../crds/status.ts";
import { asRecord } from "../compiler/manifest-builders.ts";

function statusSchema(kind: (typeof KINDS)[number]): Record<string, unknown> {
  const schema = asRecord(toManifest(kind).spec.versions[0].schema.openAPIV3Schema);
  return asRecord(asRecord(asRecord(schema["properties"])["status"])["properties"]);
}

test.for(KINDS)("[unit] conditions of $kind are a list that is merged by type", (kind, { expect }) => {
  const conditions = asRecord(statusSchema(kind)["conditions"]);
  expect(conditions).toMatchObject({ "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"] });
  expect(asRecord(conditions["items"])["required"]).toEqual([
    "type",
    "status",
    "lastTransitionTime",
    "reason",
    "message",
  ]);
  expect(asRecord(asRecord(conditions["items"])["properties"])["lastTransitionTime"]).toMatchObject({
    type: "string",
    format: "date-time",
  });
});

test("[unit] only policies count data planes", ({ expect }) => {
  const counting = KINDS.filter((kind) => "proxies" in statusSchema(kind)).map(({ kind }) => kind);
  expect(counting).toEqual(["AIRateLimitPolicy"]);
});

test.for([
  { kind: "Consumer", shown: ["Username", "Group", "Accepted", "Programmed", "Age"], wide: ["Resolved"] },
  { kind: "AIBackend", shown: ["Provider", "Endpoint", "Accepted", "Programmed", "Age"], wide: ["Auth", "Resolved"] },
  { kind: "AIRoute", shown: ["Path", "Backend", "Accepted", "Programmed", "Age"], wide: ["Resolved"] },
  {
    kind: "AIRateLimitPolicy",
    shown: ["Mode", "Consumers", "Groups", "Accepted", "Enforced", "Proxies", "Age"],
    wide: ["Limit", "Programmed", "Resolved"],
  },
])("[unit] kubectl get shows $shown of $kind", ({ kind, shown, wide }, { expect }) => {
  const columns = KINDS.find((found) => found.kind === kind)?.columns ?? [];
  expect(columns.filter(({ priority = 0 }) => priority === 0).map(({ name }) => name)).toEqual(shown);
  expect(columns.filter(({ priority = 0 }) => priority > 0).map(({ name }) => name)).toEqual(wide);
  const accepted = columns.find(({ name }) => name === "Accepted");
  expect(accepted?.jsonPath).toBe('.status.conditions[?(@.type=="Accepted")].status');
});

test.for([
  { name: "a condition of another owner", type: "example.com/Seen", isTaken: true },
  { name: "a condition of ours", type: "Accepted", isTaken: true },
  { name: "a condition without a name", type: "", isTaken: false },
])("[unit] status takes $name: $isTaken", ({ type, isTaken }, { expect }) => {
  const condition = {
    type,
    status: "True",
    observedGeneration: 1,
    lastTransitionTime: "2026-01-01T00:00:00Z",
    reason: "Accepted",
    message: "",
  };
  const status = { observedGeneration: 1, conditions: [condition] };
  expect(objectStatus.safeParse(status).success).toBe(isTaken);
  expect(policyStatus.safeParse({ ...status, proxies: "5/5" }).success).toBe(isTaken);
});
