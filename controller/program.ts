// The controller, put together: it watches from the start, and publishes and writes statuses while it leads.

import { randomBytes } from "node:crypto";
import type { Server } from "node:http";
import type { Logger } from "pino";
import { createAdminServer } from "../dataplane/admin.ts";
import { readMasters } from "../dataplane/contract/keyring.ts";
import { CLUSTER_PART } from "../dataplane/contract/published.ts";
import { createRedisClient } from "../dataplane/redis/connection.ts";
import { type FollowedFile, followFile } from "../settings/followed-file.ts";
import type { Address } from "../settings/values.ts";
import { type ClusterFeed, createClusterFeed } from "./cluster-feed.ts";
import { createKeyRotation } from "./key-rotation.ts";
import type { Clock } from "./kube/clock.ts";
import type { KubeApi } from "./kube/kube-api.ts";
import { createKubeClient } from "./kube/kube-client.ts";
import { createLeaderElection, type LeaderElection } from "./kube/leader-election.ts";
import { createLeader, type Leader } from "./leader.ts";
import { createLiveness } from "./liveness.ts";
import { type ControllerMetrics, createControllerMetrics } from "./metrics.ts";
import { createNotificationStore, type NotificationStore } from "./notify/notification-store.ts";
import { type OpenedReceiver, openReceiver } from "./notify/open-receiver.ts";
import { createDataPlaneReader } from "./publish/data-planes.ts";
import { createPublisher, type Publisher } from "./publish/publisher.ts";
import type { ControllerSettings } from "./settings.ts";
import { tellState } from "./state-metrics.ts";
import { openWebhook, type Webhook } from "./webhook/open-webhook.ts";

export interface ProgramInput {
  readonly settings: ControllerSettings;
  readonly log: Logger;
  readonly clock: Clock;
  /** 0 <= x < 1. */
  readonly random: () => number;
}

export interface Program {
  readonly admin: Address;
  /** Undefined without a certificate. */
  readonly webhookPort: number | undefined;
  /** Gives the lease back, ends what is under way, closes. */
  stop(): Promise<void>;
}

type RedisClient = ReturnType<typeof createRedisClient>;

const FILES_POLL_MS = 2_000;

/** Rejects when the key ring or kubeconfig cannot be read, settings cannot work together, or an address is taken. */
export async function startProgram(input: ProgramInput): Promise<Program> {
  const { settings, log, clock } = input;
  const metrics = createControllerMetrics();
  const masters: Masters = { changed: () => {} };
  const keyRing = openKeyRing(input, masters);
  const api = createKubeClient({ kubeconfig: settings.kubeconfig, clock });
  const stopping = new AbortController();
  const bounded = api.until(stopping.signal);
  const feed = createFeed(input, bounded, metrics);
  const keys = createKeyRotation(keyRing.value);
  const store = openStore(input, metrics);
  const receiver = receiverOf(input);
  const leader = createLeader({
    ...input,
    ...settings,
    ...store,
    api,
    feed,
    keys,
    metrics,
    receiver: receiver?.webhook,
    instance: settings.podName,
  });
  store.told.away = (sinceMs) => {
    leader.storeAway(sinceMs);
  };
  masters.changed = (found) => {
    if (keys.replace(found)) leader.keysChanged();
    log.info({ keyIds: keys.ids() }, "the key ring has changed");
  };
  const election = elect(input, { api, leader, metrics });
  const parts = { input, metrics, feed, leader, election, publisher: store.publisher, api: bounded };
  const servers = await serve(parts);
  feed.start();
  election.start();
  return {
    ...servers.addresses,
    async stop() {
      keyRing.close();
      receiver?.close();
      await election.stop();
      stopping.abort();
      await Promise.all([feed.stop(), store.publisher.stop(), servers.webhook?.close()]);
      store.redis.disconnect();
      servers.admin.close();
      servers.admin.closeAllConnections();
      api.close();
    },
  };
}

/** Undefined: notifications are not posted. */
function receiverOf({ settings, log }: ProgramInput): OpenedReceiver | undefined {
  if (settings.notify === undefined) return undefined;
  return openReceiver({
    ...settings.notify,
    pollMs: FILES_POLL_MS,
    changed: () => {
      log.info("the header for notifications has changed");
    },
    failed: (reason) => {
      log.error({ reason }, "the header for notifications cannot be read; the last good one stays");
    },
  });
}

/** Whom to tell that the key ring's file has changed. */
interface Masters {
  changed: (found: readonly Buffer[]) => void;
}

function openKeyRing({ settings, log }: ProgramInput, masters: Masters): FollowedFile<readonly Buffer[]> {
  return followFile({
    path: settings.keyRingFile,
    pollMs: FILES_POLL_MS,
    read: readMasters,
    changed: (found) => {
      masters.changed(found);
    },
    failed: (reason) => {
      log.error({ reason }, "the key ring cannot be read; the last good one stays");
    },
  });
}

function createFeed(
  { settings, clock, random, log }: ProgramInput,
  api: KubeApi,
  metrics: ControllerMetrics,
): ClusterFeed {
  const { namespaces, watchSilenceMs: stallMs } = settings;
  const report: Parameters<typeof createClusterFeed>[0]["report"] = (kind, told) => {
    if (told.kind === "handler-failed") {
      log.error({ kind, err: told.error }, "an object could not be taken in");
      return;
    }
    const { doing, error, delayMs } = told;
    metrics.watchRestarted(kind);
    log.warn({ kind, doing, reason: error.message, retryMs: Math.round(delayMs) }, "the API server failed");
  };
  return createClusterFeed({ api, namespaces, clock, random, report, reflectors: { stallMs } });
}

