// The scripts: what they take and return, as their header blocks say (a test compares both), how a call is put
// together, and how a reply is read. The text lies in scripts/*.lua.

import { readFileSync } from "node:fs";
import { type Algorithm, type CounterState, EMPTY_STATE, type Window } from "../core/window.ts";
import { createLoadedScript, type LoadedScript } from "./command.ts";

export interface ScriptEntry {
  readonly file: string;
  /** Names in order; a name that ends in ".." stands for any number. */
  readonly keys: readonly string[];
  readonly args: readonly string[];
  /** Arguments of one item, repeated. */
  readonly perItem: readonly string[];
  readonly returns: readonly string[];
  /** Returned values of one item, repeated. */
  readonly perItemReturns: readonly string[];
}

export const CHARGE: ScriptEntry = {
  file: "charge.lua",
  keys: ["sequence", "counter.."],
  args: ["batch", "base", "expiryMs"],
  perItem: ["key", "field", "algorithm", "window", "amount", "index"],
  returns: ["status", "last", "nowMs", "skipped"],
  perItemReturns: [],
};

export const ADMIT: ScriptEntry = {
  file: "admit.lua",
  keys: ["counter.."],
  args: [],
  perItem: ["key", "field", "algorithm", "window", "ask", "refuseAt"],
  returns: ["nowMs", "taken"],
  perItemReturns: ["state"],
};

export const NOTIFY: ScriptEntry = {
  file: "notify.lua",
  keys: ["told", "stream", "count"],
  args: ["algorithm", "windowMs", "index", "kept", "lifeMs"],
  perItem: ["percent", "entry"],
  returns: ["nowMs"],
  perItemReturns: ["won", "untilMs"],
};

export const HEARTBEAT: ScriptEntry = {
  file: "heartbeat.lua",
  keys: ["seen"],
  args: ["id", "heartbeat", "silentMs", "expiryMs"],
  perItem: [],
  returns: ["live", "nowMs"],
  perItemReturns: [],
};

/** Of the counter store. */
export interface Scripts {
  readonly charge: LoadedScript;
  readonly admit: LoadedScript;
}

export function loadScripts(): Scripts {
  return { charge: createLoadedScript(scriptText(CHARGE)), admit: createLoadedScript(scriptText(ADMIT)) };
}

export function scriptText({ file }: ScriptEntry): string {
  return readFileSync(new URL(`./scripts/${file}`, import.meta.url), "utf8");
}

const FEW_KEYS = 8;

/** Keys of a call, each once, in the order of their first use. `position` counts from 1, as the scripts do. */
export class KeyList {
  readonly keys: string[];
  /** Of use only when there are many. */
  #positions: Map<string, string> | undefined;
  readonly #offset: number;

  constructor(before: readonly string[] = []) {
    this.keys = [...before];
    this.#offset = before.length;
  }

  position(key: string): string {
    if (this.#positions === undefined) {
      const at = this.keys.indexOf(key, this.#offset);
      if (at >= 0) return String(at + 1 - this.#offset);
      if (this.keys.length - this.#offset < FEW_KEYS) return this.#add(key);
      this.#positions = new Map(this.keys.slice(this.#offset).map((each, i) => [each, String(i + 1)]));
    }
    return this.#positions.get(key) ?? this.#add(key);
  }

  #add(key: string): string {
    this.keys.push(key);
    const position = String(this.keys.length - this.#offset);
    this.#positions?.set(key, position);
    return position;
  }
}

export type ChargeStatus = "applied" | "duplicate" | "gap" | "unknown" | "early";

const CHARGE_STATUSES: readonly ChargeStatus[] = ["applied", "duplicate", "gap", "unknown", "early"];

export interface ChargeReply {
  readonly status: ChargeStatus;
  /** The last batch applied, this one included; 0 = none. */
  readonly last: number;
  readonly nowMs: number;
  readonly skipped: number;
}

/** Undefined when the reply is not one of this script. */
export function readChargeReply(reply: unknown): ChargeReply | undefined {
  if (!isNumbers(reply)) return undefined;
  const [code = -1, last = 0, nowMs = 0, skipped = 0] = reply;
  const status = CHARGE_STATUSES[code];
  return status === undefined ? undefined : { status, last, nowMs, skipped };
}

const ALGORITHM_ARGS = { Sliding: "S", Fixed: "F", FixedFromFirst: "O", Calendar: "C" } as const satisfies Record<
  Algorithm,
  string
>;

export function algorithmArg({ algorithm }: Window): string {
  return ALGORITHM_ARGS[algorithm];
}

/** The length, which is all that Redis needs to find a window; of a calendar the window that contains a moment. */
export function windowArg({ durationMs, calendar }: Window, atMs: number): string {
  if (calendar === undefined) return String(durationMs);
  const { startMs, endMs } = calendar.spanAt(atMs);
  return `${String(startMs)} ${String(endMs)}`;
}

/** Infinity, which never refuses, travels as an empty argument: how Lua reads "inf" depends on its C library. */
export function refuseAtArg(refuseAt: number): string {
  return refuseAt === Infinity ? "" : String(refuseAt);
}

export interface AdmitReply {
  readonly nowMs: number;
  /** otherWindow: a window of a calendar was named that does not contain nowMs. Nothing was looked at. */
  readonly outcome: "taken" | "refused" | "otherWindow";
  readonly states: readonly CounterState[];
}

const OTHER_WINDOW = 2;

/** Undefined when the reply is not one of this script for this many checks. */
export function readAdmitReply(reply: unknown, checks: number): AdmitReply | undefined {
  if (!Array.isArray(reply)) return undefined;
  const values: readonly unknown[] = reply;
  const [nowMs, taken, ...states] = values;
  if (typeof nowMs !== "number" || typeof taken !== "number") return undefined;
  if (taken === OTHER_WINDOW) return { nowMs, outcome: "otherWindow", states: [] };
  if (states.length !== checks) return undefined;
  return { nowMs, outcome: taken === 1 ? "taken" : "refused", states: states.map(readState) };
}

function isNumbers(reply: unknown): reply is number[] {
  return Array.isArray(reply) && reply.every((value) => typeof value === "number");
}

const ZERO = 0x30;
const NINE = 0x39;

/** "index current previous" as HMGET returns it; anything else reads as empty, as it does in the scripts. */
export function readState(value: unknown): CounterState {
  if (typeof value !== "string") return EMPTY_STATE;
  const first = value.indexOf(" ");
  const second = value.indexOf(" ", first + 1);
  const index = readInteger(value, 0, first);
  const current = readInteger(value, first + 1, second);
  const previous = readInteger(value, second + 1, value.length);
  return index < 0 || current < 0 || previous < 0 ? EMPTY_STATE : { index, current, previous };
}

/** -1 when there is anything but digits. */
function readInteger(text: string, from: number, to: number): number {
  if (to <= from) return -1;
  let result = 0;
  for (let i = from; i < to; i += 1) {
    const byte = text.charCodeAt(i);
    if (byte < ZERO || byte > NINE) return -1;
    result = result * 10 + (byte - ZERO);
  }
  return result;
}
