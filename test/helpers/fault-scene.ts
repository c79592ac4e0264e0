// A namespace in which everything changes at each step, and what must hold of it after whatever went wrong meanwhile: Redis
// holds what a compilation from scratch gives, and data planes let in and refuse by the newest step.

import { z } from "zod";
import { KINDS } from "../../crds/index.ts";
import { eventually } from "./clock.ts";
import { CHAT_BODY, call } from "./http-call.ts";
import type { Product, RunningGateway } from "./product-under-test.ts";
import {
  acknowledged,
  type Config,
  compiledFromScratch,
  difference,
  publishedConfig,
  publishedNamespaces,
} from "./published-config.ts";

export interface FaultScene {
  readonly namespace: string;
  /** Creates, changes and deletes consumers, Secrets and limits. */
  change(): Promise<void>;
  /** Deletes everything of ours in the namespace. */
  clear(): Promise<void>;
  /** Of the API server's store, by now. */
  version(): Promise<string>;
  /** Waits until Redis holds what a compilation from scratch gives, with `kept` besides; compares byte by byte. */
  published(kept?: Config, masters?: readonly Buffer[]): Promise<void>;
  /** Waits until the gateways have in force what is published. */
  followed(gateways: readonly RunningGateway[]): Promise<void>;
  /** Once for each change: waits until the gateways have it, then asks them: the newest key is let in as often as its limit says, older ones not. */
  enforced(gateways: readonly RunningGateway[]): Promise<void>;
  /** The status of a request with a key that all steps leave alone, or 0 when there was no answer. */
  steadyStatus(gateway: RunningGateway): Promise<number>;
  /** The same with the key that the newest step has revoked. */
  revokedStatus(gateway: RunningGateway): Promise<number>;
}

const GROUP = "/apis/airatelimit.dev/v1alpha1";

export async function createFaultScene(product: Product): Promise<FaultScene> {
  const { cluster, redis } = product;
  const namespace = await cluster.newNamespace();
  let step = 0;
  const keyOf = (at: number): string => `key-${at}-${namespace}`;
  const statusWith = async (gateway: RunningGateway, key: string): Promise<number> => {
    const headers = { apikey: key, host: `${namespace}.test` };
    const answer = await call(gateway.origin, { path: "/v1/chat/completions", headers, body: CHAT_BODY }).catch(
      () => undefined,
    );
    return answer?.status ?? 0;
  };
  await product.apply(basicsOf(namespace, product.upstream.origin));
  const write = writerTo(product, namespace);
  const change = async (): Promise<void> => {
    step += 1;
    await write.secret(`key-${step}`, keyOf(step));
    await write.create("consumers", `c-${step}`, consumerWith(`key-${step}`));
    // Every other time the Consumer stays and its Secret goes: either revokes the key.
    if (step > 1)
      await (step % 2 === 0 ? write.remove("consumers", `c-${step - 1}`) : write.removeSecret(`key-${step - 1}`));
    await write.secret("provider", `provider-${step}`);
    await write.spec("airatelimitpolicies", "calls", policyWith(callsAt(step)));
    await write.spec("consumers", "steady", { groups: [`step-${step}`], ...consumerWith("steady") });
  };
  await change();
  const followed = ({ length }: readonly RunningGateway[]): Promise<void> =>
    eventually("every gateway has it", () => isFollowed(redis.url, length).catch(() => false));
  return {
    namespace,
    change,
    async clear() {
      for (const { plural } of KINDS) await cluster.call("DELETE", `${GROUP}/namespaces/${namespace}/${plural}`);
    },
    async version() {
      const { body } = await cluster.call("GET", `${GROUP}/namespaces/${namespace}/consumers`);
      return z.object({ metadata: z.object({ resourceVersion: z.string() }) }).parse(body).metadata.resourceVersion;
    },
    followed,
    async published(kept = new Map(), masters = [product.master]) {
      let last = "";
      const isEqual = async (): Promise<boolean> => {
        last = await Promise.all([publishedConfig(redis.url), compiledFromScratch(cluster, masters)]).then(
          ([found, wanted]) => difference(found, new Map([...wanted, ...kept])),
          (error: unknown) => String(error),
        );
        return last === "";
      };
      await eventually("Redis holds what a compilation gives", isEqual).catch((error: unknown) => {
        throw new Error(`${String(error)}\n${last}`);
      });
    },
    async enforced(gateways) {
      await followed(gateways);
      const statuses: number[] = [];
      for (let at = 0; at <= callsAt(step); at += 1) {
        const gateway = gateways[at % gateways.length];
        if (gateway !== undefined) statuses.push(await statusWith(gateway, keyOf(step)));
      }
      const wanted = [...Array.from({ length: callsAt(step) }, () => 200), 429];
      if (statuses.join() !== wanted.join())
        throw new Error(`step ${step}: found ${statuses.join()}, wanted ${wanted.join()}`);
      for (const gateway of gateways) {
        const old = step > 1 ? await statusWith(gateway, keyOf(step - 1)) : 401;
        if (old !== 401) throw new Error(`step ${step}: a revoked key is answered with ${old}`);
      }
    },
    revokedStatus: (gateway) => statusWith(gateway, keyOf(step - 1)),
    steadyStatus: (gateway) => statusWith(gateway, `steady-${namespace}`),
  };
}

