// The data plane's settings: what the environment may say, and what is told when it says something else.

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { CONTROLLER_SETTINGS } from "../../../controller/settings.ts";
import { DATA_PLANE_SETTINGS, readDataPlaneSettings } from "../../../dataplane/settings.ts";
import { settingsHelp, settingsMarkdown } from "../../../settings/settings-page.ts";

const LEAST = { AIRL_REDIS_URL: "redis://r:6379", AIRL_KEYRING_FILE: "/ring" };

function faultsOf(env: Readonly<Record<string, string>>): string[] {
  try {
    readDataPlaneSettings({ ...LEAST, ...env });
    return [];
  } catch (error) {
    return error instanceof Error ? error.message.split("\n") : [];
  }
}

test("[unit] the least that must be set, and every default", () => {
  const settings = readDataPlaneSettings(LEAST);
  expect(settings).toMatchObject({
    redis: { url: "redis://r:6379", cluster: false },
    keyPrefix: "airl:",
    listen: { host: "0.0.0.0", port: 8080 },
    admin: { host: "0.0.0.0", port: 9090 },
    keyRingFile: "/ring",
    namespaces: undefined,
    logLevel: "info",
    trustedProxies: [],
    maxBodyBytes: 33_554_432,
    drainDelayMs: 5_000,
    drainMs: 30_000,
    egressAllow: [],
    metricsConsumers: 0,
    pod: undefined,
  });
  expect(settings.configRedis).toBe(settings.redis);
  expect(Object.isFrozen(settings)).toBe(true);
});

test("[unit] everything can be set, and an empty variable is none", () => {
  const settings = readDataPlaneSettings({
    ...LEAST,
    AIRL_REDIS_USERNAME: "dp",
    AIRL_REDIS_PASSWORD: "hush",
    AIRL_REDIS_DB: "3",
    AIRL_CONFIG_REDIS_URL: "rediss://c:6380",
    AIRL_CONFIG_REDIS_TLS_SERVER_NAME: "redis.example",
    AIRL_NAMESPACES: "ai, batch,,ai",
    AIRL_TRUSTED_PROXIES: "10.0.0.0/8,fd00::/8",
    AIRL_MAX_BODY: "1MiB",
    AIRL_DRAIN_DELAY: "250ms",
    AIRL_DRAIN: "5m",
    AIRL_METRICS_CONSUMERS: "50",
    AIRL_LOG_LEVEL: "",
    AIRL_POD_NAME: "p",
    AIRL_POD_NAMESPACE: "n",
    AIRL_POD_UID: "u",
  });
  expect(settings.redis).toMatchObject({ username: "dp", password: "hush", db: 3 });
  expect(settings.configRedis).toMatchObject({ url: "rediss://c:6380", tls: { servername: "redis.example" } });
  expect(settings.configRedis.password).toBeUndefined();
  expect(settings).toMatchObject({
    namespaces: ["ai", "batch"],
    trustedProxies: ["10.0.0.0/8", "fd00::/8"],
    maxBodyBytes: 1_048_576,
    drainDelayMs: 250,
    drainMs: 300_000,
    metricsConsumers: 50,
    logLevel: "info",
    pod: { name: "p", namespace: "n", uid: "u" },
  });
});

test.for([
  { env: { AIRL_LISTEN: "8o80" }, fault: 'AIRL_LISTEN: found "8o80", wanted HOST:PORT' },
  { env: { AIRL_NAMESPACES: "Not_One" }, fault: 'AIRL_NAMESPACES: found "Not_One"' },
  { env: { AIRL_LOG_LEVEL: "loud" }, fault: 'AIRL_LOG_LEVEL: found "loud", wanted one of trace' },
  { env: { AIRL_TRUSTED_PROXIES: "10.0.0.0/33" }, fault: "AIRL_TRUSTED_PROXIES: found" },
  { env: { AIRL_EGRESS_ALLOW: "everything" }, fault: "AIRL_EGRESS_ALLOW: found" },
  { env: { AIRL_MAX_BODY: "2GiB" }, fault: "AIRL_MAX_BODY: found" },
  { env: { AIRL_DRAIN_DELAY: "later" }, fault: "AIRL_DRAIN_DELAY: found" },
  { env: { AIRL_DRAIN: "soon" }, fault: "AIRL_DRAIN: found" },
  { env: { AIRL_METRICS_CONSUMERS: "1001" }, fault: "AIRL_METRICS_CONSUMERS: found" },
  { env: { AIRL_METRICS_CONSUMERS: "all" }, fault: "AIRL_METRICS_CONSUMERS: found" },
  { env: { AIRL_KEY_PREFIX: "a b" }, fault: "AIRL_KEY_PREFIX: found" },
  { env: { AIRL_REDIS_CLUSTER: "yes" }, fault: "AIRL_REDIS_CLUSTER: found" },
  { env: { AIRL_REDIS_DB: "one" }, fault: "AIRL_REDIS_DB: found" },
  { env: { AIRL_REDIS_PASSWORD_FILE: "/nowhere" }, fault: "AIRL_REDIS_PASSWORD_FILE: found" },
  { env: { AIRL_REDIS_URL: "" }, fault: "AIRL_REDIS_URL is not set" },
  { env: { AIRL_KEYRING_FILE: "" }, fault: "AIRL_KEYRING_FILE is not set" },
  { env: { AIRL_CONFIG_REDIS_USERNAME: "u" }, fault: "AIRL_CONFIG_REDIS_URL is not set" },
  { env: { AIRL_POD_NAME: "p" }, fault: "AIRL_POD_NAME, AIRL_POD_NAMESPACE and AIRL_POD_UID" },
  { env: { AIRL_SYSTEM_NAMESPACE: "a/b" }, fault: "AIRL_SYSTEM_NAMESPACE: found" },
])("[unit] $fault", ({ env, fault }) => {
  const faults = faultsOf(env);
  expect(faults).toHaveLength(1);
  expect(faults[0]?.startsWith(fault)).toBe(true);
});

test("[unit] all faults are told together, and no secret", () => {
  const faults = faultsOf({ AIRL_REDIS_URL: "http://user:hush@r", AIRL_LISTEN: "x", AIRL_DRAIN: "y" });
  expect(faults).toHaveLength(3);
  expect(faults.join("\n")).not.toContain("hush");
});

test("[unit] docs/settings.md and --help list every setting", () => {
  const page = readFileSync("docs/settings.md", "utf8");
  expect(page).toBe(settingsMarkdown([CONTROLLER_SETTINGS, DATA_PLANE_SETTINGS]));
  const help = settingsHelp(DATA_PLANE_SETTINGS);
  for (const { name } of DATA_PLANE_SETTINGS.settings) {
    expect(page).toContain(`\`${name}\``);
    expect(help).toContain(`  ${name}=`);
  }
});
