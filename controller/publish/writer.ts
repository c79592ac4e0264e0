// The one loop that writes while this process leads. It publishes one namespace after another, tries again what failed,
// and looks now and then whether Redis still holds what was published.

import { checkPublished } from "./check-published.ts";
import { endRound, hasWork, type NamespaceState } from "./namespace-state.ts";
import { type Leadership, type Outcome, publishNamespace, type Unpublished } from "./publish-namespace.ts";
import { Retry } from "./retry.ts";
import type { Timers } from "./timers.ts";

export interface WriterOptions {
  readonly leadership: Leadership;
  readonly states: Map<string, NamespaceState>;
  readonly timers: Timers;
  /** In [0, 1). */
  readonly random: () => number;
  /** A write, a read or a check has failed; it is tried again. */
  readonly onFailure: (error: unknown) => void;
  /** Redis answers. */
  readonly onSuccess: () => void;
  /** Redis does not hold what was published in a namespace. */
  readonly onBehind: (namespace: string) => void;
  /** Another leader has written: this one has ended. */
  readonly onFenced: () => void;
}

export class Writer {
  readonly #options: WriterOptions;
  readonly #listing = new Retry();
  readonly #checking = new Retry();
  #isCheckDue = false;
  #wake: () => void = () => {};

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  /** Until the leadership is over. Never rejects. */
  async run(): Promise<void> {
    const { leadership, onFenced } = this.#options;
    while (!leadership.isOver()) {
      const outcome = await this.#turn();
      if (outcome === "fenced") {
        if (!leadership.isOver()) onFenced();
        return;
      }
      if (outcome === "idle") await this.#rest();
    }
  }

  /** There is something to do, or the leadership is over. */
  wake(): void {
    this.#wake();
  }

  /** Looks at once; also at what waits for its next attempt. */
  check(): void {
    this.#isCheckDue = true;
    for (const retry of this.#retries()) retry.hurry();
    this.#wake();
  }

  async #turn(): Promise<Outcome | "idle"> {
    const { timers } = this.#options;
    const nowMs = timers.nowMs();
    if (this.#isCheckDue && this.#checking.isDue(nowMs)) return await this.#attempt(this.#checking, () => this.#look());
    if (this.#isListingDue(nowMs)) return await this.#attempt(this.#listing, () => this.#list());
    const state = this.#nextState(nowMs);
    if (state === undefined) return "idle";
    return await this.#attempt(state.retry, () => this.#publish(state));
  }

  async #attempt(retry: Retry, act: () => Promise<Outcome>): Promise<Outcome> {
    const { timers, random, onFailure, onSuccess } = this.#options;
    try {
      const outcome = await act();
      if (outcome === "behind") retry.failed(timers.nowMs(), random());
      else retry.succeeded();
      onSuccess();
      return outcome;
    } catch (error) {
      retry.failed(timers.nowMs(), random());
      onFailure(error);
      return "done";
    }
  }

  async #publish(state: NamespaceState): Promise<Outcome> {
    const outcome = await this.#write(state);
    if (outcome === "done") endRound(state);
    if (outcome === "behind") {
      this.#options.onBehind(state.namespace);
      state.isBehind = true;
      // What befell this namespace may have befallen others. The check puts off no attempt: that would be for nothing.
      this.#isCheckDue = true;
    }
    return outcome;
  }

  async #write(state: NamespaceState): Promise<Outcome> {
    const { leadership } = this.#options;
    const startMs = leadership.nowMs();
    const told = (result: Unpublished): void => {
      leadership.observe.unpublished(result, leadership.nowMs() - startMs);
    };
    try {
      const outcome = await publishNamespace(leadership, state).catch(behindIfDamaged);
      // One that leads no more stops by itself: nobody fenced it off.
      if (outcome === "behind" || (outcome === "fenced" && !leadership.isOver())) told(outcome);
      return outcome;
    } catch (error) {
      told("failed");
      throw error;
    }
  }

  async #look(): Promise<Outcome> {
    const { leadership, states, onBehind } = this.#options;
    const before = new Set([...states.values()].filter((state) => state.isBehind));
    this.#isCheckDue = false;
    try {
      const outcome = await checkPublished(leadership, states);
      for (const state of states.values()) if (state.isBehind && !before.has(state)) onBehind(state.namespace);
      return outcome;
    } catch (error) {
      this.#isCheckDue = true;
      throw error;
    }
  }

  /**
   * Namespaces that are written as a whole come first: an index that was lost appears again at once and complete, so that no
   * data plane takes a namespace for gone that is not written yet.
   */
  #isListingDue(nowMs: number): boolean {
    if (!this.#listing.isDue(nowMs)) return false;
    const states = [...this.#options.states.values()];
    const isWholeUnderWay = states.some(
      (state) => (state.isBehind || state.generation === "") && hasWork(state) && state.retry.isDue(nowMs),
    );
    return !isWholeUnderWay && states.some(isUnlisted);
  }

  async #list(): Promise<Outcome> {
    const { leadership, states } = this.#options;
    const unlisted = [...states.values()].filter(isUnlisted);
    const entries = new Map(unlisted.map(({ namespace, generation }) => [namespace, generation]));
    const { kind } = await leadership.store.changeIndex(leadership.epoch, entries);
    if (kind === "done") for (const state of unlisted) state.isListed = true;
    return kind;
  }

  #nextState(nowMs: number): NamespaceState | undefined {
    const { states } = this.#options;
    for (const [namespace, state] of states) {
      if (!hasWork(state) || !state.retry.isDue(nowMs)) continue;
      // Each has its turn: the one that has it now is the last to have it again.
      states.delete(namespace);
      states.set(namespace, state);
      return state;
    }
    return undefined;
  }

  #retries(): Retry[] {
    const working = [...this.#options.states.values()].filter(hasWork).map(({ retry }) => retry);
    if (this.#isCheckDue) working.push(this.#checking);
    if ([...this.#options.states.values()].some(isUnlisted)) working.push(this.#listing);
    return working;
  }

  /** Until somebody calls or the next attempt is due. */
  async #rest(): Promise<void> {
    const { leadership, timers } = this.#options;
    const nowMs = timers.nowMs();
    const nextMs = Math.min(...this.#retries().map(({ atMs }) => atMs));
    await new Promise<void>((resolve) => {
      const cancel = nextMs < Infinity ? timers.after(Math.max(1, nextMs - nowMs), resolve) : () => {};
      this.#wake = () => {
        cancel();
        resolve();
      };
      if (leadership.isOver()) this.#wake();
    });
    this.#wake = () => {};
  }
}

function isUnlisted(state: NamespaceState): boolean {
  return state.generation !== "" && !state.isListed;
}

/** Keys of another type, or a stream that is ahead of the head: the next attempt would meet them again. */
function behindIfDamaged(error: unknown): Outcome {
  if (error instanceof Error && /^WRONGTYPE|specified in XADD/.test(error.message)) return "behind";
  throw error;
}