/** Requests that a consumer of this step has. */
function callsAt(step: number): number {
  return 1 + (step % 3);
}

/** All of them, with the generation and revision of each namespace's head. */
async function isFollowed(url: string, gateways: number): Promise<boolean> {
  const heads = [...(await publishedNamespaces(url))];
  const told = await acknowledged(url);
  const having = told.filter(({ namespaces }) =>
    heads.every(([namespace, { generation, revision }]) => {
      const known = namespaces[namespace];
      return known?.generation === generation && known.revision === revision;
    }),
  );
  return having.length >= gateways;
}

function consumerWith(secret: string) {
  return { credentials: [{ name: "main", apiKey: { secretRef: { name: secret, key: "key" } } }] };
}

function policyWith(calls: number) {
  const limit = { name: "calls", unit: "Requests", limit: calls, window: { duration: "1h" } };
  const others = { type: "Consumer", match: "Prefix", values: ["c-"] };
  return { limits: [{ ...limit, when: [others] }] };
}

/** What the scene does to the API server, not by way of the controller's own connection. */
function writerTo({ cluster }: Product, namespace: string) {
  const done = async (method: string, path: string, body?: unknown): Promise<void> => {
    const { status, body: answer } = await cluster.call(method, path, body);
    if (status >= 300) throw new Error(`${method} ${path}: ${status} ${JSON.stringify(answer)}`);
  };
  const collection = (plural: string): string => `${GROUP}/namespaces/${namespace}/${plural}`;
  const secrets = `/api/v1/namespaces/${namespace}/secrets`;
  const kinds: Readonly<Record<string, string>> = { consumers: "Consumer", airatelimitpolicies: "AIRateLimitPolicy" };
  return {
    async secret(name: string, value: string): Promise<void> {
      const body = { apiVersion: "v1", kind: "Secret", metadata: { name }, stringData: { key: value } };
      const { status } = await cluster.call("PUT", `${secrets}/${name}`, body);
      if (status === 404) await done("POST", secrets, body);
    },
    removeSecret: (name: string) => done("DELETE", `${secrets}/${name}`),
    create: (plural: string, name: string, spec: object) =>
      done("POST", collection(plural), {
        apiVersion: "airatelimit.dev/v1alpha1",
        kind: kinds[plural],
        metadata: { name },
        spec,
      }),
    remove: (plural: string, name: string) => done("DELETE", `${collection(plural)}/${name}`),
    /** Again when somebody, the controller's status perhaps, was quicker. */
    async spec(plural: string, name: string, spec: object): Promise<void> {
      const path = `${collection(plural)}/${name}`;
      for (;;) {
        const { body } = await cluster.call("GET", path);
        const { status } = await cluster.call("PUT", path, { ...body, spec });
        if (status === 200) return;
        if (status !== 409) throw new Error(`PUT ${path}: ${status}`);
      }
    },
  };
}

function basicsOf(namespace: string, endpoint: string): string {
  return `
apiVersion: v1
kind: Secret
metadata: {name: steady, namespace: ${namespace}}
stringData: {key: steady-${namespace}}
---
apiVersion: v1
kind: Secret
metadata: {name: provider, namespace: ${namespace}}
stringData: {key: provider-0}
---
apiVersion: airatelimit.dev/v1alpha1
kind: Consumer
metadata: {name: steady, namespace: ${namespace}}
spec: ${JSON.stringify(consumerWith("steady"))}
---
apiVersion: airatelimit.dev/v1alpha1
kind: AIBackend
metadata: {name: llm, namespace: ${namespace}}
spec:
  provider: OpenAICompatible
  endpoint: ${endpoint}
  auth: {type: APIKey, apiKey: {secretRef: {name: provider, key: key}}}
---
apiVersion: airatelimit.dev/v1alpha1
kind: AIRoute
metadata: {name: all, namespace: ${namespace}}
spec:
  matches: [{path: {type: PathPrefix, value: /}, hostnames: [${namespace}.test]}]
  backendRefs: [{name: llm}]
---
apiVersion: airatelimit.dev/v1alpha1
kind: AIRateLimitPolicy
metadata: {name: calls, namespace: ${namespace}}
spec: ${JSON.stringify(policyWith(1))}
`;
}
