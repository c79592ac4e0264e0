// One data plane: puts its parts together. The command line and dataplane/main.ts make one and say when it starts and ends.

import type { Server } from "node:http";
import type { Logger } from "pino";
import { createAdminServer } from "./admin.ts";
import { type GatewayConfig, LiveConfig } from "./config/gateway-config.ts";
import type { Identity } from "./config/snapshot.ts";
import type { CompiledObject } from "./contract/compiled.ts";
import type { RingFor } from "./contract/keyring.ts";
import type { ConfigChanges, ObjectName } from "./contract/object-name.ts";
import type { CounterStore } from "./core/counter-store.ts";
import type { CrossingSink } from "./core/crossing.ts";
import { type Cidr, parseCidr } from "./core/ip.ts";
import { createHeaderNames } from "./identify/header-list.ts";
import { createTokenVerifier } from "./identify/token-verifier.ts";
import type { GatewayMetrics } from "./metrics/gateway-metrics.ts";
import { createNotifier, type Notifier } from "./notifier.ts";
import { dialects } from "./providers/dialects.ts";
import { crossesUpstream } from "./proxy/crossing-headers.ts";
import { createDocumentFetch } from "./proxy/fetch-document.ts";
import { createHandler, type Handler } from "./proxy/handler.ts";
import { createUsageApi } from "./proxy/usage-api.ts";
import { createRecorder } from "./record.ts";
import { createIssuerRecorder } from "./record-issuer.ts";
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
  /** Of all keys in Redis. */
  readonly keyPrefix: string;
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
  /** At least 0 and below 1. */
  readonly random: () => number;
  /** What else keeps it from being ready; undefined when nothing does. */
  readonly missing?: (() => string | undefined) | undefined;
}

interface GatewayConfigPort {
  /** Replaces the configuration as a whole; requests under way keep theirs, but for keys, which count at once. */
  apply(objects: readonly CompiledObject[]): void;
  /** As `apply` with all objects, at the cost of these alone. In force once `configured` has been called. */
  applyChanges(changes: ConfigChanges): void;
  /** All of the configuration is here: from now on requests are served by it. */
  configured(): void;
  /** The objects of a namespace, in force or about to be. */
  objectNames(namespace: string): Iterable<ObjectName>;
  /** Opens credentials and recognises keys by another key ring, from now on. */
  useRing(ringFor: RingFor): void;
}

export interface Gateway extends GatewayConfigPort {
  /** From now on what reaches a percentage of its limit is told through this sink. */
  notifyThrough(sink: CrossingSink): void;
  start(): Promise<{ readonly traffic: Address; readonly admin: Address }>;
  /** Serves as before, but is not ready any more and keeps no connection: clients go elsewhere. */
  withdraw(): void;
  /** Stops accepting, lets requests end (at most drainMs), settles charges, closes. */
  drain(): Promise<void>;
}

/** Charges still on their way to the store when the requests have ended get this long. */
const FLUSH_MS = 5_000;

export function createGateway(options: GatewayOptions): Gateway {
  const { store, upstream, metrics, log } = options;
  const live = createLiveConfig(options);
  const { config, port } = createConfigPort(live, () => {
    metrics.config.appliedSeconds.value = options.nowMs() / 1000;
  });
  let draining = false;
  let admin: Server | undefined;
  const notifier = createNotifier(metrics, log);
  const server = createTrafficServer(createGatewayHandler(options, config, notifier), {
    timeouts: options.timeouts,
    unreadable: createUnreadableRecorder(metrics, log),
    nowMs: options.nowMs,
  });
  const openAdmin = createAdminServer({
    notReady: () => {
      if (draining) return "draining";
      return options.missing?.() ?? (config() === undefined ? "no configuration" : undefined);
    },
    metricsContentType: metrics.contentType,
    renderMetrics: () => {
      metrics.openRequests.value = server.openRequests();
      for (const [kind, count] of live.counts()) metrics.config.objects(kind).value = count;
      return metrics.render();
    },
  });
  return {
    ...port,
    notifyThrough: notifier.useSink,
    async start() {
      admin = await openAdmin(options.admin.host, options.admin.port);
      const traffic = await server.listen(options.listen.host, options.listen.port);
      return { traffic: { host: traffic.address, port: traffic.port }, admin: addressOf(admin, options.admin) };
    },
    withdraw() {
      draining = true;
      server.withdraw();
    },
    async drain() {
      draining = true;
      await server.drain(options.drainMs);
      upstream.close();
      await settle(store, log);
      admin?.close();
      admin?.closeAllConnections();
    },
  };
}

async function settle(store: CounterStore, log: Logger): Promise<void> {
  await store.flush(FLUSH_MS).catch((error: unknown) => {
    log.error({ err: error }, "charges could not be handed to the store before the end");
  });
  await store.close();
}

function createGatewayHandler(
  options: GatewayOptions,
  config: () => GatewayConfig | undefined,
  notifier: Notifier,
): Handler {
  const { store, upstream, metrics, log, maxBodyBytes, nowMs, random } = options;
  const verifier = createTokenVerifier<Identity>({
    fetchDocument: createDocumentFetch(upstream),
    clockMs: () => performance.now(),
    nowMs,
    fetched: createIssuerRecorder(metrics, log),
  });
  return createHandler({
    config,
    store,
    upstream,
    dialects,
    headerNames: createHeaderNames(crossesUpstream),
    trustedProxies: parseBlocks(options.trustedProxies),
    maxBodyBytes,
    random,
    thresholdReached: notifier.reached,
    verifier,
    nowMs,
    usageApi: createUsageApi({ store, verifier, nowMs, clockMs: () => performance.now() }),
    record: createRecorder(metrics, log),
    streamOpened: () => metrics.openStreams.value++,
    identificationFailed: (reason) => metrics.identificationFailed(reason).value++,
    storeAnswered: (elapsedMs, admission) => {
      metrics.storeAdmit.observe(elapsedMs / 1000);
      if (admission.source === "local") metrics.storeLocal.value++;
    },
  });
}

function createConfigPort(
  live: LiveConfig,
  changed: () => void,
): { readonly port: GatewayConfigPort; readonly config: () => GatewayConfig | undefined } {
  let isConfigured = false;
  const port: GatewayConfigPort = {
    apply(objects) {
      live.replace(objects);
      isConfigured = true;
      changed();
    },
    applyChanges(changes) {
      live.change(changes);
      changed();
    },
    configured() {
      isConfigured = true;
    },
    objectNames: (namespace) => live.names(namespace),
    useRing(ringFor) {
      live.useRing(ringFor);
    },
  };
  return { port, config: () => (isConfigured ? live.current() : undefined) };
}

function createLiveConfig({ ringFor, systemNamespace, keyPrefix, log, metrics }: GatewayOptions): LiveConfig {
  return new LiveConfig({
    ringFor,
    systemNamespace,
    prefix: keyPrefix,
    onOverflow: ({ policy, name }, isFirst) => {
      const policyName = `${policy.namespace}/${policy.name}`;
      metrics.overflow(policyName, name).value++;
      if (!isFirst) return;
      log.warn(
        { limit: `${policyName}/${name}` },
        "too many key values in a window: the rest counts together (maxKeys)",
      );
    },
    onLocked: ({ namespace, name }) => {
      log.error(
        { backend: `${namespace}/${name}` },
        "credential does not open for this endpoint: nothing is sent there",
      );
    },
  });
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
