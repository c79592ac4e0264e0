// The whole product under traffic of every kind that its metrics tell apart, for dashboards and alerts: two controllers,
// two data planes, a provider that paces its streams, one that reports no usage and one that is away.

import { stringify } from "yaml";
import { type FakeUpstream, startFakeUpstream } from "./fake-upstream.ts";
import { call } from "./http-call.ts";
import { untilConditions } from "./object-status.ts";
import { type Product, type Running, type RunningGateway, SYSTEM, startProduct } from "./product-under-test.ts";
import type { Target } from "./prometheus.ts";
import { exchangeRaw, openRawClient } from "./raw-client.ts";
import { type ScriptedUpstream, startScriptedUpstream } from "./scripted-upstream.ts";

const NAMESPACE = "default";

export interface WatchedProduct {
  readonly product: Product;
  readonly controllers: readonly Running[];
  readonly gateways: readonly RunningGateway[];
  readonly targets: readonly Target[];
  /** One request of alice's, and more of others on some turns, to one of `to`; resolves when all are answered. */
  turn(i: number, to?: readonly RunningGateway[]): Promise<void>;
  stop(): Promise<void>;
}

type Manifest = Readonly<Record<string, unknown>>;

function object(kind: string, name: string, spec: Manifest): Manifest {
  return { apiVersion: "airatelimit.dev/v1alpha1", kind, metadata: { name, namespace: NAMESPACE }, spec };
}

export function aPolicyOf(name: string, appliesTo: Manifest, limit: Manifest, more: Manifest = {}): string {
  const limits = [{ name, window: { duration: "60s" }, ...limit }];
  return stringify(object("AIRateLimitPolicy", name, { ...more, appliesTo, limits }));
}

function manifests(origins: Readonly<Record<"paced" | "silent", string>>): string {
  const consumer = (name: string): Manifest =>
    object("Consumer", name, { credentials: [{ name: "main", apiKey: { value: `key-${name}` } }] });
  const backend = (name: string, endpoint: string, more: Manifest = {}): Manifest =>
    object("AIBackend", name, { provider: "OpenAICompatible", endpoint, ...more });
  const route = (name: string, to: string): Manifest =>
    object("AIRoute", name, {
      matches: [{ path: { type: "PathPrefix", value: `/${name}` } }],
      backendRefs: [{ name: to }],
    });
  const prices = (inputPer1M: string, outputPer1M: string): Manifest => ({ inputPer1M, outputPer1M, currency: "USD" });
  const models = [
    { name: "gpt-4o", prices: prices("2.5", "10") },
    { name: "gpt-4o-mini", prices: prices("0.15", "0.6") },
  ];
  const objects = [
    ...["alice", "bob", "carol", "dave"].map(consumer),
    backend("openai-eu", origins.paced, { models }),
    backend("vllm", origins.silent),
    backend("retired", "http://127.0.0.1:1"), // nothing listens on port 1
    route("chat", "openai-eu"),
    route("plain", "vllm"),
    route("old", "retired"),
  ].map((each) => stringify(each));
  const policies = [
    aPolicyOf("team", { routes: ["chat"] }, { limit: 60_000 }),
    aPolicyOf(
      "month",
      {},
      {
        unit: "Cost",
        limit: "0.25",
        window: { duration: "24h" },
        per: [{ type: "Shared" }],
        when: [{ type: "Backend", values: ["openai-eu"] }],
      },
    ),
    aPolicyOf("burst", { consumers: ["alice"] }, { unit: "Requests", limit: 15, window: { duration: "5s" } }),
    aPolicyOf("day", { consumers: ["carol"] }, { unit: "Requests", limit: 10, window: { duration: "24h" } }),
    aPolicyOf("trial", { consumers: ["bob"] }, { limit: 500 }, { mode: "Shadow" }),
    aPolicyOf("formula", { routes: ["plain"] }, { unit: "Expression", expression: "1 / 0", limit: 1_000_000 }),
    aPolicyOf("money", { consumers: ["dave"], routes: ["plain"] }, { unit: "Cost", limit: "5" }),
  ];
  return [...objects, ...policies].join("---\n");
}

/** A provider that answers chats and says nothing of what they used. */
function startSilentUpstream(): Promise<ScriptedUpstream> {
  return startScriptedUpstream((_request, res) => {
    const message = { role: "assistant", content: "Forty-two." };
    res.writeHead(200, { "content-type": "application/json" });
    res.end(JSON.stringify({ object: "chat.completion", choices: [{ index: 0, message, finish_reason: "stop" }] }));
  });
}

