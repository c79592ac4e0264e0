// The only place of the data plane that makes an ioredis client: how it connects, reconnects and gives up. Knows no counters.

import { Cluster, type Redis } from "ioredis";
import { LastingRedis } from "./lasting-redis.ts";

export interface RedisSettings {
  /**
   * redis://[[user]:password@]host[:port][/db], or rediss:// for TLS. With `cluster` or `sentinelMaster` also several,
   * joined by commas: nodes of the cluster, or the sentinels.
   */
  readonly url: string;
  readonly cluster: boolean;
  /** Name of the master that the sentinels watch; the URL then names sentinels. */
  readonly sentinelMaster?: string | undefined;
  readonly sentinelPassword?: string | undefined;
  /** These three win over what the URL says. */
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly db?: number | undefined;
  /** PEM texts and checks, for rediss://. */
  readonly tls?: RedisTls | undefined;
  /** Default 2000. */
  readonly connectTimeoutMs?: number | undefined;
  /** A connection that is asked and stays silent for this long is closed and made anew. Default 1000. */
  readonly replyTimeoutMs?: number | undefined;
}

export interface RedisTls {
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly servername?: string | undefined;
  readonly rejectUnauthorized?: boolean | undefined;
}

const RETRY_FIRST_MS = 50;
const RETRY_MAX_MS = 2000;
const SLOTS_REFRESH_MS = 10_000;

interface Address {
  readonly host: string;
  readonly port: number;
}

interface Target {
  readonly addresses: readonly Address[];
  readonly isTls: boolean;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly db: number | undefined;
}

/**
 * A client that has not connected yet (`lazyConnect`), never queues while it is away, never repeats a command by itself, and
 * tries to connect for ever. `onError` hears of every failure of a connection. Throws on settings that cannot work.
 */
export function createRedisClient(settings: RedisSettings, onError: (error: Error) => void): Redis | Cluster {
  const target = readTarget(settings);
  if (!settings.cluster) return createServer(settings, target).on("error", onError);
  return createCluster(settings, target).on("error", onError).on("node error", onError);
}

function createServer(settings: RedisSettings, target: Target): Redis {
  const options = {
    ...commonOptions(settings, target),
    db: target.db ?? 0,
    enableOfflineQueue: false,
    // What wire.ts reads.
    protocol: 2 as const,
    retryStrategy: retryDelay,
  };
  const [first] = target.addresses;
  if (settings.sentinelMaster === undefined) return new LastingRedis({ ...options, ...first });
  return new LastingRedis({
    ...options,
    sentinels: target.addresses.map((address) => ({ ...address })),
    name: settings.sentinelMaster,
    sentinelRetryStrategy: retryDelay,
    enableTLSForSentinelMode: target.isTls,
    failoverDetector: true,
    ...(settings.sentinelPassword === undefined ? {} : { sentinelPassword: settings.sentinelPassword }),
    ...(target.isTls ? { sentinelTLS: { ...settings.tls } } : {}),
  });
}

function createCluster(settings: RedisSettings, target: Target): Cluster {
  const options: ClusterOptions = {
    redisOptions: commonOptions(settings, target),
    lazyConnect: true,
    // While a node's connection is made, its first commands wait for it. What is sent while the whole cluster is away the
    // store bounds itself: it asks no more once a time-out has told it.
    enableOfflineQueue: true,
    clusterRetryStrategy: retryDelay,
    // Zero: a command whose connection broke is not repeated behind the caller's back; it may have run.
    retryDelayOnFailover: 0,
    retryDelayOnClusterDown: 0,
    slotsRefreshInterval: SLOTS_REFRESH_MS,
    // Certificates name hosts: with TLS, names are not replaced by addresses.
    ...(target.isTls ? { dnsLookup: (host, done) => done(null, host) } : {}),
  };
  return new Cluster(
    target.addresses.map((address) => ({ ...address })),
    options,
  );
}

type ClusterOptions = NonNullable<ConstructorParameters<typeof Cluster>[1]>;

function commonOptions({ tls, connectTimeoutMs, replyTimeoutMs }: RedisSettings, target: Target) {
  return {
    lazyConnect: true,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    connectTimeout: connectTimeoutMs ?? 2000,
    socketTimeout: replyTimeoutMs ?? 1000,
    // After a fail-over the old master still answers, as a replica: a new connection finds the new master.
    reconnectOnError: (error: Error) => error.message.startsWith("READONLY"),
    ...(target.username === undefined ? {} : { username: target.username }),
    ...(target.password === undefined ? {} : { password: target.password }),
    ...(target.isTls ? { tls: { ...tls } } : {}),
  };
}

/** Doubles up to a ceiling; half of it is drawn, so that data planes do not come back in step. */
function retryDelay(attempt: number): number {
  const ceiling = Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** Math.min(attempt - 1, 10));
  return Math.round(ceiling / 2 + (Math.random() * ceiling) / 2);
}

function readTarget(settings: RedisSettings): Target {
  const urls = settings.url.split(",").map((each) => parseRedisUrl(each.trim()));
  const [first] = urls;
  if (first === undefined) throw new Error("the Redis URL is empty");
  const db = settings.db ?? readDb(first);
  checkTopology({ ...settings, db }, urls);
  const defaultPort = settings.sentinelMaster === undefined ? 6379 : 26379;
  return {
    addresses: urls.map(({ hostname, port }) => ({
      host: hostname.replace(/^\[(.*)\]$/, "$1"),
      port: port === "" ? defaultPort : Number(port),
    })),
    isTls: first.protocol === "rediss:",
    username: settings.username ?? decoded(first.username),
    password: settings.password ?? decoded(first.password),
    db,
  };
}

function checkTopology({ cluster, sentinelMaster, db, tls }: RedisSettings, urls: readonly URL[]): void {
  const protocols = new Set(urls.map((each) => each.protocol));
  const isSentinel = sentinelMaster !== undefined;
  const faults: readonly (readonly [boolean, string])[] = [
    [protocols.size > 1, "the Redis URLs mix redis:// and rediss://"],
    [tls !== undefined && protocols.has("redis:"), "TLS settings for Redis need a rediss:// URL"],
    [cluster && isSentinel, "Redis is either a cluster or behind sentinels, not both"],
    [cluster && (db ?? 0) !== 0, `a Redis cluster has no database ${String(db)}, only 0`],
    [!cluster && !isSentinel && urls.length > 1, "several Redis URLs need a cluster or the name of a sentinel master"],
  ];
  const fault = faults.find(([isFault]) => isFault);
  if (fault !== undefined) throw new Error(fault[1]);
}

/** Never repeats the URL in a message: it may hold a password. */
function parseRedisUrl(text: string): URL {
  if (!URL.canParse(text))
    throw new Error("the Redis URL cannot be read; write redis://host:6379 or rediss://host:6379");
  const url = new URL(text);
  if (url.protocol !== "redis:" && url.protocol !== "rediss:") {
    throw new Error(`the Redis URL begins with ${url.protocol}//; write redis:// or rediss://`);
  }
  if (url.hostname === "") throw new Error("the Redis URL names no host");
  return url;
}

function readDb({ pathname }: URL): number | undefined {
  const text = pathname.replace(/^\//, "");
  if (text === "") return undefined;
  if (!/^\d{1,5}$/.test(text)) throw new Error(`"${text}" in the Redis URL is not the number of a database`);
  return Number(text);
}

function decoded(text: string): string | undefined {
  return text === "" ? undefined : decodeURIComponent(text);
}
