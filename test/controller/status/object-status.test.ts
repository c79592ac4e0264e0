// What users read in an object's status: every reason with its message.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Finding, FindingCode } from "../../../compiler/finding.ts";
import type { ObjectState, ObjectStatus } from "../../../controller/status/object-state.ts";
import { desiredStatus } from "../../../controller/status/object-status.ts";
import { aDataPlane, aFinding, anEnforcement, aState, CONFIG, NO_SHADOW, NOW_MS } from "./state-builders.ts";

function lineOf(status: ObjectStatus, wanted: string): string {
  const found = status.conditions.find(({ type }) => type === wanted);
  return found === undefined ? "absent" : `${found.status} ${found.reason}: ${found.message}`;
}

const OLD = { generation: 3, published: { generation: CONFIG, revision: 9 } };
const UNPUBLISHED = { generation: 4, published: undefined };
const missing = (changes: Partial<Finding> = {}): Finding =>
  aFinding({
    code: "SecretNotFound",
    field: "spec.auth.apiKey.secretRef.name",
    found: '"openai"',
    wanted: "a Secret of this namespace",
    ...changes,
  });

interface Row {
  readonly name: string;
  readonly state: Partial<ObjectState>;
  readonly type: "Accepted" | "ResolvedRefs" | "Programmed" | "Enforced";
  readonly line: string;
}

const ACCEPTED: readonly Row[] = [
  { name: "a valid object", state: {}, type: "Accepted", line: "True Accepted: the spec is valid" },
  {
    name: "an object that the compiler has not seen",
    state: { findings: undefined, inForce: undefined },
    type: "Accepted",
    line: "Unknown Pending: generation 4 is not looked at yet",
  },
  {
    name: "an invalid object",
    state: { findings: [aFinding()], inForce: undefined },
    type: "Accepted",
    line: "False Invalid: spec.limits[0].limit: found 0, wanted an integer; not in force",
  },
  {
    name: "an invalid object whose last good version is in force",
    state: { findings: [aFinding()], inForce: OLD },
    type: "Accepted",
    line: "False Invalid: spec.limits[0].limit: found 0, wanted an integer; generation 3 stays in force",
  },
  {
    name: "an error after a warning",
    state: {
      findings: [
        aFinding({ severity: "warning", code: "InlineSecret", field: "spec.a" }),
        aFinding({ field: "spec.b" }),
      ],
      inForce: undefined,
    },
    type: "Accepted",
    line: "False Invalid: spec.b: found 0, wanted an integer; warning: spec.a: found 0, wanted an integer; not in force",
  },
  {
    name: "seven errors",
    state: { findings: [1, 2, 3, 4, 5, 6, 7].map((i) => aFinding({ field: `f${String(i)}` })), inForce: undefined },
    type: "Accepted",
    line: `False Invalid: ${[1, 2, 3, 4, 5].map((i) => `f${String(i)}: found 0, wanted an integer`).join("; ")} and 2 more; not in force`,
  },
  {
    name: "a finding about the whole object",
    state: { findings: [aFinding({ field: "" })], inForce: undefined },
    type: "Accepted",
    line: "False Invalid: found 0, wanted an integer; not in force",
  },
  {
    name: "a Consumer that lost its only key and is published without one",
    state: { findings: [aFinding({ code: "CredentialConflict" })], enforcement: undefined },
    type: "Accepted",
    line: "False CredentialConflict: spec.limits[0].limit: found 0, wanted an integer",
  },
];

const RESOLVED: readonly Row[] = [
  {
    name: "an object whose names all stand for something",
    state: {},
    type: "ResolvedRefs",
    line: "True ResolvedRefs: everything that the spec names exists",
  },
  {
    name: "a Secret that is not there",
    state: { findings: [missing()], inForce: undefined },
    type: "ResolvedRefs",
    line: 'False SecretNotFound: spec.auth.apiKey.secretRef.name: found "openai", wanted a Secret of this namespace; not in force',
  },
  {
    name: "a name without an object, which the policy can do without",
    state: { findings: [missing({ severity: "warning", code: "TargetNotFound" })] },
    type: "ResolvedRefs",
    line: 'False TargetNotFound: warning: spec.auth.apiKey.secretRef.name: found "openai", wanted a Secret of this namespace',
  },
  {
    name: "an object that is not accepted",
    state: { findings: [aFinding()], inForce: OLD },
    type: "ResolvedRefs",
    line: "Unknown Invalid: not looked at: the spec is not accepted",
  },
  {
    name: "an object that the compiler has not seen",
    state: { findings: undefined },
    type: "ResolvedRefs",
    line: "Unknown Pending: generation 4 is not looked at yet",
  },
];