interface Store {
  readonly redis: RedisClient;
  readonly publisher: Publisher;
  readonly dataPlanes: ReturnType<typeof createDataPlaneReader>;
  readonly notifications: NotificationStore;
  /** Whom to tell that Redis went away or came back. */
  readonly told: { away: (sinceMs: number | undefined) => void };
}

function openStore({ settings, clock, random, log }: ProgramInput, metrics: ControllerMetrics): Store {
  const told: Store["told"] = { away: () => {} };
  let lastMessage = "";
  let awaySinceMs: number | undefined = clock.wallMs();
  const redis = createRedisClient(settings.redis, ({ message }) => {
    if (message !== lastMessage) log.warn({ reason: message }, "the connection to Redis failed");
    lastMessage = message;
  });
  const here = (isHere: boolean): void => {
    awaySinceMs = isHere ? undefined : (awaySinceMs ?? clock.wallMs());
    metrics.redisUp(isHere);
    told.away(awaySinceMs);
  };
  redis.on("ready", () => {
    lastMessage = "";
    here(true);
  });
  redis.on("close", () => {
    here(false);
  });
  redis.connect().catch(() => undefined); // told by its error listener; it goes on trying
  const timers = { nowMs: () => clock.wallMs(), after: clock.after.bind(clock) };
  const { keyPrefix: prefix, namespaces, systemNamespace } = settings;
  const publisher = createPublisher({
    redis,
    prefix,
    // Who does not see the system namespace says nothing of policies for all of them.
    manages: (part) => namespaces?.includes(part === CLUSTER_PART ? systemNamespace : part) ?? true,
    timers,
    random: { number: random, generation: () => randomBytes(8).toString("hex") },
    log,
    observe: {
      published: ({ ms }) => {
        metrics.published("ok", ms / 1000);
      },
      unpublished: (result, ms) => {
        metrics.published(result, ms / 1000);
      },
    },
    onDeposed: () => {
      log.warn("another leader publishes; this one writes no more");
    },
  });
  const access = { redis, prefix, timers };
  const dataPlanes = createDataPlaneReader(access);
  return { redis, publisher, dataPlanes, notifications: createNotificationStore({ ...access, systemNamespace }), told };
}

interface Electing {
  readonly api: KubeApi;
  readonly leader: Leader;
  readonly metrics: ControllerMetrics;
}

function elect({ settings, clock, random, log }: ProgramInput, { api, leader, metrics }: Electing): LeaderElection {
  const { leaseMs, lease, podName } = settings;
  return createLeaderElection({
    api,
    lease,
    // A Pod's name alone may be that of a process before this one in the same Pod.
    identity: `${podName}_${randomBytes(6).toString("hex")}`,
    clock,
    random,
    lead: (leadership) => leader.lead(leadership),
    report: (told) => {
      if (told.kind === "leading" || told.kind === "stopped-leading") metrics.leader(told.kind === "leading");
      if (told.kind === "failed") log.warn({ reason: told.error.message }, "the lease cannot be renewed or taken");
      else if (told.kind === "lead-failed") log.error({ err: told.error }, "the term ended with an error");
      else log.info(told, "leader election");
    },
    settings: electionTimes(leaseMs),
  });
}

/**
 * The Lease itself lasts three quarters of the time in which another replica has to lead: the rest is for seeing the last
 * renewal, and for seeing that no further one has come, each late by a retry and a fifth of one.
 */
function electionTimes(takeoverMs: number): { leaseMs: number; renewDeadlineMs: number; retryMs: number } {
  const leaseMs = Math.floor((takeoverMs * 0.75) / 1000) * 1000;
  return { leaseMs, renewDeadlineMs: (leaseMs * 2) / 3, retryMs: (leaseMs * 2) / 15 };
}

interface Parts extends Pick<Electing, "leader" | "metrics"> {
  readonly input: ProgramInput;
  readonly feed: ClusterFeed;
  readonly election: LeaderElection;
  readonly publisher: Publisher;
  readonly api: KubeApi;
}

interface Servers {
  readonly admin: Server;
  readonly webhook: Webhook | undefined;
  readonly addresses: Pick<Program, "admin" | "webhookPort">;
}

async function serve(parts: Parts): Promise<Servers> {
  const { metrics, feed } = parts;
  const { settings } = parts.input;
  const webhook = await serveWebhook(parts);
  const open = createAdminServer({
    notLive: createLiveness(feed, parts.input.clock),
    notReady: () => {
      const missing = [...feed.missing(), ...(webhook?.isReady() === false ? ["the webhook's certificate"] : [])];
      return missing.length === 0 ? undefined : `waiting for ${missing.join(", ")}`;
    },
    metricsContentType: metrics.contentType,
    renderMetrics: () => {
      tellState(metrics, { ...parts, clock: parts.input.clock });
      return metrics.render();
    },
  });
  const admin = await open(settings.admin.host, settings.admin.port);
  const address = admin.address();
  const bound = typeof address === "object" && address !== null ? { host: address.address, port: address.port } : null;
  return { admin, webhook, addresses: { admin: bound ?? settings.admin, webhookPort: webhook?.port } };
}

async function serveWebhook({ input, metrics, leader, api }: Parts): Promise<Webhook | undefined> {
  const { webhook, systemNamespace, watchSilenceMs: stallMs } = input.settings;
  if (webhook === undefined) return undefined;
  return await openWebhook({
    ...input,
    settings: webhook,
    systemNamespace,
    api,
    metrics,
    judgeBeside: (manifest) => leader.judge(manifest),
    reflectors: { stallMs },
  });
}
