// Puts a data plane together for one process: the parts that dataplane/main.ts makes too, chosen by options of the command.

import { randomBytes } from "node:crypto";
import type { Logger } from "pino";
import { DEFAULT_PREFIX } from "../dataplane/contract/keys.ts";
import type { CounterStore } from "../dataplane/core/counter-store.ts";
import { createGateway, type Gateway } from "../dataplane/gateway.ts";
import { createGatewayMetrics, type GatewayMetrics } from "../dataplane/metrics/gateway-metrics.ts";
import { createRedisClient } from "../dataplane/redis/connection.ts";
import { createRedisStore } from "../dataplane/redis/redis-store.ts";
import { createMemoryStore } from "../dataplane/store/memory-store.ts";
import { createEgressPolicy } from "../dataplane/upstream/egress.ts";
import { createHttp1Client } from "../dataplane/upstream/http1-client.ts";
import type { GatewayInput } from "./platform.ts";

/** On one's own machine a provider may be on the machine itself; link-local and metadata addresses stay closed. */
const LOOPBACK = ["127.0.0.0/8", "::1/128"];
const MAX_IDLE_PER_ORIGIN = 256;
/** Head of a provider's answer. */
const MAX_HEAD_BYTES = 65_536;

export function composeDataPlane(input: GatewayInput, nowMs: () => number): Gateway {
  const { listen, admin, ringFor, systemNamespace, trustedProxies, maxBodyBytes, log, drainMs, redisUrl } = input;
  const metrics = createGatewayMetrics();
  const store =
    redisUrl === undefined ? createMemoryStore({ nowMs }) : createSharedStore({ url: redisUrl, metrics, log, nowMs });
  const upstream = createHttp1Client({
    egress: createEgressPolicy(LOOPBACK),
    maxIdlePerOrigin: MAX_IDLE_PER_ORIGIN,
    maxHeadBytes: MAX_HEAD_BYTES,
  });
  return createGateway({
    listen,
    admin,
    store,
    upstream,
    metrics,
    ringFor,
    systemNamespace,
    trustedProxies,
    maxBodyBytes,
    log,
    drainMs,
    nowMs,
  });
}

interface SharedStoreInput {
  readonly url: string;
  readonly metrics: GatewayMetrics;
  readonly log: Logger;
  readonly nowMs: () => number;
}

/** Redis may be away at the start: the store decides alone until it comes. Throws when the URL itself cannot work. */
function createSharedStore({ url, metrics, log, nowMs }: SharedStoreInput): CounterStore {
  let lastMessage = "";
  const client = createRedisClient({ url, cluster: false }, ({ message }) => {
    // An outage repeats one message with every attempt to connect; it is told once.
    if (message !== lastMessage) log.warn({ reason: message }, "the connection to Redis failed");
    lastMessage = message;
  });
  return createRedisStore({
    client,
    dataPlaneId: randomBytes(8).toString("hex"),
    prefix: DEFAULT_PREFIX,
    clock: { nowMs },
    observe: {
      admitMs: () => {}, // the gateway measures every store alike
      breaker: (open) => {
        metrics.breakerOpen.value = open ? 1 : 0;
        if (!open) lastMessage = "";
      },
      lost: (charges) => {
        metrics.chargesLost.value += charges;
      },
    },
    log,
  });
}