const PROGRAMMED: readonly Row[] = [
  { name: "a published object", state: {}, type: "Programmed", line: "True Programmed: published with revision 12" },
  {
    name: "an object on its way",
    state: { inForce: UNPUBLISHED },
    type: "Programmed",
    line: "Unknown Pending: not published yet",
  },
  {
    name: "an object on its way while Redis is away",
    state: { inForce: UNPUBLISHED, storeAwaySinceMs: NOW_MS },
    type: "Programmed",
    line: "False StoreUnavailable: not published: Redis cannot be reached since 2026-01-01T12:00:00Z",
  },
  {
    name: "an object that is published, while Redis is away",
    state: { storeAwaySinceMs: NOW_MS },
    type: "Programmed",
    line: "True Programmed: published with revision 12",
  },
  {
    name: "an invalid object",
    state: { findings: [aFinding()], inForce: undefined },
    type: "Programmed",
    line: "False Invalid: generation 4 is not in force",
  },
  {
    name: "an object whose last good version is in force",
    state: { findings: [missing()], inForce: OLD },
    type: "Programmed",
    line: "False SecretNotFound: generation 4 is not in force; generation 3 stays in force",
  },
  {
    name: "an object that the compiler has only begun with",
    state: { findings: [], inForce: OLD },
    type: "Programmed",
    line: "Unknown Pending: generation 4 is not looked at yet",
  },
];