interface Ask {
  readonly consumer: string;
  readonly route?: string;
  readonly model?: string;
  readonly stream?: boolean;
}

async function ask(origin: string, { consumer, route = "chat", model = "gpt-4o", stream = false }: Ask): Promise<void> {
  const messages = [{ role: "user", content: "Tell me of the weather in the mountains, and of the way there." }];
  await call(origin, {
    path: `/${route}/v1/chat/completions`,
    headers: { apikey: `key-${consumer}` },
    body: JSON.stringify({ model, stream, messages }),
  });
}

/** A client that goes away in the middle of its answer, and a connection that carries no request. */
async function disturb(origin: string): Promise<void> {
  const body = '{"model":"gpt-4o","stream":true,"messages":[{"role":"user","content":"Count to a thousand."}]}';
  const client = await openRawClient(origin);
  const head = "POST /chat/v1/chat/completions HTTP/1.1\r\nHost: a\r\napikey: key-dave\r\n";
  client.write(`${head}Content-Length: ${String(body.length)}\r\n\r\n${body}`);
  await client.seen("data:");
  client.reset();
  await exchangeRaw(origin, "RUBBISH\r\n\r\n");
}

/** What a turn asks beside alice's request; carol stays within nine of her ten. */
function asksOf(i: number): readonly Ask[] {
  const asks: Ask[] = [{ consumer: "alice", stream: i % 3 === 0, model: i % 2 === 0 ? "gpt-4o" : "gpt-4o-mini" }];
  if (i % 2 === 0) asks.push({ consumer: "bob", stream: true });
  if (i < 9) asks.push({ consumer: "carol" });
  if (i % 4 === 1) asks.push({ consumer: "bob", route: "plain" });
  if (i % 12 === 1) asks.push({ consumer: "dave", route: "plain" });
  if (i % 9 === 2) asks.push({ consumer: "bob", route: "old" });
  if (i % 7 === 3) asks.push({ consumer: "nobody" }, { consumer: "bob", model: "gpt-unheard-of" });
  return asks;
}

export interface WatchedOptions {
  /** Pause between two events of a stream. */
  readonly paceMs: number;
  /** How many consumers the data planes count by name. */
  readonly consumers: number;
}

/** Resolves when every policy is enforced by both data planes; or says what is missing for it here. */
export async function startWatchedProduct(
  options: WatchedOptions,
): Promise<WatchedProduct | { readonly missing: string }> {
  const product = await startProduct();
  if ("missing" in product) return product;
  const paced: FakeUpstream = await startFakeUpstream({ paceMs: options.paceMs });
  const silent = await startSilentUpstream();
  const controllers = [await product.startController({ AIRL_POD_NAME: "controller-a" })];
  await controllers[0]?.process.line(/"kind":"leading"/);
  controllers.push(await product.startController({ AIRL_POD_NAME: "controller-b" }));
  const env = { AIRL_METRICS_CONSUMERS: String(options.consumers), AIRL_DRAIN: "1s" };
  const gateways = [await product.startGateway(env), await product.startGateway(env)];
  await product.apply(manifests({ paced: paced.origin, silent: silent.origin }));
  for (const policy of ["team", "formula", "money"]) {
    const what = { what: `airlp/${policy}`, namespace: NAMESPACE };
    await untilConditions(product.cluster, what, { Enforced: /^True Enforced: 2\/2/ });
  }
  return {
    product,
    controllers,
    gateways,
    targets: [
      ...controllers.map(({ admin }, i) => target(admin, "controller", i)),
      ...gateways.map(({ admin }, i) => target(admin, "dataplane", i)),
    ],
    async turn(i, to = gateways) {
      const origin = to[i % to.length]?.origin ?? "";
      await Promise.all(asksOf(i).map((each) => ask(origin, each)));
      if (i % 20 === 4) await disturb(origin);
    },
    async stop() {
      await product.stop();
      await Promise.all([paced.stop(), silent.close()]);
    },
  };
}

function target(admin: string, component: string, i: number): Target {
  return { admin, labels: { namespace: SYSTEM, component, pod: `${component}-${"ab"[i] ?? String(i)}` } };
}
