// From the request that crosses a threshold to `kubectl describe` and the operator's receiver: the whole product on a real API
// server, with two data planes, and a leader that is killed.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect } from "vitest";
import { z } from "zod";
import { eventually } from "../helpers/clock.ts";
import { CHAT_BODY, call } from "../helpers/http-call.ts";
import { type NotifyReceiver, startNotifyReceiver } from "../helpers/notify-receiver.ts";
import { type Product, type Running, type RunningGateway, startProduct } from "../helpers/product-under-test.ts";
import { test } from "./cluster-test.ts";

const SECRETS = /planted-|url-secret|header-secret/;
const WINDOW = "window: {duration: 365d, algorithm: Fixed}";

let product: Product;
let receiver: NotifyReceiver;
let folder: string;
let gateways: readonly RunningGateway[] = [];
let controllers: Running[] = [];

beforeAll(async () => {
  const started = await startProduct();
  if ("missing" in started) return;
  product = started;
  receiver = await startNotifyReceiver();
  folder = await mkdtemp(join(tmpdir(), "airl-notify-"));
  await writeFile(join(folder, "header"), "Authorization: Bearer header-secret\n");
  controllers = [await startController("one")];
  gateways = [await product.startGateway(), await product.startGateway()];
}, 60_000);
afterAll(async () => {
  await product.stop();
  await receiver.close();
  await rm(folder, { recursive: true });
});

function startController(name: string): Promise<Running> {
  return product.startController({
    AIRL_POD_NAME: name,
    AIRL_NOTIFY_URL: receiver.url,
    AIRL_NOTIFY_HEADER_FILE: join(folder, "header"),
  });
}

const eventList = z.object({
  items: z.array(
    z.object({
      type: z.string(),
      reason: z.string(),
      note: z.string(),
      regarding: z.object({ kind: z.string(), name: z.string(), uid: z.string() }),
    }),
  ),
});

async function eventsOf(policy: string): Promise<z.output<typeof eventList>["items"]> {
  const text = await product.cluster.kubectl(["get", "events.v1.events.k8s.io", "-n", "default", "-o", "json"]);
  return eventList.parse(JSON.parse(text)).items.filter(({ regarding }) => regarding.name === policy);
}

function manifests(): string {
  const policy = (name: string, limits: string): string => `
---
apiVersion: airatelimit.dev/v1alpha1
kind: AIRateLimitPolicy
metadata: {name: ${name}}
spec:
  appliesTo: {consumers: [${name}]}
  limits: [${limits}]
---
apiVersion: airatelimit.dev/v1alpha1
kind: Consumer
metadata: {name: ${name}}
spec: {credentials: [{name: main, apiKey: {value: planted-key-${name}}}]}`;
  return `
apiVersion: airatelimit.dev/v1alpha1
kind: AIBackend
metadata: {name: llm}
spec:
  provider: OpenAICompatible
  endpoint: ${product.upstream.origin}
  auth: {type: APIKey, apiKey: {value: planted-provider-key}}
---
apiVersion: airatelimit.dev/v1alpha1
kind: AIRoute
metadata: {name: all}
spec:
  matches: [{path: {type: PathPrefix, value: /}}]
  backendRefs: [{name: llm}]
${policy("first", `{name: calls, unit: Requests, limit: 5, ${WINDOW}}`)}
${policy("second", `{name: calls, unit: Requests, limit: 5, ${WINDOW}}`)}
`;
}

async function chat(gateway: RunningGateway | undefined, consumer: string): Promise<number> {
  const headers = { apikey: `planted-key-${consumer}` };
  return (await call(gateway?.origin ?? "", { path: "/v1/chat/completions", headers, body: CHAT_BODY })).status;
}

test("[e2e] two data planes cross together: one Event and one CloudEvent for each percentage", async ({
  cluster: _,
}) => {
  await product.apply(manifests());
  for (const gateway of gateways) {
    await eventually("the configuration is in force", async () => {
      const answer = await call(gateway.origin, {
        method: "GET",
        path: "/.airl/usage",
        headers: { apikey: "planted-key-second" },
      });
      return answer.status === 200 && answer.body.includes('"default/second"');
    });
  }
  await Promise.all(Array.from({ length: 8 }, (_, i) => chat(gateways[i % 2], "first")));
  for (const gateway of gateways) await chat(gateway, "first");
  await eventually("both CloudEvents are there", () => receiver.taken.length === 2);
  await eventually("both Events are there", async () => (await eventsOf("first")).length === 2);
  const policy = z
    .object({ metadata: z.object({ uid: z.string() }) })
    .parse(JSON.parse(await product.cluster.kubectl(["get", "airlp", "first", "-o", "json"])));
  const events = await eventsOf("first");
  expect(events.map(({ type, reason }) => `${type} ${reason}`).sort()).toEqual([
    "Normal LimitThreshold",
    "Warning LimitReached",
  ]);
  for (const { regarding, note } of events) {
    expect(regarding).toMatchObject({ kind: "AIRateLimitPolicy", uid: policy.metadata.uid });
    expect(note).toMatch(
      /^Consumer default\/first has reached (80|100) % of limit calls \(5 Requests\): [45] used in the window/,
    );
  }
  expect(receiver.posts.map(({ event }) => event.data.percent).sort((a, b) => a - b)).toEqual([80, 100]);
  expect(receiver.posts[0]?.headers.authorization).toBe("Bearer header-secret");
});

test("[e2e] the leader dies while the receiver is away: the next one delivers everything once", async ({
  cluster: _,
}) => {
  receiver.answer = () => ({ status: 503 });
  for (let i = 0; i < 6; i += 1) await chat(gateways[i % 2], "second");
  const before = receiver.taken.length;
  await controllers[0]?.process.line(/notifications cannot be delivered/);
  controllers[0]?.process.signal("SIGKILL");
  controllers.push(await startController("two"));
  receiver.answer = () => ({ status: 200 });
  await eventually("the rest is delivered", () => receiver.taken.length === before + 2);
  expect(new Set(receiver.taken).size).toBe(receiver.taken.length);
  await eventually(
    "its Events are there",
    async () => new Set((await eventsOf("second")).map(({ note }) => note)).size === 2,
  );
  const told = [
    ...receiver.posts.map(({ text }) => text),
    ...(await eventsOf("first")).map(({ note }) => note),
    ...controllers.flatMap(({ process }) => process.lines),
    ...gateways.flatMap(({ process }) => process.lines),
  ].join("\n");
  expect(told).not.toMatch(SECRETS);
});
