// Objects that the schema takes and the product does not, or not as a whole: what kubectl is told by the webhook, and what
// the object's status and an event say when it came in without one.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { KINDS } from "../../crds/index.ts";
import {
  aBackend,
  aConsumer,
  aConsumerWithKey,
  aLimit,
  aPolicy,
  aRoute,
  type Manifest,
} from "../compiler/manifest-builders.ts";
import { REFUSED_CASES } from "../compiler/refused-all.ts";
import { eventually } from "../helpers/clock.ts";
import { untilConditions } from "../helpers/object-status.ts";
import { type Product, type Running, SYSTEM, startProduct } from "../helpers/product-under-test.ts";
import { kubectlWords, makeCertificate, registerWebhook } from "../helpers/webhook-under-test.ts";

let product: Product;
let controller: Running;
let folder = "";

/** What is there before: in "a" the older objects, in "b" those of a neighbour. */
const PRESENT: readonly Manifest[] = [
  aBackend({ namespace: "a" }),
  aBackend({ namespace: "b" }),
  aConsumerWithKey({ namespace: "a", name: "older" }, "key-of-older"),
  aConsumer({ namespace: "a", name: "below" }, { parentRef: { name: "upper" } }),
  aConsumerWithKey({ namespace: SYSTEM, name: "platform" }, "key-of-platform"),
  aConsumerWithKey({ namespace: "b", name: "someone" }, "key-of-neighbour"),
  aRoute({ namespace: "a", name: "served" }, { matches: hosts("served.example") }),
  aRoute({ namespace: "b", name: "neighbour" }, { matches: hosts("taken.example") }),
  ...Array.from({ length: 4 }, (_, i) => aPolicy({ namespace: "a", name: `many-${String(i)}` }, { limits: many(16) })),
];

function hosts(...hostnames: string[]): readonly Manifest[] {
  return [{ path: { type: "PathPrefix", value: "/" }, hostnames }];
}

function many(count: number): readonly Manifest[] {
  return Array.from({ length: count }, (_, i) => aLimit({ name: `l${String(i)}` }));
}

function keyed(apiKey: Manifest): Manifest {
  return { credentials: [{ name: "main", apiKey }] };
}

beforeAll(async () => {
  const started = await startProduct();
  if ("missing" in started) throw new Error(`needs ${started.missing}`);
  product = started;
  folder = await mkdtemp(join(tmpdir(), "airl-webhook-"));
  const pair = await makeCertificate(folder);
  controller = await product.startController({
    AIRL_WEBHOOK_LISTEN: "127.0.0.1:0",
    AIRL_WEBHOOK_CERT_FILE: pair.certFile,
    AIRL_WEBHOOK_KEY_FILE: pair.keyFile,
  });
  const [, port = ""] = await controller.process.line(/"webhookPort":(\d+)/);
  for (const namespace of ["a", "b"]) await product.cluster.kubectl(["create", "namespace", namespace]);
  await product.apply(PRESENT.map((manifest) => JSON.stringify(manifest)).join("\n---\n"));
  await untilConditions(product.cluster, { what: "airt/neighbour", namespace: "b" }, { Programmed: /^True/ });
  await untilConditions(product.cluster, { what: "airlp/many-3", namespace: "a" }, { Programmed: /^True/ });
  await registerWebhook(product.cluster, Number(port), pair);
  const invalid = JSON.stringify(aPolicy({ namespace: "a" }, { limits: [aLimit({ window: { duration: "0s" } })] }));
  await eventually("the API server asks the webhook", async () => (await dryRun(invalid)).includes("denied"));
});
afterAll(async () => {
  await product.stop();
  await rm(folder, { recursive: true, force: true });
});

function dryRun(manifest: string): Promise<string> {
  return kubectlWords(product.cluster, ["apply", "--dry-run=server", "-f", "-"], manifest);
}

interface Invalid {
  readonly name: string;
  readonly manifest: Manifest;
  readonly reason: string;
  readonly problem: string;
}

