// A real Redis Cluster of the test's own: three masters with one replica each, on 127.0.0.1.

import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { eventually } from "./clock.ts";
import { type RedisServer, startRedis } from "./redis-server.ts";

const run = promisify(execFile);
const NODES = 6;
const NODE_TIMEOUT_MS = 1000;

export interface RedisCluster {
  readonly nodes: readonly RedisServer[];
  /** Of all nodes, joined by commas. */
  readonly url: string;
  /** The node that is the master of a key's slot now, as a node that is alive sees it. */
  masterOf(key: string): Promise<RedisServer>;
  /** Runs redis-cli against one node. */
  cli(node: RedisServer, ...args: string[]): Promise<string>;
  stop(): Promise<void>;
}

export async function startRedisCluster(): Promise<RedisCluster> {
  const settings = ["--cluster-enabled", "yes", "--cluster-node-timeout", String(NODE_TIMEOUT_MS)];
  const nodes = await Promise.all(
    Array.from({ length: NODES }, () =>
      startRedis({ aof: true, settings: [...settings, "--repl-diskless-sync-delay", "0"] }),
    ),
  );
  const addresses = nodes.map(({ port }) => `127.0.0.1:${String(port)}`);
  await run("redis-cli", ["--cluster", "create", ...addresses, "--cluster-replicas", "1", "--cluster-yes"]);
  await eventually("the cluster is whole", async () => {
    const states = await Promise.all(nodes.map(async (node) => isWhole(await cli(node, "cluster", "info"), node)));
    return states.every(Boolean);
  });
  return {
    nodes,
    url: nodes.map(({ url }) => url).join(","),
    masterOf: (key) => masterOf(nodes, key),
    cli,
    async stop() {
      await Promise.all(nodes.map((node) => node.stop()));
    },
  };
}

async function cli(node: RedisServer, ...args: string[]): Promise<string> {
  const { stdout } = await run("redis-cli", ["-p", String(node.port), ...args]);
  return stdout;
}

/** Every node sees every slot served, and every replica follows its master. */
async function isWhole(info: string, node: RedisServer): Promise<boolean> {
  if (!info.includes("cluster_state:ok") || !info.includes(`cluster_known_nodes:${String(NODES)}`)) return false;
  const replication = await cli(node, "info", "replication");
  return replication.includes("role:master")
    ? replication.includes("state=online")
    : replication.includes("master_link_status:up");
}

async function masterOf(nodes: readonly RedisServer[], key: string): Promise<RedisServer> {
  for (const node of nodes) {
    const answer = await cli(node, "cluster", "keyslot", key).catch(() => undefined);
    if (answer === undefined) continue;
    const slot = Number(answer);
    for (const line of (await cli(node, "cluster", "nodes")).split("\n")) {
      const [, address = "", flags = "", , , , , , ...slots] = line.split(" ");
      if (!flags.includes("master") || flags.includes("fail")) continue;
      if (!slots.some((range) => holds(range, slot))) continue;
      const found = nodes.find(({ port }) => address.startsWith(`127.0.0.1:${String(port)}@`));
      if (found !== undefined) return found;
    }
  }
  throw new Error(`no master for ${key}`);
}

function holds(range: string, slot: number): boolean {
  const [from, to = from] = range.split("-").map(Number);
  return from !== undefined && to !== undefined && from <= slot && slot <= to;
}
