// The data plane of a cluster: configuration from Redis, followed and acknowledged, keys from a file. Starts whether Redis
// is there or not, and keeps serving when it goes.

import { randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { Logger } from "pino";
import { followFile } from "../settings/followed-file.ts";
import { composeDataPlane, createTroubleLog, type DataPlane } from "./compose.ts";
import { createRing, masterId, readMasters } from "./contract/keyring.ts";
import { CLUSTER_PART, EVERY_NAMESPACE, type Heartbeat, SCHEMA } from "./contract/published.ts";
import type { Address, Gateway } from "./gateway.ts";
import type { ConfigMetrics } from "./metrics/config-metrics.ts";
import { type ConfigObserver, ConfigSource } from "./redis/config/config-source.ts";
import { type HeartbeatSender, startHeartbeat } from "./redis/config/heartbeat.ts";
import { createRedisClient } from "./redis/connection.ts";
import { createNotificationSender } from "./redis/notification-sender.ts";
import type { DataPlaneSettings } from "./settings.ts";

export interface ProgramInput {
  readonly settings: DataPlaneSettings;
  readonly version: string;
  readonly log: Logger;
  readonly nowMs: () => number;
}

export interface Program {
  readonly traffic: Address;
  readonly admin: Address;
  /** Waits until no new requests come, says goodbye, lets requests end, closes. */
  drain(): Promise<void>;
}

type RedisClient = ReturnType<typeof createRedisClient>;

const KEY_RING_POLL_MS = 2_000;
const GOODBYE_MS = 1_000;
const NO_IDS: readonly string[] = [];

/** Rejects when the key ring cannot be read, Redis's settings cannot work together, or an address cannot be listened on. */
export async function startProgram(input: ProgramInput): Promise<Program> {
  const { settings, log } = input;
  const ring = { keyIds: NO_IDS, changed: (_masters: readonly Buffer[]): void => {} };
  const keyRing = followFile({
    path: settings.keyRingFile,
    pollMs: KEY_RING_POLL_MS,
    read: readMasters,
    changed: (masters) => {
      ring.changed(masters);
    },
    failed: (reason) => {
      log.error({ reason }, "the key ring cannot be read; the last good one stays");
    },
  });
  const state: { source: ConfigSource | undefined } = { source: undefined };
  const dataPlaneId = randomBytes(8).toString("hex");
  const dataPlane = composeDataPlane({
    ...settings,
    dataPlaneId,
    ringFor: createRing(keyRing.value),
    log,
    nowMs: input.nowMs,
    random: Math.random,
    missing: () => (state.source === undefined ? "starting" : state.source.missing()),
  });
  const { source, heartbeats, end } = follow(input, { dataPlane, dataPlaneId, keyIds: () => ring.keyIds });
  state.source = source;
  const takeIds = (masters: readonly Buffer[]): void => {
    ring.keyIds = masters.map(masterId);
    dataPlane.metrics.config.keyRingKeys.value = masters.length;
  };
  takeIds(keyRing.value);
  ring.changed = (masters) => {
    takeIds(masters);
    dataPlane.gateway.useRing(createRing(masters));
    heartbeats.prompt();
    log.info({ keyIds: ring.keyIds }, "the key ring has changed");
  };
  const { close, drain } = ends({ gateway: dataPlane.gateway, keyRing, end }, settings.drainDelayMs);
  try {
    return { ...(await dataPlane.gateway.start()), drain };
  } catch (error) {
    await close().catch(() => undefined); // what had been opened; the reason for the end is the error above
    throw error;
  }
}

interface Open extends Pick<Followed, "end"> {
  readonly gateway: Gateway;
  readonly keyRing: { close(): void };
}

/** `drain` goes on taking requests for `delayMs` first, until every node has heard that it is not ready. */
function ends({ gateway, keyRing, end }: Open, delayMs: number): Record<"close" | "drain", () => Promise<void>> {
  const close = async (): Promise<void> => {
    keyRing.close();
    await end();
  };
  const drain = async (): Promise<void> => {
    // Everything else goes on, so that these requests are served by the newest configuration.
    gateway.withdraw();
    await delay(delayMs);
    await close();
  };
  return { close, drain };
}

interface Followed {
  readonly source: ConfigSource;
  readonly heartbeats: HeartbeatSender;
  /** Says goodbye, lets requests end, tells what is to be told, closes. */
  readonly end: () => Promise<void>;
}

interface FollowInput {
  readonly dataPlane: DataPlane;
  readonly dataPlaneId: string;
  readonly keyIds: () => readonly string[];
}

/** Follows the configuration, and tells in Redis what of it is in force. */
function follow(input: ProgramInput, { dataPlane, dataPlaneId, keyIds }: FollowInput): Followed {
  const { settings, log } = input;
  const { gateway, metrics } = dataPlane;
  const clients = createClients(settings, log);
  const prefix = settings.keyPrefix;
  const source = new ConfigSource({
    clients,
    prefix,
    namespaces: settings.namespaces,
    sink: { apply: (changes) => gateway.applyChanges(changes), names: (namespace) => gateway.objectNames(namespace) },
    observe: observer(input, dataPlane, () => {
      tellPositions(source, metrics.config);
      heartbeats.prompt();
    }),
    log,
    random: Math.random,
  });
  const heartbeats = startHeartbeat({
    client: clients.reader,
    prefix,
    scope: scopeOf(settings),
    dataPlaneId,
    heartbeat: () => heartbeatOf(input, keyIds(), source),
    counted: (count) => {
      metrics.config.dataPlanes.value = count;
      dataPlane.setDataPlanes(count);
    },
    log,
    random: Math.random,
  });
  const notifications = createNotificationSender({
    client: clients.reader,
    prefix,
    late: (percents) => {
      metrics.notificationsDropped("late").value += percents;
    },
    log,
  });
  gateway.notifyThrough(notifications.take);
  const end = async (): Promise<void> => {
    await heartbeats.goodbye(GOODBYE_MS);
    await gateway.drain();
    await notifications.close(GOODBYE_MS);
    await source.close();
  };
  return { source, heartbeats, end };
}

/** Only a data plane of one namespace counts apart: it may see no other. */
function scopeOf({ namespaces }: DataPlaneSettings): string {
  const [only] = namespaces ?? [];
  return only !== undefined && namespaces?.length === 1 ? only : EVERY_NAMESPACE;
}

function createClients({ configRedis }: DataPlaneSettings, log: Logger): Record<"reader" | "subscriber", RedisClient> {
  const trouble = createTroubleLog(log, "the connection to the configuration's Redis failed");
  const create = (): RedisClient => createRedisClient(configRedis, trouble.tell).on("ready", trouble.over);
  return { reader: create(), subscriber: create() };
}

function observer({ nowMs }: ProgramInput, { metrics, gateway }: DataPlane, changed: () => void): ConfigObserver {
  const { config } = metrics;
  return {
    applied: (kind) => {
      config.reads(kind).value++;
      changed();
    },
    loaded: () => {
      gateway.configured();
      changed();
    },
    checked: () => {
      config.checkedSeconds.value = nowMs() / 1000;
    },
    rejected: () => {
      config.rejected.value++;
    },
    schemaUnknown: (namespaces) => {
      config.schemaUnknown.value = namespaces;
    },
    followed: (ms) => {
      config.followed.observe(ms / 1000);
    },
  };
}

function tellPositions(source: ConfigSource, metrics: ConfigMetrics): void {
  const positions = source.positions();
  metrics.namespaces.value = positions.size - (positions.has(CLUSTER_PART) ? 1 : 0);
  metrics.revision.value = [...positions.values()].reduce((sum, { revision }) => sum + revision, 0);
}

function heartbeatOf({ settings, version }: ProgramInput, keyIds: readonly string[], source: ConfigSource): Heartbeat {
  const namespaces = Object.fromEntries(source.positions());
  return {
    schema: SCHEMA,
    version,
    ...(settings.pod && { pod: settings.pod }),
    keyIds: [...keyIds],
    ...(settings.namespaces && { serves: [...settings.namespaces] }),
    namespaces,
  };
}