/** Wrong by themselves. */
const INVALID: readonly Invalid[] = [
  {
    name: "duration",
    manifest: aPolicy({}, { limits: [aLimit({ window: { duration: "367d" } })] }),
    reason: "Invalid",
    problem: 'spec.limits[0].window.duration: found "367d", wanted a duration from 1s to 366d',
  },
  {
    name: "timeout",
    manifest: aBackend({}, { timeouts: { connect: "0s" } }),
    reason: "Invalid",
    problem: 'spec.timeouts.connect: found "0s", wanted a duration from 1ms to 24h',
  },
  {
    name: "port",
    manifest: aBackend({}, { endpoint: "https://a.example:99999" }),
    reason: "Invalid",
    problem:
      'spec.endpoint: found "https://a.example:99999", wanted a URL with a valid host and port, like https://llm.example.com',
  },
  {
    name: "range",
    manifest: aPolicy({}, { limits: [aLimit({ when: [{ type: "IP", values: ["10.0.0.0/33"] }] })] }),
    reason: "Invalid",
    problem:
      'spec.limits[0].when[0].values[0]: found "10.0.0.0/33", wanted an IP address or a CIDR range, like 192.0.2.7 or 10.0.0.0/8',
  },
  {
    name: "expression",
    manifest: aPolicy({}, { limits: [aLimit({ unit: "Expression", expression: "prompt_tokens +" })] }),
    reason: "Invalid",
    problem:
      "spec.limits[0].expression: found nothing at character 16, wanted arithmetic over usage fields: numbers, names, + - * /, comparisons, && || !, ?:, min, max, ceil, floor, round",
  },
  {
    name: "currencies",
    manifest: aBackend({}, { models: [priced("a", "USD"), priced("b", "EUR")] }),
    reason: "Invalid",
    problem:
      'spec.models[1].prices.currency: found "EUR", wanted USD, as model "a" has it: a counter cannot add up two currencies',
  },
  {
    name: "scope",
    manifest: aPolicy({}, { scope: "Cluster" }),
    reason: "Invalid",
    problem:
      'spec.scope: found "Cluster", wanted "Namespace": only policies of the system namespace are about all namespaces',
  },
  {
    name: "self",
    manifest: aConsumer({}, { parentRef: { name: "self" } }),
    reason: "Conflicted",
    problem:
      "spec.parentRef.name: found a cycle: self -> self, wanted a parent that does not itself belong to this Consumer",
  },
  {
    name: "labels",
    manifest: aPolicy({}, { limits: [aLimit(), aLimit({ name: "two", label: "minute" })] }),
    reason: "Conflicted",
    problem:
      'spec.limits[1].label: found "minute", wanted a label unlike that of limit minute: headers of format Window could not tell them apart',
  },
  {
    name: "plaintext",
    manifest: aBackend({}, { endpoint: "http://far.example", auth: { type: "Passthrough" } }),
    reason: "PlaintextCredential",
    problem:
      'spec.endpoint: found "http://far.example", wanted https, or spec.auth.allowPlaintext: true to let anyone on the way read the credential',
  },
];

interface Beside {
  readonly name: string;
  readonly manifest: Manifest;
  /** What kubectl prints of it. */
  readonly warnings: readonly string[];
  readonly conditions: Readonly<Record<string, string | RegExp>>;
  /** Reason of the event; undefined: there is none. */
  readonly event: string | undefined;
}

const NO_SECRET = 'spec.credentials[0].apiKey.secretRef.name: found "none", wanted a Secret of this namespace';
const NO_BACKEND = 'spec.backendRefs[1].name: found "typo", wanted an AIBackend of this namespace';
const NO_CONSUMER =
  'spec.appliesTo.consumers[0]: found "oldr", wanted a Consumer of this namespace; did you mean `older`?';
const TAKEN =
  'spec.matches[0].hostnames[0]: found "taken.example", wanted a host name whose requests no other namespace takes, by this name or by a wildcard';
const NO_PARENT =
  'spec.parentRef.name: found "nobody", wanted a Consumer of this namespace that is in force; until then requests of this one are refused';
const CYCLE =
  "spec.parentRef.name: found a cycle: upper -> below -> upper, wanted a parent that does not itself belong to this Consumer";
const INLINE = "spec.credentials[0].apiKey.value: found (hidden), wanted a secretRef: this key is readable here";
const LOST = "spec.credentials[0].apiKey: found (hidden), wanted a key of its own: Consumer older has this one";
const IN_USE = "spec.credentials[0].apiKey: found (hidden), wanted another key: this one is in use";
const TOO_MANY =
  "spec.limits: found 2 limits on every request of the namespace, beside 64 of older policies, wanted at most 64 together; narrow them with appliesTo or when";
const NO_PRICE =
  'spec.limits[0]: found no prices on AIBackend it, wanted spec.models with prices there ("0" for what is free); until then this limit refuses their requests';
