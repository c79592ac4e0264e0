// A policy for all namespaces on a real API server, with a data plane for all of them and one for a single one: enforced by
// both together, said to be so only when both have it, and told of where the policy is.

import { afterAll, beforeAll, expect, test } from "vitest";
import { aBackend, aConsumerWithKey, aLimit, aPolicy, aRoute, type Manifest } from "../compiler/manifest-builders.ts";
import { eventually } from "../helpers/clock.ts";
import { CHAT_BODY, call } from "../helpers/http-call.ts";
import { untilConditions } from "../helpers/object-status.ts";
import { type Product, type RunningGateway, SYSTEM, startProduct } from "../helpers/product-under-test.ts";
import { answersChat, type ScriptedUpstream, startScriptedUpstream } from "../helpers/scripted-upstream.ts";

let product: Product;
let upstream: ScriptedUpstream;
let forAll: RunningGateway;
let forRed: RunningGateway;

const NAMESPACES = ["red", "blue"];

function objectsOf(namespace: string): readonly Manifest[] {
  const matches = [{ path: { type: "PathPrefix", value: "/" }, hostnames: [`${namespace}.example`] }];
  const endpoint = upstream.origin;
  return [
    aConsumerWithKey({ namespace, name: "user" }, `key-of-${namespace}`),
    aBackend({ namespace, name: "llm" }, { provider: "OpenAICompatible", endpoint, auth: { type: "None" } }),
    aRoute({ namespace, name: "chat" }, { matches, backendRefs: [{ name: "llm" }] }),
  ];
}

function textOf(manifests: readonly Manifest[]): string {
  return manifests.map((manifest) => JSON.stringify(manifest)).join("\n---\n");
}

const cap = (scope: string): Manifest =>
  aPolicy(
    { namespace: SYSTEM, name: "cap" },
    {
      scope,
      limits: [
        aLimit({
          name: "all",
          unit: "Requests",
          limit: 3,
          per: [{ type: "Shared" }],
          window: { duration: "365d", algorithm: "Fixed" },
        }),
      ],
    },
  );

beforeAll(async () => {
  const started = await startProduct();
  if ("missing" in started) throw new Error(`needs ${started.missing}`);
  product = started;
  upstream = await startScriptedUpstream(answersChat());
  await product.startController();
  for (const namespace of NAMESPACES) await product.cluster.kubectl(["create", "namespace", namespace]);
  await product.apply(textOf(NAMESPACES.flatMap(objectsOf)));
  for (const namespace of NAMESPACES) {
    await untilConditions(product.cluster, { what: "airt/chat", namespace }, { Programmed: /^True/ });
  }
  forAll = await product.startGateway();
  forRed = await product.startGateway({ AIRL_NAMESPACES: "red" });
});
afterAll(async () => {
  await Promise.all([product.stop(), upstream.close()]);
});

async function statusOf({ origin }: RunningGateway, namespace: string): Promise<number> {
  const headers = { host: `${namespace}.example`, apikey: `key-of-${namespace}` };
  return (await call(origin, { path: "/v1/chat/completions", headers, body: CHAT_BODY })).status;
}

test("[e2e] requests of all namespaces through all data planes count together, and status says who enforces it", async () => {
  await product.apply(textOf([cap("Cluster")]));
  const cond = { Enforced: /^True Enforced: 2\/2 data planes have revision \d+$/, Programmed: /^True/ };
  await untilConditions(product.cluster, { what: "airlp/cap", namespace: SYSTEM }, cond);
  expect([
    await statusOf(forAll, "red"),
    await statusOf(forAll, "blue"),
    await statusOf(forRed, "red"),
    await statusOf(forAll, "blue"),
    await statusOf(forRed, "red"),
  ]).toEqual([200, 200, 200, 429, 429]);
});

test("[e2e] reaching its limit is an Event of the policy, in the system namespace", async () => {
  const events = [
    "get",
    "events.events.k8s.io",
    "-n",
    SYSTEM,
    "-o",
    "jsonpath={range .items[*]}{.regarding.name} {.reason};{end}",
  ];
  await eventually("it is told", async () => (await product.cluster.kubectl(events)).includes("cap LimitReached"));
});

test("[e2e] as a policy of the system namespace it concerns the others no more, and the other way round", async () => {
  await product.apply(textOf([cap("Namespace")]));
  const one = { Enforced: /^True Enforced: 1\/1 data planes have revision \d+$/ };
  await untilConditions(product.cluster, { what: "airlp/cap", namespace: SYSTEM }, one);
  await eventually("both let pass", async () => {
    return (await statusOf(forAll, "blue")) === 200 && (await statusOf(forRed, "red")) === 200;
  });
  await product.apply(textOf([cap("Cluster")]));
  await eventually("both refuse again", async () => {
    return (await statusOf(forAll, "blue")) === 429 && (await statusOf(forRed, "red")) === 429;
  });
});
