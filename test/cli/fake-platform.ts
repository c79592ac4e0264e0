// A platform whose terminal, signals and gateway a test holds in its hands.

import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { pino } from "pino";
import type { GatewayInput, Platform } from "../../cli/platform.ts";
import { isRecord } from "../../compiler/is-record.ts";
import type { CompiledObject } from "../../dataplane/contract/compiled.ts";
import { createRing } from "../../dataplane/contract/keyring.ts";

/** Values in order of arrival; `next` waits for one that has not come yet. */
export interface Arrivals<Value> {
  readonly all: readonly Value[];
  readonly push: (value: Value) => void;
  readonly next: () => Promise<Value>;
}

export function createArrivals<Value>(): Arrivals<Value> {
  const all: Value[] = [];
  const unread: Value[] = [];
  const waiting: ((value: Value) => void)[] = [];
  return {
    all,
    push: (value) => {
      all.push(value);
      const waiter = waiting.shift();
      if (waiter === undefined) unread.push(value);
      else waiter(value);
    },
    next: () => {
      const value = unread.shift();
      return value === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(value);
    },
  };
}

export interface FakePlatform {
  readonly platform: Platform;
  readonly out: Arrivals<string>;
  readonly err: Arrivals<string>;
  /** What the gateway was told to apply, in order. */
  readonly applied: Arrivals<readonly CompiledObject[]>;
  readonly gatewayInputs: readonly GatewayInput[];
  readonly drains: () => number;
  /** Messages of the log. */
  readonly logged: Arrivals<string>;
  readonly stop: (signal: string) => void;
  readonly hangUp: () => void;
}

export interface FakePlatformOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  readonly startError?: Error;
}

export function createFakePlatform({ env = {}, stdin = "", startError }: FakePlatformOptions = {}): FakePlatform {
  const out = createArrivals<string>();
  const err = createArrivals<string>();
  const applied = createArrivals<readonly CompiledObject[]>();
  const logged = createArrivals<string>();
  const gatewayInputs: GatewayInput[] = [];
  const reloads: (() => void)[] = [];
  const master = randomBytes(32);
  let drains = 0;
  let stop: (signal: string) => void = () => {};
  const stopped = new Promise<string>((resolve) => {
    stop = resolve;
  });
  const address = { host: "127.0.0.1", port: 1 };
  const platform: Platform = {
    terminal: {
      env,
      out: out.push,
      err: err.push,
      colour: { out: false, err: false },
      stdin: async function* () {
        yield stdin;
      },
    },
    version: "1.2.3",
    nowMs: () => 1_700_000_000_000,
    takeSignals: () => ({ stopped, onReload: (listener) => void reloads.push(listener) }),
    createLogger: (level) => pino({ level, base: null }, messagesTo(logged)),
    createGateway: (input) => {
      gatewayInputs.push(input);
      return {
        apply: applied.push,
        start: () => (startError ? Promise.reject(startError) : Promise.resolve({ traffic: address, admin: address })),
        drain: async () => {
          drains += 1;
        },
      };
    },
    ringFor: createRing([master]),
  };
  return {
    platform,
    out,
    err,
    applied,
    gatewayInputs,
    drains: () => drains,
    logged,
    stop: (signal) => stop(signal),
    hangUp: () => {
      for (const listener of reloads) listener();
    },
  };
}

function messagesTo(logged: Arrivals<string>): Writable {
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      const line: unknown = JSON.parse(chunk.toString("utf8"));
      if (isRecord(line)) logged.push(String(line["msg"]));
      done();
    },
  });
}

export interface TemporaryFolder {
  readonly path: string;
  readonly at: (name: string) => string;
  readonly remove: () => Promise<void>;
}

export async function createTemporaryFolder(): Promise<TemporaryFolder> {
  const path = await mkdtemp(join(tmpdir(), "ai-rate-limit-"));
  return { path, at: (name) => join(path, name), remove: () => rm(path, { recursive: true, force: true }) };
}