const silent = aDataPlane("gw-2", { silentSinceMs: NOW_MS });
const ENFORCED: readonly (Row & { readonly proxies: string })[] = [
  {
    name: "a policy that every data plane has",
    state: {},
    type: "Enforced",
    line: "True Enforced: 2/2 data planes have revision 12",
    proxies: "2/2",
  },
  {
    name: "a policy that a data plane has not",
    state: { enforcement: anEnforcement({ dataPlanes: [aDataPlane("gw-1"), aDataPlane("gw-2", { revision: 11 })] }) },
    type: "Enforced",
    line: "False Pending: 1/2 data planes have revision 12; waiting for gw-2",
    proxies: "1/2",
  },
  {
    name: "a data plane that follows an older generation of the configuration",
    state: {
      enforcement: anEnforcement({
        dataPlanes: [aDataPlane("gw-1", { acknowledged: { ai: { generation: "older", revision: 99 } } })],
      }),
    },
    type: "Enforced",
    line: "False Pending: 0/1 data planes have revision 12; waiting for gw-1",
    proxies: "0/1",
  },
  {
    name: "a data plane that has not loaded the namespace",
    state: { enforcement: anEnforcement({ dataPlanes: [aDataPlane("gw-1", { acknowledged: {} })] }) },
    type: "Enforced",
    line: "False Pending: 0/1 data planes have revision 12; waiting for gw-1",
    proxies: "0/1",
  },
  {
    name: "eight data planes that have not taken it over",
    state: {
      enforcement: anEnforcement({
        dataPlanes: [1, 2, 3, 4, 5, 6, 7, 8].map((i) => aDataPlane(`gw-${String(i)}`, { revision: 1 })),
      }),
    },
    type: "Enforced",
    line: "False Pending: 0/8 data planes have revision 12; waiting for gw-1, gw-2, gw-3, gw-4, gw-5 and 3 more",
    proxies: "0/8",
  },
  {
    name: "a silent data plane, whatever it acknowledged before",
    state: { enforcement: anEnforcement({ dataPlanes: [aDataPlane("gw-1"), silent] }) },
    type: "Enforced",
    line: "Unknown ProxySilent: 1/2 data planes have revision 12; no sign of gw-2 since 2026-01-01T12:00:00Z",
    proxies: "1/2",
  },
  {
    name: "a silent data plane beside a slow one",
    state: { enforcement: anEnforcement({ dataPlanes: [aDataPlane("gw-1", { revision: 1 }), silent] }) },
    type: "Enforced",
    line: "Unknown ProxySilent: 0/2 data planes have revision 12; no sign of gw-2 since 2026-01-01T12:00:00Z; waiting for gw-1",
    proxies: "0/2",
  },
  {
    name: "a sidecar of another namespace",
    state: {
      enforcement: anEnforcement({
        dataPlanes: [aDataPlane("gw-1"), aDataPlane("x", { scope: "other", revision: 1 })],
      }),
    },
    type: "Enforced",
    line: "True Enforced: 1/1 data planes have revision 12",
    proxies: "1/1",
  },
  {
    name: "a sidecar of its own namespace",
    state: {
      enforcement: anEnforcement({ dataPlanes: [aDataPlane("gw-1"), aDataPlane("x", { scope: "ai", revision: 1 })] }),
    },
    type: "Enforced",
    line: "False Pending: 1/2 data planes have revision 12; waiting for x",
    proxies: "1/2",
  },
  {
    name: "no data plane",
    state: { enforcement: anEnforcement({ dataPlanes: [] }) },
    type: "Enforced",
    line: "False NoProxies: no data plane serves namespace ai",
    proxies: "0/0",
  },
  {
    name: "a policy for all namespaces without data planes",
    state: { part: "Cluster", enforcement: anEnforcement({ dataPlanes: [] }) },
    type: "Enforced",
    line: "False NoProxies: there is no data plane",
    proxies: "0/0",
  },
  {
    name: "a policy for all namespaces that a sidecar of one of them lacks",
    state: {
      part: "Cluster",
      enforcement: anEnforcement({
        dataPlanes: [
          aDataPlane("gw-1", { acknowledged: { Cluster: { generation: CONFIG, revision: 12 } } }),
          aDataPlane("side-1", { scope: "shop", acknowledged: { shop: { generation: CONFIG, revision: 12 } } }),
        ],
      }),
    },
    type: "Enforced",
    line: "False Pending: 1/2 data planes have revision 12; waiting for side-1",
    proxies: "1/2",
  },
  {
    name: "a policy for all namespaces that all of them have",
    state: {
      part: "Cluster",
      enforcement: anEnforcement({
        dataPlanes: [
          aDataPlane("gw-1", { serves: ["shop"], acknowledged: { Cluster: { generation: CONFIG, revision: 12 } } }),
          aDataPlane("side-1", { scope: "shop", acknowledged: { Cluster: { generation: CONFIG, revision: 13 } } }),
        ],
      }),
    },
    type: "Enforced",
    line: "True Enforced: 2/2 data planes have revision 12",
    proxies: "2/2",
  },
  {
    name: "a policy in Shadow",
    state: { enforcement: anEnforcement({ shadow: { limits: ["minute"], isWhole: true } }) },
    type: "Enforced",
    line: "False Shadow: 2/2 data planes have revision 12; in Shadow: counts and reports, refuses nothing",
    proxies: "2/2",
  },
  {
    name: "a policy of which one limit is in Shadow",
    state: { enforcement: anEnforcement({ shadow: { limits: ["minute"], isWhole: false } }) },
    type: "Enforced",
    line: "True Enforced: 2/2 data planes have revision 12; in Shadow: limit minute",
    proxies: "2/2",
  },
  {
    name: "a policy on its way",
    state: { inForce: UNPUBLISHED },
    type: "Enforced",
    line: "Unknown Pending: not published yet",
    proxies: "0/2",
  },
  {
    name: "a policy on its way while Redis is away",
    state: { inForce: UNPUBLISHED, storeAwaySinceMs: NOW_MS },
    type: "Enforced",
    line: "Unknown StoreUnavailable: not published: Redis cannot be reached since 2026-01-01T12:00:00Z",
    proxies: "0/2",
  },
  {
    name: "a published policy while Redis is away",
    state: { storeAwaySinceMs: NOW_MS },
    type: "Enforced",
    line: "Unknown StoreUnavailable: data planes cannot be asked: Redis cannot be reached since 2026-01-01T12:00:00Z",
    proxies: "2/2",
  },
  {
    name: "an invalid policy whose last good version is in force",
    state: { findings: [aFinding()], inForce: OLD },
    type: "Enforced",
    line: "False Invalid: generation 4 is not in force; generation 3 stays in force",
    proxies: "0/2",
  },
  {
    name: "a policy that the compiler has not seen",
    state: { findings: undefined, inForce: undefined },
    type: "Enforced",
    line: "Unknown Pending: generation 4 is not looked at yet",
    proxies: "0/2",
  },
];

