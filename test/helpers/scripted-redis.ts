// A Redis played by the test: what the store's parts write is kept, and the test answers it, or does not, by hand.

import type { Command } from "ioredis";
import { ChargeBook } from "../../dataplane/redis/charge-book.ts";
import { Lanes } from "../../dataplane/redis/lanes.ts";
import { loadScripts } from "../../dataplane/redis/scripts.ts";
import type { StoreContext } from "../../dataplane/redis/store-context.ts";
import { createFakeClock, type FakeClock } from "./clock.ts";

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
  written(): Command[];
}

export function createScriptedRedis(): ScriptedRedis {
  const clock = createFakeClock(Date.UTC(2026, 0, 1, 12, 20));
  const lost: number[] = [];
  const breaker: boolean[] = [];
  let commands: Command[] = [];
  const context: StoreContext = {
    link: {
      isReady: () => true,
      laneOf: () => scripted.lane,
      send: (command) => void commands.push(command),
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
      lost: (charges) => void lost.push(charges),
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
    lost,
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
