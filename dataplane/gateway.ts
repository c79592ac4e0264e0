// One data plane: puts its parts together. The command line and dataplane/main.ts make one and say when it starts and ends.

import type { Server } from "node:http";
import type { Logger } from "pino";
import { createAdminServer } from "./admin.ts";
import { createGatewayConfig, type GatewayConfig } from "./config/gateway-config.ts";
import type { CompiledObject } from "./contract/compiled.ts";
import type { RingFor } from "./contract/keyring.ts";
import { DEFAULT_PREFIX } from "./contract/keys.ts";
import type { CounterStore } from "./core/counter-store.ts";
import { type Cidr, parseCidr } from "./core/ip.ts";
import { createHeaderNames } from "./identify/header-list.ts";
import type { GatewayMetrics } from "./metrics/gateway-metrics.ts";
import { dialects } from "./providers/dialects.ts";
import { createHandler, type Handler } from "./proxy/handler.ts";
import { createRecorder } from "./record.ts";
import { createUnreadableRecorder } from "./record-unreadable.ts";
import { createTrafficServer, type TrafficTimeouts } from "./server.ts";
import type { Upstream } from "./upstream/upstream.ts";

export interface Address {
  readonly host: string;
  readonly port: number;
}

export interface GatewayOptions {
  readonly listen: Address;
  readonly admin: Address;
  readonly store: CounterStore;
  readonly upstream: Upstream;
  readonly metrics: GatewayMetrics;
  readonly ringFor: RingFor;
  readonly systemNamespace: string;
  /** CIDR blocks of proxies whose X-Forwarded-For is believed. */
  readonly trustedProxies: readonly string[];
  readonly maxBodyBytes: number;
  readonly log: Logger;
  /** Longest wait for open requests when draining. */
  readonly drainMs: number;
  /** Of clients; those not given are the server's own. */
  readonly timeouts?: Partial<TrafficTimeouts> | undefined;
  /** Wall clock, epoch milliseconds; for what people read, not for windows. */
  readonly nowMs: () => number;
}

export interface Gateway {
  /** Swaps the configuration as a whole; requests under way keep theirs. */
  apply(objects: readonly CompiledObject[]): void;
  start(): Promise<{ readonly traffic: Address; readonly admin: Address }>;
  /** Stops accepting, lets requests end (at most drainMs), settles charges, closes. */
  drain(): Promise<void>;
}

/** Charges still on their way to the store when the requests have ended get this long. */
const FLUSH_MS = 5_000;

export function createGateway(options: GatewayOptions): Gateway {
  const { store, upstream, metrics, log } = options;
  let config: GatewayConfig | undefined;
  let draining = false;
  let admin: Server | undefined;
  const server = createTrafficServer(
    createGatewayHandler(options, () => config),
    { timeouts: options.timeouts, unreadable: createUnreadableRecorder(metrics, log) },
  );
  const openAdmin = createAdminServer({
    notReady: () => notReady(config, draining),
    metricsContentType: metrics.contentType,
    renderMetrics: () => {
      metrics.openRequests.value = server.openRequests();
      return metrics.render();
    },
  });
  return {
    apply(objects) {
      const { ringFor, systemNamespace } = options;
      config = createGatewayConfig({ objects, ringFor, systemNamespace, prefix: DEFAULT_PREFIX }, (backend) => {
        log.error({ backend: `${backend.namespace}/${backend.name}` }, "credential does not open for this endpoint");
      });
      metrics.configObjects.value = objects.length;
      metrics.configAppliedSeconds.value = options.nowMs() / 1000;
    },
    async start() {
      admin = await openAdmin(options.admin.host, options.admin.port);
      const traffic = await server.listen(options.listen.host, options.listen.port);
      return {
        traffic: { host: traffic.address, port: traffic.port },
        admin: addressOf(admin, options.admin),
      };
    },
    async drain() {
      draining = true;
      await server.drain(options.drainMs);
      upstream.close();
      await store.flush(FLUSH_MS).catch((error: unknown) => {
        log.error({ err: error }, "charges could not be handed to the store before the end");
      });
      await store.close();
      admin?.close();
      admin?.closeAllConnections();
    },
  };
}

function createGatewayHandler(options: GatewayOptions, config: () => GatewayConfig | undefined): Handler {
  const { store, upstream, metrics, log, maxBodyBytes } = options;
  return createHandler({
    config,
    store,
    upstream,
    dialects,
    headerNames: createHeaderNames(),
    trustedProxies: parseBlocks(options.trustedProxies),
    maxBodyBytes,
    record: createRecorder(metrics, log),
    streamOpened: () => metrics.openStreams.value++,
    identificationFailed: (reason) => metrics.identificationFailed(reason).value++,
    storeAnswered: (elapsedMs, admission) => {
      metrics.storeAdmit.observe(elapsedMs / 1000);
      if (admission.source === "local") metrics.storeLocal.value++;
    },
  });
}

function notReady(config: GatewayConfig | undefined, draining: boolean): string | undefined {
  if (draining) return "draining";
  return config === undefined ? "no configuration" : undefined;
}

/** Blocks that do not parse are an error of whoever made the options, told with the text. */
function parseBlocks(texts: readonly string[]): Cidr[] {
  return texts.map((text) => {
    const block = parseCidr(text);
    if (block === undefined)
      throw new RangeError(`trusted proxy ${JSON.stringify(text)} is not an address or CIDR block`);
    return block;
  });
}

function addressOf(server: Server, wanted: Address): Address {
  const address = server.address();
  return address === null || typeof address === "string" ? wanted : { host: address.address, port: address.port };
}