const ACCEPTED = "True Accepted: the spec is valid";
const PUBLISHED = /^True Programmed: published with revision \d+$/;

/** Fine by themselves; what they name, or what others have, stands against them. */
const BESIDE: readonly Beside[] = [
  {
    name: "secret",
    manifest: aConsumer({}, keyed({ secretRef: { name: "none", key: "k" } })),
    warnings: [],
    conditions: { Accepted: ACCEPTED, ResolvedRefs: `False SecretNotFound: ${NO_SECRET}`, Programmed: PUBLISHED },
    event: "SecretNotFound",
  },
  {
    name: "backend",
    manifest: aRoute({}, { matches: hosts("a.example"), backendRefs: [{ name: "it" }, { name: "typo" }] }),
    warnings: [NO_BACKEND],
    conditions: { Accepted: ACCEPTED, ResolvedRefs: `False TargetNotFound: ${NO_BACKEND}`, Programmed: PUBLISHED },
    event: "TargetNotFound",
  },
  {
    name: "target",
    manifest: aPolicy({}, { appliesTo: { consumers: ["oldr"] } }),
    warnings: [NO_CONSUMER],
    conditions: {
      Accepted: ACCEPTED,
      ResolvedRefs: `False TargetNotFound: warning: ${NO_CONSUMER}`,
      Programmed: PUBLISHED,
    },
    event: undefined,
  },
  {
    name: "orphan",
    manifest: aConsumer({}, { parentRef: { name: "nobody" } }),
    warnings: [NO_PARENT],
    conditions: { Accepted: ACCEPTED, ResolvedRefs: `False TargetNotFound: ${NO_PARENT}`, Programmed: PUBLISHED },
    event: "TargetNotFound",
  },
  {
    name: "upper",
    manifest: aConsumer({}, { parentRef: { name: "below" } }),
    warnings: [CYCLE],
    conditions: {
      Accepted: `False Conflicted: ${CYCLE}; not in force`,
      Programmed: "False Conflicted: generation 1 is not in force",
    },
    event: "Conflicted",
  },
  {
    name: "hostname",
    manifest: aRoute({}, { matches: hosts("taken.example") }),
    warnings: [TAKEN],
    conditions: {
      Accepted: `False HostnameTaken: ${TAKEN}; not in force`,
      Programmed: "False HostnameTaken: generation 1 is not in force",
    },
    event: "HostnameTaken",
  },
  {
    name: "conflict",
    manifest: aConsumer({}, keyed({ value: "key-of-older" })),
    warnings: [INLINE, LOST],
    conditions: { Accepted: `False CredentialConflict: ${LOST}; warning: ${INLINE}`, Programmed: PUBLISHED },
    event: "CredentialConflict",
  },
  {
    name: "elsewhere",
    manifest: aConsumer({}, keyed({ value: "key-of-platform" })),
    warnings: [INLINE, IN_USE],
    conditions: { Accepted: `False CredentialConflict: ${IN_USE}; warning: ${INLINE}`, Programmed: PUBLISHED },
    event: "CredentialConflict",
  },
  {
    name: "shared",
    manifest: aConsumer({}, keyed({ value: "key-of-neighbour" })),
    warnings: [INLINE],
    conditions: { Accepted: `True InlineSecret: warning: ${INLINE}`, Programmed: PUBLISHED },
    event: undefined,
  },
  {
    name: "many",
    manifest: aPolicy({}, { limits: many(2) }),
    warnings: [TOO_MANY],
    conditions: {
      Accepted: `False TooManyLimits: ${TOO_MANY}; not in force`,
      Programmed: "False TooManyLimits: generation 1 is not in force",
      Enforced: "False TooManyLimits: generation 1 is not in force",
    },
    event: "TooManyLimits",
  },
  {
    name: "price",
    manifest: aPolicy({}, { appliesTo: { backends: ["it"] }, limits: [aLimit({ unit: "Cost", limit: "1" })] }),
    warnings: [NO_PRICE],
    conditions: {
      Accepted: ACCEPTED,
      ResolvedRefs: `False PriceMissing: warning: ${NO_PRICE}`,
      Programmed: PUBLISHED,
      Enforced: "False NoProxies: no data plane serves namespace a",
    },
    event: undefined,
  },
];

function priced(name: string, currency: string): Manifest {
  return { name, prices: { inputPer1M: "1", outputPer1M: "2", currency } };
}

