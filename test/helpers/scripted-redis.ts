// A Redis played by the test: what the store's parts write is kept, and the test answers it, or does not, by hand.

import { ChargeBook } from "../../dataplane/redis/charge-book.ts";
import { type Command, lost, refused } from "../../dataplane/redis/command.ts";
import { Lanes } from "../../dataplane/redis/lanes.ts";
import { RespError, type RespValue } from "../../dataplane/redis/resp-parser.ts";
import { loadScripts } from "../../dataplane/redis/scripts.ts";
import type { StoreContext } from "../../dataplane/redis/store-context.ts";
import { createFakeClock, type FakeClock } from "./clock.ts";

/** A command that the test answers. */
export interface PlayedCommand {
  readonly name: string;
  /** For a script: digest, number of keys, keys, arguments. */
  readonly args: readonly string[];
  resolve(value: RespValue): void;
  /** A RespError is an answer; any other error says that none came. */
  reject(error: Error): void;
}

export interface ScriptedRedis {
  readonly clock: FakeClock;
  readonly context: StoreContext;
  readonly lanes: Lanes;
  readonly book: ChargeBook;
  readonly lost: number[];
  readonly breaker: boolean[];
  /** Every tag is served by this lane. */
  lane: string;
  /** Commands written since the last call. */
  written(): PlayedCommand[];
}

export function createScriptedRedis(): ScriptedRedis {
  const clock = createFakeClock(Date.UTC(2026, 0, 1, 12, 20));
  const lostCharges: number[] = [];
  const breaker: boolean[] = [];
  let commands: PlayedCommand[] = [];
  const context: StoreContext = {
    link: {
      isReady: () => true,
      laneOf: () => scripted.lane,
      send: (command) => void commands.push(play(command)),
      cork: () => {},
      uncork: () => {},
      drop: () => {},
      listen: () => {},
      close: () => {},
    },
    scripts: loadScripts(),
    prefix: "t:",
    dataPlaneId: "dp",
    clock,
    timeouts: { admitMs: 50, chargeMs: 1000 },
    observe: {
      admitMs: () => {},
      breaker: (open) => void breaker.push(open),
      lost: (charges) => void lostCharges.push(charges),
    },
    log: { info: () => {}, warn: () => {}, error: () => {} },
  };
  const lanes = new Lanes(context, () => {});
  const book = new ChargeBook({ context, lanes, wake: () => {} });
  const scripted: ScriptedRedis = {
    clock,
    context,
    lanes,
    book,
    lost: lostCharges,
    breaker,
    lane: "a",
    written() {
      const all = commands;
      commands = [];
      return all;
    },
  };
  return scripted;
}

function play({ name, script, keys, args, reply }: Command): PlayedCommand {
  return {
    name,
    args: script === undefined ? args : [script.sha, String(keys.length), ...keys, ...args],
    resolve(value) {
      reply({ kind: "value", value });
    },
    reject(error) {
      reply(error instanceof RespError ? refused(error) : lost(error));
    },
  };
}
