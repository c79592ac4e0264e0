// Puts a data plane together from its parts, for the command line and for the program of a cluster alike.

import type { Logger } from "pino";
import type { RingFor } from "./contract/keyring.ts";
import type { CounterStore } from "./core/counter-store.ts";
import { createGateway, type Gateway, type GatewayOptions } from "./gateway.ts";
import { createGatewayMetrics, type GatewayMetrics } from "./metrics/gateway-metrics.ts";
import { createRedisClient, type RedisSettings } from "./redis/connection.ts";
import { createRedisStore } from "./redis/redis-store.ts";
import { createMemoryStore } from "./store/memory-store.ts";
import { createEgressPolicy } from "./upstream/egress.ts";
import { createHttp1Client } from "./upstream/http1-client.ts";

type Passed =
  | "listen"
  | "admin"
  | "systemNamespace"
  | "keyPrefix"
  | "trustedProxies"
  | "maxBodyBytes"
  | "drainMs"
  | "random"
  | "missing";

export interface DataPlaneInput extends Pick<GatewayOptions, Passed> {
  /** Undefined: counters in memory. */
  readonly redis: RedisSettings | undefined;
  /** Names this process's charges: random, new at every start. */
  readonly dataPlaneId: string;
  readonly ringFor: RingFor;
  /** Addresses that backends may have although they are not public ones. */
  readonly egressAllow: readonly string[];
  /** How many consumers metrics show by name; default none. */
  readonly metricsConsumers?: number;
  readonly log: Logger;
  readonly nowMs: () => number;
}

export interface DataPlane {
  readonly gateway: Gateway;
  readonly metrics: GatewayMetrics;
  /** How many data planes share the counters. */
  setDataPlanes(count: number): void;
}

const MAX_IDLE_PER_ORIGIN = 256;
/** Head of a provider's answer. */
const MAX_HEAD_BYTES = 65_536;

/** Redis may be away: the store decides alone until it comes. Throws on settings that cannot work. */
export function composeDataPlane(input: DataPlaneInput): DataPlane {
  const { redis, egressAllow, dataPlaneId, metricsConsumers, ...options } = input;
  const metrics = createGatewayMetrics({ consumers: metricsConsumers ?? 0 });
  const counters = createCounters(input, metrics);
  const upstream = createHttp1Client({
    egress: createEgressPolicy(egressAllow),
    maxIdlePerOrigin: MAX_IDLE_PER_ORIGIN,
    maxHeadBytes: MAX_HEAD_BYTES,
  });
  const { store, setDataPlanes } = counters;
  return { gateway: createGateway({ ...options, store, upstream, metrics }), metrics, setDataPlanes };
}

interface Counters {
  readonly store: CounterStore;
  readonly setDataPlanes: (count: number) => void;
}

function createCounters(
  { redis, dataPlaneId, keyPrefix, log, nowMs }: DataPlaneInput,
  metrics: GatewayMetrics,
): Counters {
  if (redis === undefined) return { store: createMemoryStore({ nowMs }), setDataPlanes: () => {} };
  const trouble = createTroubleLog(log, "the connection to Redis failed");
  const store = createRedisStore({
    client: createRedisClient(redis, trouble.tell),
    dataPlaneId,
    prefix: keyPrefix,
    clock: { nowMs },
    observe: {
      admitMs: () => {}, // the gateway measures every store alike
      breaker: (open) => {
        metrics.breakerOpen.value = open ? 1 : 0;
        if (!open) trouble.over();
      },
      lost: (charges) => {
        metrics.chargesLost.value += charges;
      },
    },
    log,
  });
  return {
    store,
    setDataPlanes: (count) => {
      store.setDataPlanes(count);
    },
  };
}

export interface TroubleLog {
  readonly tell: (error: Error) => void;
  readonly over: () => void;
}

/** An outage repeats one message with every attempt to connect; it is told once. */
export function createTroubleLog(log: Logger, message: string): TroubleLog {
  let last = "";
  return {
    tell: ({ message: reason }) => {
      if (reason !== last) log.warn({ reason }, message);
      last = reason;
    },
    over: () => {
      last = "";
    },
  };
}