/** The manifest in namespace "a" under a name of its own. */
function textOf({ manifest, name }: Invalid | Beside): string {
  return JSON.stringify({ ...manifest, metadata: { namespace: "a", name } });
}

function whatOf({ manifest, name }: Invalid | Beside): string {
  return `${String(manifest["kind"])}/${name}`;
}

const eventList = z.object({
  items: z.array(
    z.object({
      type: z.string(),
      reason: z.string(),
      note: z.string(),
      regarding: z.object({ kind: z.string(), name: z.string() }),
    }),
  ),
});

/** Told of objects in "a", by "Kind/name": "Warning Invalid: spec...". */
async function events(): Promise<ReadonlyMap<string, string>> {
  const text = await product.cluster.kubectl(["get", "events.events.k8s.io", "-n", "a", "-o", "json"]);
  const { items } = eventList.parse(JSON.parse(text));
  return new Map(
    items.map(({ type, reason, note, regarding }) => [
      `${regarding.kind}/${regarding.name}`,
      `${type} ${reason}: ${note}`,
    ]),
  );
}

describe("with the webhook", () => {
  test.for(INVALID)("[e2e] kubectl apply is refused: $name", async (row) => {
    const words = await kubectlWords(product.cluster, ["apply", "-f", "-"], textOf(row));
    const denied = 'error when creating "STDIN": admission webhook "validate.airatelimit.dev" denied the request';
    const who = `${String(row.manifest["kind"])} a/${row.name}`;
    expect(words.trimEnd()).toBe(`The request is invalid: ${denied}: ${who} is invalid:\n- ${row.problem}`);
  });

  test("[e2e] every manifest that the compiler's tables know to be wrong is refused, by schema or webhook", async () => {
    const wrong: string[] = [];
    for (const { name, manifest, line } of REFUSED_CASES) {
      const plural = KINDS.find(({ kind }) => kind === manifest["kind"])?.plural ?? "";
      const path = `/apis/airatelimit.dev/v1alpha1/namespaces/default/${plural}?dryRun=All&fieldValidation=Strict`;
      const { status, body } = await product.cluster.call("POST", path, manifest);
      const message = String(body["message"]);
      const fromWebhook = message.includes("denied the request");
      if (status < 400 || (fromWebhook && !message.includes(`- ${line}`))) wrong.push(`${name}: ${message}`);
    }
    expect(wrong).toEqual([]);
  });

  test.for(BESIDE)("[e2e] kubectl apply warns: $name", async (row) => {
    const words = await dryRun(textOf(row));
    expect(words.split("\n").filter((line) => line !== "")).toEqual(row.warnings.map((text) => `Warning: ${text}`));
  });
});

describe("without the webhook", () => {
  beforeAll(async () => {
    await controller.process.stop();
    await product.startController();
    await product.apply([...INVALID, ...BESIDE].map(textOf).join("\n---\n"));
  });

  test.for(INVALID)("[e2e] the object's status and an event say what is wrong: $name", async (row) => {
    const { reason, problem } = row;
    const notInForce = `False ${reason}: generation 1 is not in force`;
    const isPolicy = row.manifest["kind"] === "AIRateLimitPolicy";
    await untilConditions(
      product.cluster,
      { what: whatOf(row), namespace: "a" },
      {
        Accepted: `False ${reason}: ${problem}; not in force`,
        ResolvedRefs: `Unknown ${reason}: not looked at: the spec is not accepted`,
        Programmed: notInForce,
        ...(isPolicy ? { Enforced: notInForce } : {}),
      },
    );
    await eventually("its event", async () => (await events()).get(whatOf(row)) === `Warning ${reason}: ${problem}`);
  });

  test.for(BESIDE)("[e2e] the object's status says what stands against it: $name", async (row) => {
    await untilConditions(product.cluster, { what: whatOf(row), namespace: "a" }, row.conditions);
    if (row.event === undefined) return;
    const told = `Warning ${row.event}: `;
    await eventually("its event", async () => (await events()).get(whatOf(row))?.startsWith(told) ?? false);
  });

  test("[e2e] nothing that is said in a namespace names another one", async () => {
    const shown = ["-n", "a", "-o", "jsonpath={range .items[*]}{.status}{.note}{end}"];
    const said = await product.cluster.kubectl(["get", "ai,events.events.k8s.io", ...shown]);
    expect(said).toContain("wanted another key");
    for (const word of ["neighbour", "platform", SYSTEM]) expect(said).not.toContain(word);
  });
});
