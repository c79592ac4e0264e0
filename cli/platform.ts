// What the verbs need from outside, gathered by main.ts and replaced by tests.

import type { Logger } from "pino";
import type { RingFor } from "../dataplane/contract/keyring.ts";
import type { Gateway } from "../dataplane/gateway.ts";
import type { Address } from "./option-values.ts";
import type { Terminal } from "./terminal.ts";

export const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface Signals {
  /** Resolves with the name of the first signal that asks to stop. */
  readonly stopped: Promise<string>;
  readonly onReload: (listener: () => void) => void;
}

export interface GatewaySettings {
  readonly listen: Address;
  readonly admin: Address;
  /** Absent: counters in memory. */
  readonly redisUrl: string | undefined;
  readonly trustedProxies: readonly string[];
  readonly maxBodyBytes: number;
  readonly drainMs: number;
}

export interface GatewayInput extends GatewaySettings {
  readonly ringFor: RingFor;
  readonly systemNamespace: string;
  readonly log: Logger;
}

/** What files need of a gateway. */
export type FileGateway = Pick<Gateway, "apply" | "start" | "drain">;

export interface Platform {
  readonly terminal: Terminal;
  readonly version: string;
  readonly nowMs: () => number;
  /** From the first call on, the signals are ours; before it they end the process as usual. */
  readonly takeSignals: () => Signals;
  readonly createLogger: (level: LogLevel) => Logger;
  readonly createGateway: (input: GatewayInput) => FileGateway;
  readonly ringFor: RingFor;
}
