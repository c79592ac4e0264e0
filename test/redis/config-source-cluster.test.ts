// Configuration and heartbeats in a Redis cluster, where every key has its own server.

import { Cluster } from "ioredis";
import { afterAll, beforeAll, expect, test } from "vitest";
import { LiveConfig } from "../../dataplane/config/gateway-config.ts";
import type { CompiledObject } from "../../dataplane/contract/compiled.ts";
import {
  changeChannel,
  changesKey,
  dataPlanesKey,
  epochKey,
  headKey,
  namespacesKey,
  objectField,
  objectsKey,
} from "../../dataplane/contract/published.ts";
import { ConfigSource } from "../../dataplane/redis/config/config-source.ts";
import { startHeartbeat } from "../../dataplane/redis/config/heartbeat.ts";
import { createRedisClient } from "../../dataplane/redis/connection.ts";
import { eventually } from "../helpers/clock.ts";
import { type RedisCluster, startRedisCluster } from "../helpers/redis-cluster.ts";
import { aConsumer, ringFor } from "../unit/config/builders.ts";

const PREFIX = "t:";
const NAMESPACES = ["a", "b", "c", "d"];
const SILENT = { info: () => {}, warn: () => {}, error: () => {} };

let cluster: RedisCluster;
beforeAll(async () => {
  cluster = await startRedisCluster();
}, 60_000);
afterAll(() => cluster.stop());

function fieldsOf(object: CompiledObject, revision: number): [string, string] {
  return [objectField(object), JSON.stringify({ revision, generation: 1, uid: "", object })];
}

test("[redis] a cluster is loaded and followed, and hears the heartbeat", async () => {
  const [first] = cluster.nodes;
  const writer = new Cluster([{ host: "127.0.0.1", port: first?.port ?? 0 }]);
  for (const namespace of NAMESPACES) {
    await writer.hset(objectsKey(PREFIX, namespace, "g"), ...fieldsOf(aConsumer({ namespace, name: "one" }), 1));
    await writer.hset(headKey(PREFIX, namespace), { schema: 1, epoch: 1, generation: "g", revision: 1 });
    await writer.hset(namespacesKey(PREFIX), namespace, "g");
  }
  await writer.set(epochKey(PREFIX), "1");
  const connect = () => createRedisClient({ url: cluster.url, cluster: true }, () => {});
  const clients = { reader: connect(), subscriber: connect() };
  const live = new LiveConfig({ ringFor, systemNamespace: "system", prefix: PREFIX, onLocked: () => {} });
  const source = new ConfigSource({
    clients,
    prefix: PREFIX,
    namespaces: undefined,
    sink: { apply: (changes) => live.change(changes), names: (namespace) => live.names(namespace) },
    observe: {
      applied: () => {},
      loaded: () => {},
      checked: () => {},
      rejected: () => {},
      schemaUnknown: () => {},
      followed: () => {},
    },
    log: SILENT,
    random: () => 0,
    intervals: { pollMs: 600_000 },
  });
  const counts: number[] = [];
  const heartbeat = startHeartbeat({
    client: clients.reader,
    prefix: PREFIX,
    scope: "*",
    dataPlaneId: "dp-1",
    heartbeat: () => ({ schema: 1, version: "1", keyIds: [], namespaces: {} }),
    counted: (count) => void counts.push(count),
    log: SILENT,
    random: () => 0,
  });
  await eventually("all is loaded", () => source.missing() === undefined);
  await eventually("it counts", () => counts.at(-1) === 1);
  for (const namespace of NAMESPACES) {
    const fields = fieldsOf(aConsumer({ namespace, name: "two" }), 2);
    await writer.hset(objectsKey(PREFIX, namespace, "g"), ...fields);
    await writer.xadd(changesKey(PREFIX, namespace, "g"), "2-0", ...fields);
    await writer.hset(headKey(PREFIX, namespace), "revision", "2");
    await writer.publish(changeChannel(PREFIX, namespace), "g 2");
  }
  await eventually("all is followed", () =>
    NAMESPACES.every((namespace) => live.current().snapshot.identify(namespace, "two-key") !== undefined),
  );
  await heartbeat.goodbye(1000);
  expect(await writer.hlen(dataPlanesKey(PREFIX, "*"))).toBe(0);
  await source.close();
  writer.disconnect();
});
