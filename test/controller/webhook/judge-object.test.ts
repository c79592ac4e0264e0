// What the webhook says of an object: refused for what is wrong with it, warned of what it misses.

import { expect, test } from "vitest";
import { readReview } from "../../../controller/webhook/admission-review.ts";
import { type JudgeBeside, judgeObject } from "../../../controller/webhook/judge-object.ts";
import { deriveKeys } from "../../../dataplane/contract/keyring.ts";
import {
  aBackend,
  aConsumer,
  aConsumerWithKey,
  aLimit,
  aPolicy,
  aRoute,
  asRecord,
  compiled,
  MASTER,
  type Manifest,
} from "../../compiler/manifest-builders.ts";
import { aReview, type ReviewChanges, stored } from "./review-request.ts";

const ring = [deriveKeys(MASTER, "admission")];

function judged(
  object: Manifest | null,
  changes: ReviewChanges = {},
  judgeBeside?: JudgeBeside,
): { readonly refusal: string | undefined; readonly warnings: readonly string[] } {
  const read = readReview(aReview(object, changes));
  if (read.kind === "malformed") throw new Error(read.message);
  return judgeObject(read.request, { ringFor: () => ring, systemNamespace: "default", judgeBeside });
}

const withSecret = aConsumer({}, { credentials: [{ name: "a", apiKey: { secretRef: { name: "s", key: "k" } } }] });
const invalid = aPolicy({}, { limits: [aLimit({ limit: 0 })] });

test.for([
  { name: "a Consumer whose Secret is not there yet", object: withSecret },
  { name: "an AIRoute whose AIBackend is not there yet", object: aRoute() },
  {
    name: "a Consumer whose parent is not there yet",
    object: aConsumer({}, { parentRef: { name: "team" } }),
  },
  { name: "an AIBackend", object: aBackend() },
  {
    name: "an AIRateLimitPolicy for a Consumer that is not there yet",
    object: aPolicy({}, { appliesTo: { consumers: ["x"] } }),
  },
])("[unit] $name is allowed without a word", ({ object }) => {
  expect(judged(stored(object))).toEqual({ refusal: undefined, warnings: [] });
});

test.for([
  {
    name: "every field that is wrong",
    object: aPolicy({}, { mode: "Off", limits: [aLimit({ limit: 0, unit: "Cents" })] }),
    refusal:
      "AIRateLimitPolicy ai/it is invalid:\n" +
      '- spec.mode: found "Off", wanted one of Enforce, Shadow\n' +
      '- spec.limits[0].unit: found "Cents", wanted one of TotalTokens, PromptTokens, CompletionTokens, CachedPromptTokens, ReasoningTokens, Requests, RequestPrompt, Cost, Expression\n' +
      "- spec.limits[0].limit: found 0, wanted an integer from 1 to 9007199254740991",
  },
  {
    name: "a scope that its namespace may not have",
    object: aPolicy({}, { scope: "Cluster" }),
    refusal:
      "AIRateLimitPolicy ai/it is invalid:\n" +
      '- spec.scope: found "Cluster", wanted "Namespace": only policies of the system namespace are about all namespaces',
  },
  {
    name: "a Consumer as its own parent",
    object: aConsumer({}, { parentRef: { name: "it" } }),
    refusal:
      "Consumer ai/it is invalid:\n" +
      "- spec.parentRef.name: found a cycle: it -> it, wanted a parent that does not itself belong to this Consumer",
  },
  {
    name: "a window that is too long",
    object: aPolicy({}, { limits: [aLimit({ window: { duration: "400d" } })] }),
    refusal: /^AIRateLimitPolicy ai\/it is invalid:\n- spec\.limits\[0\]\.window\.duration: found "400d", wanted .*$/,
  },
  {
    name: "an expression that is none",
    object: aPolicy({}, { limits: [aLimit({ unit: "Expression", expression: "prompt_tokens *" })] }),
    refusal: /^AIRateLimitPolicy ai\/it is invalid:\n- spec\.limits\[0\]\.expression: found .*$/,
  },
  {
    name: "a range that is none",
    object: aPolicy({}, { limits: [aLimit({ when: [{ type: "IP", values: ["10.0.0.0/33"] }] })] }),
    refusal:
      /^AIRateLimitPolicy ai\/it is invalid:\n- spec\.limits\[0\]\.when\[0\]\.values\[0\]: found "10\.0\.0\.0\/33", wanted .*$/,
  },
  {
    name: "limits that cannot be told apart",
    object: aPolicy({}, { limits: [aLimit({ label: "x" }), aLimit({ name: "other", label: "x" })] }),
    refusal: /^AIRateLimitPolicy ai\/it is invalid:\n- spec\.limits\[1\].*$/,
  },
  {
    name: "a credential in the clear, and a time-out, although the Secret is missing too",
    object: aBackend(
      {},
      {
        endpoint: "http://llm.example.com",
        auth: { type: "APIKey", apiKey: { secretRef: { name: "s", key: "k" } } },
        timeouts: { connect: "25h" },
      },
    ),
    refusal:
      "AIBackend ai/it is invalid:\n" +
      '- spec.timeouts.connect: found "25h", wanted a duration from 1ms to 24h\n' +
      '- spec.endpoint: found "http://llm.example.com", wanted https, or spec.auth.allowPlaintext: true to let anyone on the way read the credential',
  },
  {
    name: "no spec",
    object: { ...aConsumer(), spec: undefined },
    refusal: "Consumer ai/it is invalid:\n- spec: found nothing, wanted an object",
  },
])("[unit] refuses, naming $name", ({ object, refusal }) => {
  const verdict = judged(stored(object));
  if (typeof refusal === "string") expect(verdict.refusal).toBe(refusal);
  else expect(verdict.refusal).toMatch(refusal);
  expect(verdict.warnings).toEqual([]);
});

