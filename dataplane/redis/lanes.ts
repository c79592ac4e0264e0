// One lane per Redis server that is spoken to: its clock, and whether it is held to be away (the circuit breaker). In a
// cluster one master that is down does not make the others count as away.

import { sequenceKey, TAG_COUNT } from "../contract/keys.ts";
import { type CommandReply, createScriptCommand, isNoScript } from "./command.ts";
import { readAdmitReply } from "./scripts.ts";
import { StoreClock } from "./store-clock.ts";
import type { StoreContext } from "./store-context.ts";

/** After a failure nothing waits for the server for this long; then a probe, not a request, finds out. */
const BREAKER_MS = 1000;

export interface Lane {
  readonly key: string;
  readonly clock: StoreClock;
  /** True: requests are answered without asking this server. */
  away: boolean;
  probe: "none" | "due" | "sent";
  timer: NodeJS.Timeout | undefined;
}

export class Lanes {
  readonly #context: StoreContext;
  /** A lane is back: what waited for it can go. */
  readonly #returned: () => void;
  readonly #lanes = new Map<string, Lane>();
  /** By tag, the lane found last: asked for many times per request, and seldom another. */
  readonly #byTag: (Lane | undefined)[] = new Array<Lane | undefined>(TAG_COUNT).fill(undefined);
  /** What any server said: for one that has not spoken yet, better than this process's own clock. */
  readonly #anyClock = new StoreClock();
  #isClosed = false;

  constructor(context: StoreContext, returned: () => void) {
    this.#context = context;
    this.#returned = returned;
  }

  of(tag: number): Lane {
    const key = this.#context.link.laneOf(tag);
    const last = this.#byTag[tag];
    if (last?.key === key) return last;
    const lane = this.#lanes.get(key) ?? this.#add(key);
    this.#byTag[tag] = lane;
    return lane;
  }

  #add(key: string): Lane {
    const lane: Lane = { key, clock: new StoreClock(this.#anyClock), away: false, probe: "none", timer: undefined };
    this.#lanes.set(key, lane);
    return lane;
  }

  isAvailable(tag: number): boolean {
    const lane = this.of(tag);
    // With nothing on its way when the connection broke, or none ever made, no command has told that it is away.
    if (!this.#context.link.isReady()) this.fail(lane, "there is no connection to Redis");
    return !lane.away;
  }

  /** Redis's clock, as far as known, for the server of this tag. */
  nowMs(tag: number): number {
    return this.of(tag).clock.at(this.#context.clock.nowMs());
  }

  /** The server of this tag has just told its time. */
  learn(tag: number, storeMs: number): void {
    this.#learn(this.of(tag), storeMs);
  }

  /** A time-out or a broken connection. */
  fail(lane: Lane, reason: string): void {
    if (lane.away || this.#isClosed) return;
    lane.away = true;
    this.#context.log.warn(
      { lane: lane.key, reason },
      "the counter store is away; limits are decided on what was last seen",
    );
    if (this.#countAway() === 1) this.#context.observe.breaker(true);
    this.#probeLater(lane);
  }

  /** Sends a command that only tells the time, ahead of reads that need it. */
  refreshClock(tag: number): void {
    const lane = this.of(tag);
    if (lane.probe === "none" && !lane.clock.isFresh(this.#context.clock.nowMs())) this.#probe(lane, tag);
  }

  /** Connections are ready or slots have moved. */
  changed(): void {
    const serving = new Set<string>();
    for (let tag = 0; tag < TAG_COUNT; tag += 1) serving.add(this.#context.link.laneOf(tag));
    for (const lane of [...this.#lanes.values()]) {
      if (!serving.has(lane.key)) this.#forget(lane);
      else if (lane.away) this.#probeNow(lane);
    }
  }

  close(): void {
    this.#isClosed = true;
    for (const lane of this.#lanes.values()) clearTimeout(lane.timer);
  }

  #forget(lane: Lane): void {
    clearTimeout(lane.timer);
    this.#lanes.delete(lane.key);
    this.#byTag.fill(undefined);
    if (lane.away) this.#recovered(lane);
  }

  #probeLater(lane: Lane): void {
    lane.probe = "due";
    lane.timer = setTimeout(() => {
      this.#probeNow(lane);
    }, BREAKER_MS);
    lane.timer.unref();
  }

  #probeNow(lane: Lane): void {
    if (lane.probe === "sent") return;
    clearTimeout(lane.timer);
    const tag = this.#tagOf(lane);
    if (tag !== undefined && this.#context.link.isReady()) this.#probe(lane, tag);
    else this.#probeLater(lane);
  }

  #tagOf(lane: Lane): number | undefined {
    for (let tag = 0; tag < TAG_COUNT; tag += 1) if (this.#context.link.laneOf(tag) === lane.key) return tag;
    return undefined;
  }

  #probe(lane: Lane, tag: number): void {
    const { scripts, prefix, dataPlaneId, clock, link } = this.#context;
    const sentMs = clock.nowMs();
    lane.probe = "sent";
    const call = { script: scripts.admit, keys: [sequenceKey(prefix, tag, dataPlaneId)], args: [] };
    link.send(
      createScriptCommand(call, (reply) => {
        lane.probe = "none";
        if (isNoScript(reply)) this.#probe(lane, tag);
        else this.#probed(lane, reply, sentMs);
      }),
    );
  }

  #probed(lane: Lane, reply: CommandReply, sentMs: number): void {
    if (this.#isClosed || this.#lanes.get(lane.key) !== lane) return; // forgotten meanwhile
    const nowMs = this.#context.clock.nowMs();
    const time = reply.kind === "value" ? readAdmitReply(reply.value, 0) : undefined;
    if (time !== undefined) this.#learn(lane, time.nowMs);
    const inTime = time !== undefined && nowMs - sentMs <= this.#context.timeouts.admitMs;
    if (!lane.away) {
      if (reply.kind === "failure" && reply.cause === "lost") this.fail(lane, reply.error.message);
    } else if (inTime) {
      lane.away = false;
      this.#recovered(lane);
    } else {
      this.#probeLater(lane);
    }
  }

  #recovered(lane: Lane): void {
    this.#context.log.info({ lane: lane.key }, "the counter store answers again");
    if (this.#countAway() === 0) this.#context.observe.breaker(false);
    this.#returned();
  }

  #learn(lane: Lane, storeMs: number): void {
    const localMs = this.#context.clock.nowMs();
    lane.clock.learn(storeMs, localMs);
    this.#anyClock.learn(storeMs, localMs);
  }

  #countAway(): number {
    let count = 0;
    for (const lane of this.#lanes.values()) if (lane.away) count += 1;
    return count;
  }
}
