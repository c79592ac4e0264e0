// A whole data plane in the test's process on ports of its own, with counters in memory unless a store is given.

import { randomBytes } from "node:crypto";
import { Writable } from "node:stream";
import { pino } from "pino";
import { parseAllDocuments } from "yaml";
import { z } from "zod";
import { compile } from "../../compiler/compile.ts";
import type { Finding } from "../../compiler/finding.ts";
import { createRing } from "../../dataplane/contract/keyring.ts";
import { DEFAULT_PREFIX } from "../../dataplane/contract/keys.ts";
import type { CounterStore } from "../../dataplane/core/counter-store.ts";
import { createGateway, type Gateway } from "../../dataplane/gateway.ts";
import { createGatewayMetrics } from "../../dataplane/metrics/gateway-metrics.ts";
import type { TrafficTimeouts } from "../../dataplane/server.ts";
import { createMemoryStore } from "../../dataplane/store/memory-store.ts";
import { createEgressPolicy } from "../../dataplane/upstream/egress.ts";
import { createHttp1Client } from "../../dataplane/upstream/http1-client.ts";

export interface GatewayUnderTest {
  readonly origin: string;
  readonly adminOrigin: string;
  readonly gateway: Gateway;
  readonly findings: readonly Finding[];
  /** Every log line so far, parsed. */
  readonly logLines: Record<string, unknown>[];
  /** Resolves with the next request line that is logged, or the first not yet taken. */
  nextRequestLine(): Promise<Record<string, unknown>>;
  metric(name: string, labels?: Readonly<Record<string, string>>): Promise<number>;
  applyYaml(yaml: string): readonly Finding[];
  stop(): Promise<void>;
}

export interface GatewayTestOptions {
  readonly store?: CounterStore;
  readonly nowMs?: () => number;
  /** The gateway's own clock, by which credentials expire; default the machine's. */
  readonly wallClockMs?: () => number;
  readonly trustedProxies?: readonly string[];
  readonly maxBodyBytes?: number;
  readonly drainMs?: number;
  readonly timeouts?: Partial<TrafficTimeouts>;
  readonly master?: Buffer;
  readonly metricsConsumers?: number;
  /** What is drawn; default always 0. */
  readonly random?: () => number;
}

const DEFAULTS = {
  trustedProxies: [],
  maxBodyBytes: 10 * 1024 * 1024,
  drainMs: 5_000,
  wallClockMs: (): number => Date.now(),
  random: (): number => 0,
};

export async function startGateway(yaml: string, options: GatewayTestOptions = {}): Promise<GatewayUnderTest> {
  const { wallClockMs, trustedProxies, maxBodyBytes, drainMs, random } = { ...DEFAULTS, ...options };
  const master = options.master ?? randomBytes(32);
  const ringFor = createRing([master]);
  const lines = createLineLog();
  const gateway = createGateway({
    listen: { host: "127.0.0.1", port: 0 },
    admin: { host: "127.0.0.1", port: 0 },
    store: storeOf(options),
    upstream: createHttp1Client({
      egress: createEgressPolicy(["127.0.0.0/8"]),
      maxIdlePerOrigin: 64,
      maxHeadBytes: 64 * 1024,
    }),
    metrics: createGatewayMetrics({ consumers: options.metricsConsumers ?? 0 }),
    ringFor,
    systemNamespace: "default",
    keyPrefix: DEFAULT_PREFIX,
    trustedProxies,
    maxBodyBytes,
    log: pino({ level: "info", base: null }, lines.stream),
    drainMs,
    timeouts: options.timeouts,
    nowMs: wallClockMs,
    random,
  });
  const applyYaml = (text: string): readonly Finding[] => {
    const manifests: unknown[] = parseAllDocuments(text).map((document) => z.unknown().parse(document.toJS()));
    const { objects, findings } = compile({ manifests, ringFor, systemNamespace: "default" });
    gateway.apply(objects);
    return findings;
  };
  const findings = applyYaml(yaml);
  const { traffic, admin } = await gateway.start();
  const adminOrigin = `http://127.0.0.1:${String(admin.port)}`;
  return {
    origin: `http://127.0.0.1:${String(traffic.port)}`,
    adminOrigin,
    gateway,
    findings,
    logLines: lines.all,
    nextRequestLine: () => lines.nextRequestLine(),
    metric: (name, labels = {}) => readMetric(adminOrigin, name, labels),
    applyYaml,
    stop: () => gateway.drain(),
  };
}

function storeOf({ store, nowMs = (): number => Date.now() }: GatewayTestOptions): CounterStore {
  return store ?? createMemoryStore({ nowMs });
}

const logLine = z.record(z.string(), z.unknown());

interface LineLog {
  readonly stream: Writable;
  readonly all: Record<string, unknown>[];
  nextRequestLine(): Promise<Record<string, unknown>>;
}

function createLineLog(): LineLog {
  const all: Record<string, unknown>[] = [];
  const ready: Record<string, unknown>[] = [];
  const waiting: ((line: Record<string, unknown>) => void)[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      for (const text of chunk.toString("utf8").split("\n").filter(Boolean)) {
        const line = logLine.parse(JSON.parse(text));
        all.push(line);
        if (line["msg"] !== "request") continue;
        const waiter = waiting.shift();
        if (waiter) waiter(line);
        else ready.push(line);
      }
      done();
    },
  });
  return {
    stream,
    all,
    nextRequestLine: () => {
      const line = ready.shift();
      if (line) return Promise.resolve(line);
      return new Promise((resolve) => waiting.push(resolve));
    },
  };
}

/** Sum of the samples of a metric whose labels include those given; 0 when there is none. */
async function readMetric(
  adminOrigin: string,
  name: string,
  labels: Readonly<Record<string, string>>,
): Promise<number> {
  const response = await fetch(`${adminOrigin}/metrics`);
  const text = await response.text();
  let sum = 0;
  for (const line of text.split("\n")) {
    if (!line.startsWith(`${name}{`) && !line.startsWith(`${name} `)) continue;
    const wanted = Object.entries(labels).every(([key, value]) => line.includes(`${key}="${value}"`));
    if (wanted) sum += Number(line.slice(line.lastIndexOf(" ") + 1));
  }
  return sum;
}
