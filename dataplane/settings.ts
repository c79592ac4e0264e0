// The data plane's settings: the environment -> typed, frozen Settings. The table is also what --help and docs/settings.md say.

import { type RedisValues, readRedis, redisSettings } from "../settings/redis-settings.ts";
import { type Environment, type Setting, SettingsReader } from "../settings/setting.ts";
import type { SettingsTable } from "../settings/settings-page.ts";
import {
  address,
  KEYRING_FILE,
  keyPrefix,
  logLevel,
  namespaces,
  SYSTEM_NAMESPACE,
  words,
} from "../settings/shared-settings.ts";
import { type Address, readDuration, readList, readSize } from "../settings/values.ts";
import { DEFAULT_PREFIX } from "./contract/keys.ts";
import { parseCidr } from "./core/ip.ts";
import { createEgressPolicy } from "./upstream/egress.ts";

export interface DataPlaneSettings {
  /** Counters. */
  readonly redis: RedisValues;
  /** Configuration; where the counters are unless it is elsewhere. */
  readonly configRedis: RedisValues;
  readonly keyPrefix: string;
  readonly listen: Address;
  readonly admin: Address;
  readonly keyRingFile: string;
  /** Undefined: all. */
  readonly namespaces: readonly string[] | undefined;
  readonly systemNamespace: string;
  readonly logLevel: string;
  readonly trustedProxies: readonly string[];
  readonly maxBodyBytes: number;
  readonly drainDelayMs: number;
  readonly drainMs: number;
  readonly egressAllow: readonly string[];
  /** How many consumers metrics show by name; 0: none. */
  readonly metricsConsumers: number;
  readonly pod: { readonly namespace: string; readonly name: string; readonly uid: string } | undefined;
}

const REDIS = redisSettings({
  prefix: "AIRL_REDIS",
  urlText:
    "Where counters are kept, and the configuration unless it has a Redis of its own. Several with a cluster or sentinels.",
  isRequired: true,
});
const CONFIG_REDIS = redisSettings({
  prefix: "AIRL_CONFIG_REDIS",
  urlText: "Where the configuration is published, when that is another Redis. None of the settings above holds for it.",
});

function ranges(
  setting: Omit<Setting<readonly string[]>, "read" | "wanted" | "type">,
  isRange: (text: string) => boolean,
): Setting<readonly string[]> {
  return {
    ...setting,
    type: "CIDR[,CIDR]",
    wanted: "addresses or address ranges, for example 10.0.0.0/8,fd00::1",
    read: (text) => (readList(text).every(isRange) ? readList(text) : undefined),
  };
}

const LISTEN = address({
  name: "AIRL_LISTEN",
  fallback: "0.0.0.0:8080",
  text: "Where clients send their LLM traffic.",
});
const ADMIN = address({
  name: "AIRL_ADMIN_LISTEN",
  fallback: "0.0.0.0:9090",
  text: "Where /readyz, /livez and /metrics are served.",
});
const NAMESPACES = namespaces("Serve these namespaces only. Not set: all that are published.");
const LOG_LEVEL = logLevel("Logs are JSON on standard error, one line a request at info.");
const TRUSTED_PROXIES = ranges(
  { name: "AIRL_TRUSTED_PROXIES", text: "Believe X-Forwarded-For from these addresses." },
  (text) => parseCidr(text) !== undefined,
);
const MAX_BODY: Setting<number> = {
  name: "AIRL_MAX_BODY",
  type: "SIZE",
  fallback: "32MiB",
  text: "Largest request body; larger ones are answered 413.",
  wanted: "a number of bytes, or one with KB, MB, KiB or MiB, at most 1024MiB",
  read: readSize,
};
const DRAIN_DELAY: Setting<number> = {
  name: "AIRL_DRAIN_DELAY",
  type: "DURATION",
  fallback: "5s",
  text: "How long new requests are still served when stopping: until whoever sends them has heard that it is not ready.",
  wanted: "a number and ms, s, m or h, at most 24h",
  read: readDuration,
};
const DRAIN: Setting<number> = {
  name: "AIRL_DRAIN",
  type: "DURATION",
  fallback: "30s",
  text: "Longest wait after that for requests under way.",
  wanted: "a number and ms, s, m or h, at most 24h",
  read: readDuration,
};
const EGRESS_ALLOW = ranges(
  {
    name: "AIRL_EGRESS_ALLOW",
    text: "Backends may be reached at these addresses, although they are loopback, link-local or a cloud's metadata service.",
  },
  isEgressRange,
);
const METRICS_CONSUMERS: Setting<number> = {
  name: "AIRL_METRICS_CONSUMERS",
  type: "NUMBER",
  fallback: "0",
  text: "Count requests, tokens and cost of so many consumers by name, in the order in which they first call; the rest is other.",
  wanted: "a number from 0 (off) to 1000",
  read: (text) => (/^\d{1,4}$/.test(text) && Number(text) <= 1_000 ? Number(text) : undefined),
};
const KEY_PREFIX = keyPrefix(DEFAULT_PREFIX);
const POD_NAME = words({
  name: "AIRL_POD_NAME",
  type: "NAME",
  text: "Its Pod, for the controller; all three or none.",
});
const POD_NAMESPACE = words({ name: "AIRL_POD_NAMESPACE", type: "NAME", text: "The Pod's namespace." });
const POD_UID = words({ name: "AIRL_POD_UID", type: "UID", text: "The Pod's UID." });

