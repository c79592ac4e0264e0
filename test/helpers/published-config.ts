// What lies in Redis beside what it should be: a compilation from scratch of all that the API server holds.

import { Redis } from "ioredis";
import { z } from "zod";
import { compile } from "../../compiler/compile.ts";
import { kubeObject, withoutBookkeeping } from "../../controller/kube/kube-object.ts";
import { KINDS } from "../../crds/index.ts";
import { createRing } from "../../dataplane/contract/keyring.ts";
import {
  changesKey,
  dataPlanesKey,
  EVERY_NAMESPACE,
  type Heartbeat,
  headKey,
  heartbeat,
  namespacesKey,
  objectField,
  objectsKey,
  publishedEntry,
} from "../../dataplane/contract/published.ts";
import type { KubeCluster } from "./kube-cluster.ts";

const PREFIX = "airl:";
const API = "/apis/airatelimit.dev/v1alpha1";

/**
 * "<namespace>/<Kind>/<name>" -> uid and text of the compiled object. Not its generation: a manifest that changed without
 * changing what it compiles to is not published again.
 */
export type Config = ReadonlyMap<string, string>;

export interface PublishedNamespace {
  readonly epoch: number;
  readonly generation: string;
  readonly revision: number;
}

/** Connects anew each time: the server may have been another one before. */
async function withRedis<T>(url: string, use: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(url, { lazyConnect: true, retryStrategy: null, maxRetriesPerRequest: 0 });
  redis.on("error", () => undefined); // the call under way says it
  try {
    await redis.connect();
    return await use(redis);
  } finally {
    redis.disconnect();
  }
}

/** By namespace, as the index names them. */
export function publishedNamespaces(url: string): Promise<ReadonlyMap<string, PublishedNamespace>> {
  return withRedis(url, async (redis) => {
    const found = new Map<string, PublishedNamespace>();
    for (const namespace of await redis.hkeys(namespacesKey(PREFIX))) {
      const { epoch, generation = "", revision } = await redis.hgetall(headKey(PREFIX, namespace));
      found.set(namespace, { epoch: Number(epoch), generation, revision: Number(revision) });
    }
    return found;
  });
}

/** All that is published. Throws when an entry does not fit the contract, or head and stream do not fit each other. */
export function publishedConfig(url: string): Promise<Config> {
  return withRedis(url, async (redis) => {
    const config = new Map<string, string>();
    for (const namespace of await redis.hkeys(namespacesKey(PREFIX))) {
      for (const [field, text] of Object.entries(await entriesOf(redis, namespace))) {
        config.set(`${namespace}/${field}`, lineOf(publishedEntry.parse(JSON.parse(text))));
      }
    }
    return config;
  });
}

/** As of one moment: again while somebody publishes. */
async function entriesOf(redis: Redis, namespace: string): Promise<Record<string, string>> {
  const { generation = "", revision = "" } = await redis.hgetall(headKey(PREFIX, namespace));
  const entries = await redis.hgetall(objectsKey(PREFIX, namespace, generation));
  const [last] = await redis.xrevrange(changesKey(PREFIX, namespace, generation), "+", "-", "COUNT", 1);
  const after = await redis.hgetall(headKey(PREFIX, namespace));
  if (after["generation"] !== generation || after["revision"] !== revision) return await entriesOf(redis, namespace);
  if (last !== undefined && last[0] !== `${revision}-0`) throw new Error(`the stream ends with ${last[0]}`);
  return entries;
}

/** Ids of the masters under which something in Redis is sealed or hashed. */
export async function publishedKeyIds(url: string): Promise<readonly string[]> {
  const config = await publishedConfig(url);
  const ids = [...config.values()].flatMap((text) => Array.from(text.matchAll(/"([0-9a-f]{8})\.[\w-]{20,}"/g), idOf));
  return [...new Set(ids)].sort();
}

function idOf([, id = ""]: RegExpExecArray): string {
  return id;
}

const items = z.object({ items: z.array(kubeObject) });

/** What a compilation from scratch gives of all that the API server holds now. */
export async function compiledFromScratch(cluster: KubeCluster, masters: readonly Buffer[]): Promise<Config> {
  const manifests = await manifestsOf(cluster);
  const versions = new Map(
    manifests.map(({ kind, metadata }) => [`${kind}/${metadata.namespace}/${metadata.name}`, metadata]),
  );
  const { objects } = compile({ manifests, ringFor: createRing(masters), systemNamespace: "ai-rate-limit-system" });
  const config = new Map<string, string>();
  for (const object of objects) {
    const version = versions.get(`${object.kind}/${object.namespace}/${object.name}`);
    config.set(`${object.namespace}/${objectField(object)}`, lineOf({ uid: version?.uid ?? "", object }));
  }
  return config;
}

async function manifestsOf(cluster: KubeCluster) {
  const lists = [{ path: "/api/v1/secrets", apiVersion: "v1", kind: "Secret" }];
  for (const { kind, plural } of KINDS) lists.push({ path: `${API}/${plural}`, apiVersion: API.slice(6), kind });
  const found = await Promise.all(
    lists.map(async ({ path, apiVersion, kind }) => {
      const { body } = await cluster.call("GET", path);
      return items.parse(body).items.map((item) => ({ ...withoutBookkeeping(item), apiVersion, kind }));
    }),
  );
  return found.flat();
}

interface Line {
  readonly uid: string;
  readonly object: object;
}

function lineOf({ uid, object }: Line): string {
  return JSON.stringify({ uid, object });
}

/** Entries of one that the other has not, or has otherwise; "" when they are equal. */
export function difference(published: Config, wanted: Config): string {
  const keys = [...new Set([...published.keys(), ...wanted.keys()])].filter(
    (key) => published.get(key) !== wanted.get(key),
  );
  return keys
    .map((key) => `${key}\n  published ${published.get(key) ?? "nothing"}\n  wanted    ${wanted.get(key) ?? "nothing"}`)
    .join("\n");
}

const TIME_AND_HEARTBEAT = /^\d+ (.*)$/s;

/** What each gateway that told it in Redis has in force; by its id. */
export function acknowledged(url: string): Promise<readonly ({ readonly id: string } & Heartbeat)[]> {
  return withRedis(url, async (redis) => {
    const seen = await redis.hgetall(dataPlanesKey(PREFIX, EVERY_NAMESPACE));
    return Object.entries(seen).map(([id, text]) => {
      const [, json = ""] = TIME_AND_HEARTBEAT.exec(text) ?? [];
      return { id, ...heartbeat.parse(JSON.parse(json)) };
    });
  });
}