test.for([...ACCEPTED, ...RESOLVED, ...PROGRAMMED, ...ENFORCED])(
  "[unit] $type of $name is $line",
  ({ state, type, line }) => {
    expect(lineOf(desiredStatus(aState(state)), type)).toBe(line);
  },
);

test.for(ENFORCED)("[unit] status of $name counts $proxies", ({ state, proxies }) => {
  expect(desiredStatus(aState(state)).fields).toEqual({ observedGeneration: 4, proxies });
});

/** Every code that the compiler knows, by type: a new one belongs into this table. */
const CODES: Readonly<Record<FindingCode, { readonly type: string; readonly reason: string }>> = {
  Invalid: { type: "Accepted", reason: "Invalid" },
  UnknownKind: { type: "Accepted", reason: "Invalid" },
  UnknownField: { type: "Accepted", reason: "Invalid" },
  Duplicate: { type: "Accepted", reason: "Invalid" },
  Conflicted: { type: "Accepted", reason: "Conflicted" },
  TooManyLimits: { type: "Accepted", reason: "TooManyLimits" },
  CredentialConflict: { type: "Accepted", reason: "CredentialConflict" },
  CredentialExpired: { type: "Accepted", reason: "CredentialExpired" },
  CredentialExpiring: { type: "Accepted", reason: "CredentialExpiring" },
  HostnameTaken: { type: "Accepted", reason: "HostnameTaken" },
  PlaintextCredential: { type: "Accepted", reason: "PlaintextCredential" },
  InlineSecret: { type: "Accepted", reason: "InlineSecret" },
  ClientControlled: { type: "Accepted", reason: "ClientControlled" },
  MixedCurrencies: { type: "Accepted", reason: "MixedCurrencies" },
  UnknownUsageField: { type: "Accepted", reason: "UnknownUsageField" },
  Shadow: { type: "Accepted", reason: "Shadow" },
  TargetNotFound: { type: "ResolvedRefs", reason: "TargetNotFound" },
  SecretNotFound: { type: "ResolvedRefs", reason: "SecretNotFound" },
  PriceMissing: { type: "ResolvedRefs", reason: "PriceMissing" },
};
const CODE_ROWS = Object.entries(CODES).map(([code, row]) => ({ ...row, code }));
const codes = fc.constantFrom(...CODE_ROWS.map(({ code }) => code)).map((code) => findingOf(code, "error").code);

function findingOf(code: string, severity: Finding["severity"]): Finding {
  const known = Object.keys(CODES).find((candidate): candidate is FindingCode => candidate === code);
  return aFinding({ severity, ...(known === undefined ? {} : { code: known }) });
}

test.for(CODE_ROWS)("[unit] an error $code makes $type False with reason $reason", ({ code, type, reason }) => {
  const status = desiredStatus(aState({ findings: [findingOf(code, "error")], inForce: undefined }));
  expect(lineOf(status, type)).toBe(`False ${reason}: spec.limits[0].limit: found 0, wanted an integer; not in force`);
  expect(lineOf(status, "Programmed")).toBe(`False ${reason}: generation 4 is not in force`);
});

test.for(CODE_ROWS)("[unit] a warning $code is told by $type", ({ code, type, reason }) => {
  const status = desiredStatus(aState({ findings: [findingOf(code, "warning")] }));
  const holds = type === "Accepted" ? "True" : "False";
  expect(lineOf(status, type)).toBe(`${holds} ${reason}: warning: spec.limits[0].limit: found 0, wanted an integer`);
  expect(lineOf(status, "Programmed")).toBe("True Programmed: published with revision 12");
});

