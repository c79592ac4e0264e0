// A namespace with a fake provider, a consumer, a route and a policy of its own: what tests share is the gateway alone.

import { randomBytes } from "node:crypto";
import { z } from "zod";
import { eventually } from "../helpers/clock.ts";
import type { Cluster } from "./installed.ts";

/** Of every namespace that a test makes. */
export const SCENE_LABEL = "airatelimit.dev/e2e=scene";

export const KEY = "load-key";
/** The Deployment and Service of the fake provider. */
const PROVIDER = "provider";
const PORT = 9000;

export interface Scene {
  readonly namespace: string;
  /** The Host of its requests: its route has no other. */
  readonly host: string;
  /** Of the gateway's Service, as Pods reach it. */
  readonly gateway: string;
  /** One request from a Pod through the Service. */
  ask(): Promise<Reply>;
  /** What the provider has charged since it started. */
  charged(): Promise<Charged>;
  /** What Redis has counted for this namespace, in the limit's unit. */
  counted(): Promise<number>;
}

const reply = z.object({ status: z.number(), headers: z.record(z.string(), z.string()), body: z.string() });
const charged = z.object({ requests: z.number(), prompt_tokens: z.number(), completion_tokens: z.number() });
export type Reply = z.output<typeof reply>;
export type Charged = z.output<typeof charged>;

/** `limit`: of the policy "scene", as YAML in one line. Resolves when every data plane enforces it. */
export async function makeScene(cluster: Cluster, limit: string): Promise<Scene> {
  const { kubectl } = cluster;
  const namespace = `e2e-${randomBytes(4).toString("hex")}`;
  const host = `${namespace}.example`;
  await kubectl(["create", "namespace", namespace]);
  await kubectl(["label", "namespace", namespace, SCENE_LABEL]);
  await kubectl(["apply", "-n", namespace, "-f", "-"], providerManifest(cluster.image));
  await kubectl(["apply", "-n", namespace, "-f", "-"], manifests({ namespace, host, limit }));
  await kubectl(["rollout", "status", "-n", namespace, `deployment/${PROVIDER}`, "--timeout=60s"]);
  await kubectl(["wait", "-n", namespace, "--for=condition=Enforced", "airlp/scene", "--timeout=60s"]);
  await untilReachable(cluster, namespace);
  const gateway = `http://${cluster.fullname}.${cluster.namespace}.svc`;
  const provider = { pod: `deploy/${PROVIDER}`, namespace };
  return {
    namespace,
    host,
    gateway,
    ask: async () => reply.parse(JSON.parse(await cluster.script(provider, ASK, [gateway, host, KEY]))),
    charged: async () => charged.parse(JSON.parse(await cluster.script(provider, STATS))),
    counted: () => countedIn(cluster, namespace),
  };
}

/** A Service leads to a Pod some time after the Pod is ready. */
export async function untilReachable(cluster: Cluster, namespace: string): Promise<void> {
  const source = `await fetch(process.argv[1]).then(() => console.log("yes"), () => console.log("no"));`;
  const provider = { pod: `deploy/${PROVIDER}`, namespace };
  const stats = `${providerEndpoint(namespace)}/demo/stats`;
  await eventually("the provider is reached", async () =>
    (await cluster.script(provider, source, [stats])).startsWith("yes"),
  );
}

/** The fake provider runs from the product's image. Stateless clients of it need nothing else. */
export function providerManifest(image: string): string {
  return `
apiVersion: apps/v1
kind: Deployment
metadata: {name: ${PROVIDER}}
spec:
  selector: {matchLabels: {app: ${PROVIDER}}}
  template:
    metadata: {labels: {app: ${PROVIDER}}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - name: provider
        image: ${image}
        command: [ai-rate-limit, demo, --listen, "0.0.0.0:${String(PORT)}"]
        readinessProbe: {httpGet: {path: /demo/stats, port: ${String(PORT)}}, periodSeconds: 1}
---
apiVersion: v1
kind: Service
metadata: {name: ${PROVIDER}}
spec:
  selector: {app: ${PROVIDER}}
  ports: [{port: ${String(PORT)}}]
`;
}

export function providerEndpoint(namespace: string): string {
  return `http://${PROVIDER}.${namespace}.svc:${String(PORT)}`;
}

function manifests({ namespace, host, limit }: { namespace: string; host: string; limit: string }): string {
  return `
apiVersion: airatelimit.dev/v1alpha1
kind: Consumer
metadata: {name: load}
spec: {credentials: [{name: main, apiKey: {value: ${KEY}}}]}
---
apiVersion: airatelimit.dev/v1alpha1
kind: AIBackend
metadata: {name: provider}
spec:
  provider: OpenAICompatible
  endpoint: ${providerEndpoint(namespace)}
  auth: {type: APIKey, allowPlaintext: true, apiKey: {value: provider-key}}
---
apiVersion: airatelimit.dev/v1alpha1
kind: AIRoute
metadata: {name: chat}
spec:
  matches: [{path: {type: PathPrefix, value: /v1}, hostnames: [${host}]}]
  backendRefs: [{name: provider}]
---
apiVersion: airatelimit.dev/v1alpha1
kind: AIRateLimitPolicy
metadata: {name: scene}
spec:
  limits: [${limit}]
`;
}

/** Arguments: gateway, host, key. */
const ASK = `
import { request } from "node:http";
const [gateway, host, apikey] = process.argv.slice(1);
const body = JSON.stringify({ model: "demo-45", messages: [{ role: "user", content: "Who is Jimi Hendrix?" }] });
const headers = { host, apikey, "content-type": "application/json", "content-length": Buffer.byteLength(body) };
request(gateway + "/v1/chat/completions", { method: "POST", headers, agent: false }, (res) => {
  let text = "";
  res.setEncoding("utf8").on("data", (piece) => (text += piece));
  res.on("end", () => console.log(JSON.stringify({ status: res.statusCode, headers: res.headers, body: text })));
}).end(body);
`;

const STATS = `console.log(await (await fetch("http://127.0.0.1:${String(PORT)}/demo/stats")).text());`;

/** Sums what is in the counters of a namespace: this window's amount and the one before it. Its key pattern is ARGV[1]. */
const SUM = `
local sum = 0
for _, key in ipairs(redis.call("KEYS", ARGV[1])) do
  for index, text in ipairs(redis.call("HGETALL", key)) do
    if index % 2 == 0 then
      local words = {}
      for word in text:gmatch("%S+") do words[#words + 1] = word end
      sum = sum + tonumber(words[2]) + tonumber(words[3] or 0)
    end
  end
end
return string.format("%.0f", sum)`;

async function countedIn({ kubectl, namespace, fullname }: Cluster, counted: string): Promise<number> {
  const read = (what: string, field: string): Promise<string> =>
    kubectl(["get", what, "-n", namespace, "-o", `jsonpath={${field}}`]);
  const password = Buffer.from(await read(`secret/${fullname}-redis`, ".data.password"), "base64").toString("utf8");
  const image = await read(`statefulset/${fullname}-redis`, ".spec.template.spec.containers[0].image");
  const program = image.includes("valkey") ? "valkey-cli" : "redis-cli";
  const call = [program, "--no-auth-warning", "-a", password, "EVAL", SUM, "0", `airl:c:*:${counted}:*`];
  return Number(await kubectl(["exec", "-n", namespace, `${fullname}-redis-0`, "--", ...call]));
}