test("[unit] names at most 50 findings, and says how many more there are", () => {
  const limits = Array.from({ length: 16 }, (_, i) => aLimit({ name: `l${String(i)}`, a: 1, b: 1, c: 1, d: 1 }));
  const lines = judged(stored(aPolicy({}, { limits }))).refusal?.split("\n") ?? [];
  expect(lines).toHaveLength(52);
  expect(lines.at(-1)).toBe("- and 14 more");
});

function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let i = 0; i < depth; i++) value = [value];
  return value;
}

test.for([
  { name: "many fields", spec: Object.fromEntries(Array.from({ length: 250_000 }, (_, i) => [`f${String(i)}`, 1])) },
  { name: "many entries", spec: { groups: Array.from({ length: 250_000 }, () => "g") } },
  { name: "many levels", spec: { groups: nested(250_000) } },
])("[unit] an object of too $name is refused without being looked at in full", ({ spec }) => {
  expect(judged(stored(aConsumer({}, spec))).refusal).toBe(
    "Consumer ai/it is invalid:\n- spec: found more than 20000 values, wanted fewer: no valid spec has half as many",
  );
});

test("[unit] the largest policy that is valid is allowed", () => {
  const values = Array.from({ length: 64 }, (_, i) => `10.0.${String(i)}.0/24`);
  const when = Array.from({ length: 8 }, () => ({ type: "IP", values }));
  const expression = `prompt_tokens${" + 1".repeat(60)}`;
  const limits = Array.from({ length: 16 }, (_, i) =>
    aLimit({ name: `l${String(i)}`, when, unit: "Expression", expression, window: { duration: `${String(i + 1)}s` } }),
  );
  expect(judged(stored(aPolicy({}, { limits })))).toEqual({ refusal: undefined, warnings: [] });
});

test("[unit] an inline key is allowed with a warning that does not show it", () => {
  expect(judged(stored(aConsumerWithKey({}, "sk-planted-4711")))).toEqual({
    refusal: undefined,
    warnings: ["spec.credentials[0].apiKey.value: found (hidden), wanted a secretRef: this key is readable here"],
  });
});

/** Every way to be judged, with a key planted wherever a key can stand. */
test.for([
  aConsumerWithKey({}, "sk-planted-4711"),
  aConsumer({}, { credentials: [{ name: "a", apiKey: "sk-planted-4711" }] }),
  aConsumer({}, { credentials: [{ name: "a", apiKey: { "sk-planted-4711": true } }] }),
  aConsumer({}, { credentials: [{ name: "a", apiKey: { value: "sk-planted-4711\n" } }] }),
  aConsumer({}, { credentials: [{ name: "a", apiKey: { value: { x: "sk-planted-4711" } } }] }),
  aConsumer({}, { credentials: "sk-planted-4711" }),
  aConsumer(
    {},
    {
      credentials: [
        { name: "a", apiKey: { value: "sk-planted-4711" } },
        { name: "b", apiKey: { value: "sk-planted-4711" } },
      ],
    },
  ),
  aBackend({}, { auth: { type: "APIKey", apiKey: { value: "sk-planted-4711", secretRef: { name: "s", key: "k" } } } }),
  aBackend({}, { auth: { type: "APIKey", apiKey: "sk-planted-4711" } }),
  aBackend({}, { endpoint: "http://x", auth: { type: "APIKey", apiKey: { value: "sk-planted-4711" } } }),
])("[unit] no answer shows a planted key (%#)", (object) => {
  const beside: JudgeBeside = (manifest) => compiled(manifest).findings;
  expect(JSON.stringify(judged(stored(object), {}, beside))).not.toContain("planted");
});

const neighbours = [
  aConsumerWithKey({ name: "first", namespace: "ai", creationTimestamp: "2025-01-01T00:00:00Z" }, "k-1"),
];
const beside: JudgeBeside = (manifest) =>
  compiled(...neighbours, manifest).findings.filter(({ object }) => object.name === "it");