test("[unit] only policies have the condition Enforced and a count", () => {
  const { conditions, fields } = desiredStatus(aState({ enforcement: undefined }));
  expect(conditions.map(({ type }) => type)).toEqual(["Accepted", "ResolvedRefs", "Programmed"]);
  expect(fields).toEqual({ observedGeneration: 4 });
});

function expectTakenOver({ enforcement, inForce, generation }: ObjectState): void {
  const planes = enforcement?.dataPlanes.filter(({ scope }) => scope !== "other") ?? [];
  expect(planes.length).toBeGreaterThan(0);
  expect(inForce?.generation).toBe(generation);
  for (const { acknowledged, silentSinceMs } of planes) {
    expect(silentSinceMs).toBeUndefined();
    expect(acknowledged["ai"]?.generation).toBe(CONFIG);
    expect(acknowledged["ai"]?.revision).toBeGreaterThanOrEqual(inForce?.published?.revision ?? Infinity);
  }
}

describe("laws", () => {
  const revision = fc.integer({ min: 10, max: 14 });
  const plane = fc
    .record({
      name: fc.stringMatching(/^gw-[0-9]{1,2}$/),
      scope: fc.constantFrom("*", "ai", "other"),
      generation: fc.constantFrom(CONFIG, "older"),
      revision,
      silentSinceMs: fc.constantFrom(undefined, NOW_MS),
    })
    .map(({ name, generation, revision: seen, ...rest }) =>
      aDataPlane(name, { ...rest, acknowledged: { ai: { generation, revision: seen } } }),
    );
  const finding = fc
    .record({ code: codes, severity: fc.constantFrom("error" as const, "warning" as const), found: fc.string() })
    .map((changes) => aFinding(changes));
  const published = fc.option(
    revision.map((at) => ({ generation: CONFIG, revision: at })),
    { nil: undefined },
  );
  const state: fc.Arbitrary<ObjectState> = fc.record({
    part: fc.constant("ai"),
    generation: fc.integer({ min: 1, max: 3 }),
    findings: fc.option(fc.array(finding, { maxLength: 8 }), { nil: undefined }),
    inForce: fc.option(fc.record({ generation: fc.integer({ min: 1, max: 3 }), published }), { nil: undefined }),
    storeAwaySinceMs: fc.constantFrom(undefined, NOW_MS),
    enforcement: fc.array(plane, { maxLength: 4 }).map((dataPlanes) => ({ dataPlanes, shadow: NO_SHADOW })),
  });

  test("[unit] Enforced is True only when every data plane of the namespace has taken this generation over", () => {
    let seenTrue = 0;
    fc.assert(
      fc.property(state, (at) => {
        if (!lineOf(desiredStatus(at), "Enforced").startsWith("True ")) return;
        seenTrue += 1;
        expectTakenOver(at);
      }),
      { numRuns: 5_000 },
    );
    expect(seenTrue).toBeGreaterThan(0);
  });

  test("[unit] all four conditions are always there, of this generation, and short enough to read", () => {
    fc.assert(
      fc.property(state, (at) => {
        const { conditions } = desiredStatus(at);
        expect(conditions.map(({ type }) => type)).toEqual(["Accepted", "ResolvedRefs", "Programmed", "Enforced"]);
        for (const { reason, message, observedGeneration } of conditions) {
          expect(observedGeneration).toBe(at.generation);
          expect(reason).toMatch(/^[A-Z][A-Za-z]+$/);
          expect(message).not.toBe("");
          expect(message.length).toBeLessThanOrEqual(1024);
        }
      }),
    );
  });

  test("[unit] a finding of any length stays within a message", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 3_000 }), { minLength: 1, maxLength: 9 }), (lengths) => {
        const findings = lengths.map((length) => aFinding({ wanted: "x".repeat(length) }));
        const [accepted] = desiredStatus(aState({ findings, inForce: OLD })).conditions;
        expect(accepted?.message.length).toBeLessThanOrEqual(1024);
        expect(accepted?.message).toContain("generation 3 stays in force");
      }),
    );
  });
});