export const DATA_PLANE_SETTINGS: SettingsTable = {
  title: "Data plane",
  text: "Proxies LLM traffic and enforces limits. It reads its configuration from Redis and counts there.",
  command: "node dist/dataplane/main.js",
  settings: [
    ...Object.values<Setting<unknown>>({ ...REDIS }),
    ...Object.values<Setting<unknown>>({ ...CONFIG_REDIS }),
    KEY_PREFIX,
    LISTEN,
    ADMIN,
    KEYRING_FILE,
    NAMESPACES,
    SYSTEM_NAMESPACE,
    LOG_LEVEL,
    TRUSTED_PROXIES,
    MAX_BODY,
    DRAIN_DELAY,
    DRAIN,
    EGRESS_ALLOW,
    METRICS_CONSUMERS,
    POD_NAME,
    POD_NAMESPACE,
    POD_UID,
  ],
};

/** Throws SettingsError, which names every variable that is wrong. */
export function readDataPlaneSettings(environment: Environment = process.env): DataPlaneSettings {
  const reader = new SettingsReader(environment);
  const redis = readRedis(reader, REDIS);
  const configRedis = readRedis(reader, CONFIG_REDIS) ?? redis;
  const listen = reader.one(LISTEN);
  const admin = reader.one(ADMIN);
  const keyRingFile = reader.one(KEYRING_FILE);
  const rest = {
    keyPrefix: reader.one(KEY_PREFIX) ?? DEFAULT_PREFIX,
    namespaces: reader.one(NAMESPACES),
    systemNamespace: reader.one(SYSTEM_NAMESPACE) ?? "",
    logLevel: reader.one(LOG_LEVEL) ?? "",
    trustedProxies: reader.one(TRUSTED_PROXIES) ?? [],
    egressAllow: reader.one(EGRESS_ALLOW) ?? [],
    ...readBounds(reader),
    pod: readPod(reader),
  };
  return reader.finish(() => {
    if (!redis || !configRedis || !listen || !admin || keyRingFile === undefined) return undefined;
    return { redis, configRedis, listen, admin, keyRingFile, ...rest };
  });
}

type Bounds = Pick<DataPlaneSettings, "maxBodyBytes" | "drainDelayMs" | "drainMs" | "metricsConsumers">;

function readBounds(reader: SettingsReader): Bounds {
  return {
    maxBodyBytes: reader.one(MAX_BODY) ?? 0,
    drainDelayMs: reader.one(DRAIN_DELAY) ?? 0,
    drainMs: reader.one(DRAIN) ?? 0,
    metricsConsumers: reader.one(METRICS_CONSUMERS) ?? 0,
  };
}

function readPod(reader: SettingsReader): DataPlaneSettings["pod"] {
  const name = reader.one(POD_NAME);
  const namespace = reader.one(POD_NAMESPACE);
  const uid = reader.one(POD_UID);
  if (name !== undefined && namespace !== undefined && uid !== undefined) return { namespace, name, uid };
  if (name !== undefined || namespace !== undefined || uid !== undefined) {
    reader.fault("AIRL_POD_NAME, AIRL_POD_NAMESPACE and AIRL_POD_UID: wanted all three or none");
  }
  return undefined;
}

function isEgressRange(text: string): boolean {
  try {
    createEgressPolicy([text]);
    return true;
  } catch {
    return false; // its message says what `wanted` says
  }
}
