// Connections as they are set up outside of tests: users and databases, TLS, Sentinel with a fail-over.

import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { Redis } from "ioredis";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createRedisClient, type RedisSettings } from "../../dataplane/redis/connection.ts";
import { eventually } from "../helpers/clock.ts";
import { type RedisServer, startRedis } from "../helpers/redis-server.ts";
import { aCheck, aCounter, admit, charge, openStore, type StoreUnderTest } from "../helpers/redis-store.ts";

const run = promisify(execFile);
let dir: string;
let closing: (() => Promise<void>)[];

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "airl-connection-"));
  closing = [];
});
afterEach(async () => {
  for (const close of closing.reverse()) await close();
  await rm(dir, { recursive: true, force: true });
});

async function start(settings: readonly string[] = []): Promise<RedisServer> {
  const server = await startRedis({ settings });
  closing.push(() => server.stop());
  return server;
}

async function open(url: string, settings: Partial<RedisSettings> = {}): Promise<StoreUnderTest> {
  const under = await openStore(url, { settings });
  closing.push(() => under.store.close());
  return under;
}

test.for([
  { name: "in the URL", url: (port: number) => `redis://proxy:p%40ss@127.0.0.1:${String(port)}/2`, settings: {} },
  {
    name: "beside the URL, which they win over",
    url: (port: number) => `redis://wrong:wrong@127.0.0.1:${String(port)}/1`,
    settings: { username: "proxy", password: "p@ss", db: 2 },
  },
])("[redis] user, password and database may stand $name", async ({ url, settings }) => {
  const server = await start();
  const admin = new Redis(server.url);
  await admin.call("ACL", "SETUSER", "proxy", "on", ">p@ss", "~*", "+@all");
  await admin.call("ACL", "SETUSER", "default", "off");
  admin.disconnect();
  const under = await open(url(server.port), settings);
  const counter = aCounter(under);
  await charge(under.store, { counter, amount: 5 });
  await under.store.flush(5000);
  const client = new Redis(`redis://proxy:p%40ss@127.0.0.1:${String(server.port)}/2`);
  expect(await client.hget(counter.key, counter.field)).toMatch(/^\d+ 5 0$/);
  client.disconnect();
});

test("[redis] TLS checks the server's certificate and shows its own", async () => {
  const [cert, key] = [join(dir, "cert.pem"), join(dir, "key.pem")];
  const subject = ["-subj", "/CN=redis.test", "-addext", "subjectAltName=DNS:redis.test"];
  await run("openssl", [
    "req",
    "-x509",
    "-newkey",
    "rsa:2048",
    "-nodes",
    "-days",
    "1",
    ...subject,
    "-keyout",
    key,
    "-out",
    cert,
  ]);
  const server = await startRedis({ tls: { cert, key, ca: cert } });
  closing.push(() => server.stop());
  const pem = { cert: await readFile(cert, "utf8"), key: await readFile(key, "utf8") };
  const url = `rediss://127.0.0.1:${String(server.port)}`;
  const under = await open(url, { tls: { ...pem, ca: pem.cert, servername: "redis.test" } });
  await charge(under.store, { counter: aCounter(under), amount: 1 });
  await under.store.flush(5000);

  const distrusting = await openStore(url, { wait: false, settings: { tls: { ...pem, servername: "redis.test" } } });
  closing.push(() => distrusting.store.close());
  await eventually("the certificate is refused", () =>
    distrusting.messages.some((message) => message.includes("self-signed")),
  );
  expect((await admit(distrusting.store, [aCheck(aCounter(under))])).source).toBe("local");
});

/** After a stall of two seconds Sentinel does nothing for 30 s (TILT); then comes the fail-over. */
const FAIL_OVER_MS = 45_000;

test("[redis] behind Sentinel a fail-over loses and doubles no charge", { timeout: 90_000 }, async () => {
  const master = await start();
  const replica = await start(["--replicaof", `127.0.0.1 ${String(master.port)}`, "--repl-diskless-sync-delay", "0"]);
  const admin = new Redis(replica.url);
  closing.push(async () => admin.disconnect());
  await eventually("the replica follows", async () =>
    (await admin.info("replication")).includes("master_link_status:up"),
  );
  const config = join(dir, "sentinel.conf");
  const monitor = `sentinel monitor main 127.0.0.1 ${String(master.port)} 1\n`;
  await writeFile(config, `${monitor}sentinel down-after-milliseconds main 500\nsentinel failover-timeout main 2000\n`);
  const sentinel = await startRedis({ configFile: config, settings: ["--sentinel"] });
  closing.push(() => sentinel.stop());
  const watcher = new Redis(sentinel.url);
  closing.push(async () => watcher.disconnect());
  await eventually("Sentinel knows the replica", async () =>
    String(await watcher.call("SENTINEL", "replicas", "main")).includes(String(replica.port)),
  );

  const under = await open(sentinel.url, { sentinelMaster: "main" });
  const counter = aCounter(under);
  await charge(under.store, { counter, amount: 1 });
  await under.store.flush(5000);
  await master.kill();
  await charge(under.store, { counter, amount: 10 });
  await under.store.flush(FAIL_OVER_MS).catch(async (error: unknown) => {
    const told = `${await watcher.info("sentinel")}\n${await admin.info("replication")}`;
    throw new Error(`${String(error)}; Sentinel and the replica say:\n${told}`, { cause: error });
  });
  expect(await admin.hget(counter.key, counter.field)).toMatch(/^\d+ 11 0$/);
});

test("[redis] a client that ioredis gives up for good comes back, one that was left does not", async () => {
  const server = await start();
  const client = createRedisClient({ url: server.url, cluster: false }, () => {});
  const statuses: string[] = [];
  client.on("ready", () => void statuses.push("ready")).on("end", () => void statuses.push("end"));
  await client.connect();
  // As ioredis does it to itself when Sentinel reports a fail-over in the wrong moment: past this client's own disconnect.
  Redis.prototype.disconnect.call(client, false);
  await eventually("it is ready again", () => statuses.join() === "ready,end,ready");
  client.disconnect();
  await eventually("it has ended", () => client.status === "end");
  await expect(client.ping()).rejects.toThrow("Connection is closed");
});
