// The objects that the benchmark makes, and many calls to the API server at once.

import { createHash } from "node:crypto";
import type { KubeCluster } from "../../helpers/kube-cluster.ts";

export const NAMESPACE = "ai";
/** Never reached: what is measured is when it is seen. */
export const FIRST_LIMIT = 1_000_000_000;

const API = "/apis/airatelimit.dev/v1alpha1/namespaces";
const GROUPS = 50;

export function pathOf(plural: string, name?: string): string {
  const root = plural === "secrets" ? "/api/v1/namespaces" : API;
  return `${root}/${NAMESPACE}/${plural}${name === undefined ? "" : `/${name}`}`;
}

type Manifest = Readonly<Record<string, unknown>>;

interface Named {
  readonly kind: string;
  readonly name: string;
}

function manifest({ kind, name }: Named, spec: object): Manifest {
  return { apiVersion: "airatelimit.dev/v1alpha1", kind, metadata: { name, namespace: NAMESPACE }, spec };
}

function hashOf(key: string): string {
  return `sha256:${createHash("sha256").update(key).digest("hex")}`;
}

/** Known to the gateways by its hash. */
export function hashedConsumer(name: string, key: string, groups: readonly string[] = []): Manifest {
  const credentials = [{ name: "main", apiKey: { keyHash: hashOf(key) } }];
  return manifest({ kind: "Consumer", name }, { username: `${name}@example.com`, groups, credentials });
}

/** Its key is in the Secret of the same name. */
export function secretConsumer(name: string, groups: readonly string[] = []): Manifest {
  const credentials = [{ name: "main", apiKey: { secretRef: { name, key: "key" } } }];
  return manifest({ kind: "Consumer", name }, { username: `${name}@example.com`, groups, credentials });
}

export function secret(name: string, key: string): Manifest {
  const data = { key: Buffer.from(key).toString("base64") };
  return { apiVersion: "v1", kind: "Secret", metadata: { name, namespace: NAMESPACE }, data };
}

export function policy(name: string, { consumers, limit }: { consumers: readonly string[]; limit: number }): Manifest {
  const limits = [{ name: "budget", limit, window: { duration: "60s" } }];
  return manifest({ kind: "AIRateLimitPolicy", name }, { appliesTo: { consumers }, limits });
}

function groupPolicy(index: number) {
  const limits = [{ name: "minute", limit: FIRST_LIMIT, window: { duration: "60s" } }];
  const spec = { appliesTo: { consumerGroups: [`team-${String(index)}`] }, limits };
  return manifest({ kind: "AIRateLimitPolicy", name: `team-${String(index)}` }, spec);
}

function backend(endpoint: string) {
  const auth = { type: "APIKey", apiKey: { value: "provider-key" } };
  return manifest({ kind: "AIBackend", name: "provider" }, { provider: "OpenAICompatible", endpoint, auth });
}

function route() {
  const matches = [{ path: { type: "PathPrefix", value: "/v1" } }];
  return manifest({ kind: "AIRoute", name: "chat" }, { matches, backendRefs: [{ name: "provider" }] });
}

/** What every size has: a backend, a route, a policy for each of 50 groups. */
export async function makeSurroundings(cluster: KubeCluster, endpoint: string): Promise<void> {
  await expectDone(cluster, "POST /api/v1/namespaces", {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name: NAMESPACE },
  });
  await expectDone(cluster, `POST ${pathOf("aibackends")}`, backend(endpoint));
  await expectDone(cluster, `POST ${pathOf("airoutes")}`, route());
  for (let i = 0; i < GROUPS; i += 1) {
    await expectDone(cluster, `POST ${pathOf("airatelimitpolicies")}`, groupPolicy(i));
  }
}

/** Consumers number `from` up to, not with, `to`; the key of each hundredth is in a Secret. */
export async function makeConsumers(cluster: KubeCluster, from: number, to: number): Promise<void> {
  let next = from;
  const worker = async (): Promise<void> => {
    while (next < to) {
      const index = next;
      next += 1;
      const name = `user-${String(index)}`;
      const groups = [`team-${String(index % GROUPS)}`];
      if (index % 100 !== 0) {
        await expectDone(cluster, `POST ${pathOf("consumers")}`, hashedConsumer(name, keyOfUser(index), groups));
        continue;
      }
      await expectDone(cluster, `POST ${pathOf("secrets")}`, secret(name, keyOfUser(index)));
      await expectDone(cluster, `POST ${pathOf("consumers")}`, secretConsumer(name, groups));
    }
  };
  await Promise.all(Array.from({ length: 16 }, worker));
}

export function keyOfUser(index: number): string {
  return `sk-user-${String(index)}`;
}

/** Rejects when the server refuses; resolves with the time of its answer, by performance.now(), and the object. */
export async function expectDone(
  cluster: KubeCluster,
  line: string,
  body?: unknown,
): Promise<{ readonly atMs: number; readonly object: Record<string, unknown> }> {
  const [method = "", path = ""] = line.split(" ");
  for (;;) {
    const reply = await cluster.call(method, path, body);
    const atMs = performance.now();
    if (reply.status < 300) return { atMs, object: reply.body };
    // Flow control: the server is asked again, as any client does.
    if (reply.status !== 429) throw new Error(`${line}: ${String(reply.status)} ${JSON.stringify(reply.body)}`);
  }
}