test.for([
  {
    name: "a Secret that is missing",
    object: withSecret,
    warnings: ['spec.credentials[0].apiKey.secretRef.name: found "s", wanted a Secret of this namespace'],
  },
  {
    name: "an AIBackend that is missing",
    object: aRoute(),
    warnings: ['spec.backendRefs[0].name: found "it", wanted an AIBackend of this namespace'],
  },
  {
    name: "a key that another Consumer has, and that it is readable",
    object: aConsumerWithKey({}, "k-1"),
    warnings: [
      "spec.credentials[0].apiKey.value: found (hidden), wanted a secretRef: this key is readable here",
      "spec.credentials[0].apiKey: found (hidden), wanted a key of its own: Consumer first has this one",
    ],
  },
  { name: "nothing", object: aConsumer({}, { groups: ["gold"] }), warnings: [] },
])("[unit] beside what is there already, warns of $name", ({ object, warnings }) => {
  expect(judged(stored(object), {}, beside)).toEqual({ refusal: undefined, warnings });
});

test("[unit] without knowledge of the others warns of none of them", () => {
  expect(judged(stored(withSecret), {}, () => undefined).warnings).toEqual([]);
});

test("[unit] warnings are at most 256 characters and 13 lines, within what an API server passes on", () => {
  const consumers = Array.from({ length: 200 }, (_, i) => `${"long-".repeat(40)}${String(i)}`);
  const { warnings } = judged(stored(aPolicy({}, { appliesTo: { consumers } })), {}, beside);
  expect(warnings).toHaveLength(13);
  expect(warnings.at(-1)).toBe("and 188 more warnings; see the status of the object");
  expect(Math.max(...warnings.map((warning) => warning.length))).toBeLessThanOrEqual(256);
  expect(Buffer.byteLength(warnings.join(""))).toBeLessThanOrEqual(4096);
});

const leaving = { deletionTimestamp: "2026-01-02T00:00:00Z", finalizers: [] };

test.for([
  { name: "DELETE", object: null, changes: { operation: "DELETE", oldObject: invalid }, warnings: [] },
  { name: "a dry run of a valid object", object: stored(aConsumer()), changes: { dryRun: true }, warnings: [] },
  { name: "status", object: stored(invalid), changes: { operation: "UPDATE", subResource: "status" }, warnings: [] },
  {
    name: "an invalid object on its way out",
    object: stored(invalid, leaving),
    changes: { operation: "UPDATE" },
    warnings: [],
  },
  {
    name: "labels of an object that was stored invalid",
    object: stored(invalid, { labels: { a: "b" } }),
    changes: { operation: "UPDATE", oldObject: stored(invalid) },
    warnings: [expect.stringContaining("spec.limits[0].limit: found 0")],
  },
  {
    name: "another kind of ours",
    object: stored({ ...aConsumer(), kind: "Organisation" }),
    changes: {},
    warnings: ["ai-rate-limit does not check Organisation objects of airatelimit.dev"],
  },
  {
    name: "a kind of somebody else's",
    object: { kind: "Pod" },
    changes: { group: "" },
    warnings: ["ai-rate-limit does not check Pod objects of unknown"],
  },
  {
    name: "a name that is yet to be made",
    object: stored(aConsumer(), { name: undefined, generateName: "job-" }),
    changes: {},
    warnings: [],
  },
])("[unit] allows $name", ({ object, changes, warnings }) => {
  expect(judged(object, changes)).toEqual({ refusal: undefined, warnings });
});

test.for([
  { name: "a dry run", changes: { dryRun: true } },
  { name: "an update that makes it so", changes: { operation: "UPDATE", oldObject: stored(aPolicy()) } },
  {
    name: "an update from another invalid spec",
    changes: { operation: "UPDATE", oldObject: stored(aPolicy({}, { limits: [] })) },
  },
])("[unit] refuses an invalid object by $name", ({ changes }) => {
  expect(judged(stored(invalid), changes).refusal).toContain("spec.limits[0].limit: found 0");
});

const valid = aReview(stored(aConsumer()));
test.for([
  { name: "a text", body: "x", message: "an object" },
  {
    name: "another version",
    body: { ...valid, apiVersion: "admission.k8s.io/v1beta1" },
    message: "apiVersion admission.k8s.io/v1",
  },
  { name: "no request", body: { ...valid, request: undefined }, message: "request" },
  { name: "no uid", body: { ...valid, request: { ...asRecord(valid["request"]), uid: "" } }, message: "request.uid" },
  {
    name: "an operation that is none",
    body: { ...valid, request: { ...asRecord(valid["request"]), operation: "sk-planted", kind: 1 } },
    message: "request.kind with group and kind, request.operation",
  },
])("[unit] $name is no review", ({ body, message }) => {
  expect(readReview(body)).toEqual({
    kind: "malformed",
    message: `not an AdmissionReview of admission.k8s.io/v1: wanted ${message}`,
  });
});
