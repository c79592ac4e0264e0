// Keeps a handler up to date with the objects of one scope: lists them page by page, then watches from there, and goes on
// after whatever ends a watch. Remembers of each object only its name, uid and version, to tell what vanished while it could
// not look. Knows no kind.

import { type BackOffRange, backOffMs } from "./back-off.ts";
import { type Clock, pause } from "./clock.ts";
import type { KubeApi, WatchEvent } from "./kube-api.ts";
import { KubeError, REASONS, toKubeError } from "./kube-error.ts";
import { type KubeObject, type ObjectRef, refOf, withoutBookkeeping } from "./kube-object.ts";
import type { Scope } from "./resource.ts";

/** Called in the order of the changes, never concurrently. What a handler throws is reported and otherwise ignored. */
export interface ReflectorHandler {
  /** New or changed. Not called again for a version that was already handed over. */
  upsert(object: KubeObject): void;
  /** Gone, or replaced by another object of the same name, whose upsert follows. */
  remove(ref: ObjectRef): void;
  /** Once, when everything that was there at the start has been handed over. */
  synced(): void;
}

export type ReflectorReport =
  | { readonly kind: "failed"; readonly doing: "list" | "watch"; readonly error: KubeError; readonly delayMs: number }
  | { readonly kind: "handler-failed"; readonly ref: ObjectRef | undefined; readonly error: unknown };

export interface ReflectorSettings {
  readonly pageSize: number;
  /** The server ends each watch after a time drawn from this range, so that watches do not end together. */
  readonly watchSeconds: readonly [number, number];
  /** Without an event or bookmark for so long a watch is given up: its connection may be dead without saying so. */
  readonly stallMs: number;
  readonly backOff: BackOffRange;
}

/** API servers send a bookmark about once a minute. */
export const REFLECTOR_DEFAULTS: ReflectorSettings = {
  pageSize: 500,
  watchSeconds: [240, 300],
  stallMs: 120_000,
  // An outage of the API server ends for configuration within seconds too: few clients of this kind come back together.
  backOff: { minMs: 500, maxMs: 5_000 },
};

export interface ReflectorOptions {
  readonly api: Pick<KubeApi, "list" | "watch">;
  readonly scope: Scope;
  readonly handler: ReflectorHandler;
  readonly clock: Clock;
  /** 0 <= x < 1. */
  readonly random: () => number;
  /** What is handed over of an object; the default drops managedFields and kubectl's copy. */
  readonly keep?: (object: KubeObject) => KubeObject;
  readonly report?: (report: ReflectorReport) => void;
  readonly settings?: Partial<ReflectorSettings>;
}

export interface ReflectorState {
  readonly synced: boolean;
  readonly objects: number;
  /** Of the last list page, event or bookmark, by the clock's monotonicMs; undefined before the first. */
  readonly lastEventAtMs: number | undefined;
  /** Lists completed after the first. */
  readonly relists: number;
  /** Lists and watches that failed. */
  readonly failures: number;
}

export interface Reflector {
  start(): void;
  /** The handler is not called any more; resolves when nothing is under way. Final. */
  stop(): Promise<void>;
  state(): ReflectorState;
}

interface Known {
  readonly uid: string;
  resourceVersion: string;
  /** Number of the list that saw it last. */
  round: number;
}

/** A watch that ends in good order but sooner than this and without any event counts as failed: else it would spin. */
const SHORT_WATCH_MS = 1_000;
/** Answers of the API server that refuse a watch in a row before its version is doubted and all is listed again. */
const REFUSALS_BEFORE_RELIST = 3;

export function createReflector(options: ReflectorOptions): Reflector {
  const stopping = new AbortController();
  const loop = new ReflectorLoop(options, stopping.signal);
  let running: Promise<void> | undefined;
  return {
    start() {
      running ??= loop.run();
    },
    async stop() {
      stopping.abort();
      await running;
    },
    state: () => loop.state(),
  };
}

class ReflectorLoop {
  readonly #options: ReflectorOptions;
  readonly #settings: ReflectorSettings;
  readonly #stopped: AbortSignal;
  readonly #known = new Map<string, Known>();
  /** Where the next watch goes on; undefined: list first. */
  #version: string | undefined;
  #synced = false;
  /** Lists begun; one that failed half-way must not vouch for what it saw. */
  #round = 0;
  #lists = 0;
  #failures = 0;
  #failuresInRow = 0;
  #refusalsInRow = 0;
  #arrivals = 0;
  #lastEventAtMs: number | undefined;

  constructor(options: ReflectorOptions, stopped: AbortSignal) {
    this.#options = options;
    this.#stopped = stopped;
    this.#settings = { ...REFLECTOR_DEFAULTS, ...options.settings };
  }

  state(): ReflectorState {
    return {
      synced: this.#synced,
      objects: this.#known.size,
      lastEventAtMs: this.#lastEventAtMs,
      relists: Math.max(0, this.#lists - 1),
      failures: this.#failures,
    };
  }

  async run(): Promise<void> {
    while (!this.#isStopped()) {
      const doing = this.#version === undefined ? "list" : "watch";
      try {
        if (this.#version === undefined) await this.#list();
        else await this.#watch(this.#version);
      } catch (thrown) {
        const error = toKubeError(thrown, doing);
        if (this.#isStopped()) return;
        const delayMs = this.#failed(error);
        this.#options.report?.({ kind: "failed", doing, error, delayMs });
        await pause(this.#options.clock, delayMs, this.#stopped);
      }
    }
  }

  #isStopped(): boolean {
    return this.#stopped.aborted;
  }

  /** Draws the wait; forgets the version where it is, or may be, the reason. */
  #failed(error: KubeError): number {
    this.#failures += 1;
    this.#failuresInRow += 1;
    this.#refusalsInRow = error.status === 0 ? 0 : this.#refusalsInRow + 1;
    if (error.isExpired || !error.isTransient || this.#refusalsInRow >= REFUSALS_BEFORE_RELIST) {
      this.#version = undefined;
    }
    const drawnMs = backOffMs(this.#failuresInRow, this.#settings.backOff, this.#options.random);
    return Math.max(drawnMs, error.retryAfterMs ?? 0);
  }

  async #list(): Promise<void> {
    const { api, scope, handler } = this.#options;
    this.#round += 1;
    let continueToken: string | undefined;
    do {
      const page = await api.list(scope, { limit: this.#settings.pageSize, continueToken, signal: this.#stopped });
      this.#lastEventAtMs = this.#options.clock.monotonicMs();
      for (const object of page.items) this.#upsert(object);
      ({ continueToken } = page);
      if (continueToken === undefined) this.#version = page.resourceVersion;
    } while (continueToken !== undefined);
    this.#lists += 1;
    this.#removeUnseen();
    if (this.#synced) return;
    this.#synced = true;
    this.#guarded(undefined, () => handler.synced());
  }

  async #watch(resourceVersion: string): Promise<void> {
    const { api, scope, clock } = this.#options;
    const startedMs = clock.monotonicMs();
    const arrivalsBefore = this.#arrivals;
    const stall = this.#watchForStall(startedMs);
    try {
      await api.watch(scope, {
        resourceVersion,
        timeoutSeconds: this.#drawWatchSeconds(),
        signal: AbortSignal.any([this.#stopped, stall.signal]),
        onEvent: (event) => this.#arrived(event),
      });
    } catch (error) {
      if (!stall.signal.aborted) throw error;
      // It has waited long already: it is not to wait longer each time.
      this.#calm();
      throw new KubeError({ status: 0, reason: REASONS.timeout, call: "watch" });
    } finally {
      stall.end();
    }
    const arrived = this.#arrivals > arrivalsBefore;
    if (arrived) return;
    if (clock.monotonicMs() - startedMs < SHORT_WATCH_MS) {
      throw new KubeError({ status: 0, reason: REASONS.connection, call: "watch" });
    }
    this.#calm();
  }

  /** One timer for the whole watch: it looks when the last event came instead of being set anew by each. */
  #watchForStall(startedMs: number): { signal: AbortSignal; end: () => void } {
    const { clock } = this.#options;
    const { stallMs } = this.#settings;
    const controller = new AbortController();
    let cancel = (): void => {};
    const look = (): void => {
      const quietMs = clock.monotonicMs() - Math.max(startedMs, this.#lastEventAtMs ?? 0);
      if (quietMs >= stallMs) controller.abort();
      else cancel = clock.after(stallMs - quietMs, look);
    };
    cancel = clock.after(stallMs, look);
    return { signal: controller.signal, end: () => cancel() };
  }

  #drawWatchSeconds(): number {
    const [from, to] = this.#settings.watchSeconds;
    return Math.round(from + this.#options.random() * (to - from));
  }

  #arrived(event: WatchEvent): void {
    this.#arrivals += 1;
    this.#lastEventAtMs = this.#options.clock.monotonicMs();
    this.#calm();
    if (event.kind === "bookmark") {
      this.#version = event.resourceVersion;
      return;
    }
    const { object } = event;
    if (event.kind === "upsert") this.#upsert(object);
    else this.#remove(keyOf(object.metadata), object.metadata.uid);
    // Only now: an event that could not be read must come again.
    this.#version = object.metadata.resourceVersion;
  }

  #calm(): void {
    this.#failuresInRow = 0;
    this.#refusalsInRow = 0;
  }

  #upsert(object: KubeObject): void {
    const round = this.#round;
    const { uid, resourceVersion } = object.metadata;
    const key = keyOf(object.metadata);
    const known = this.#known.get(key);
    if (known?.uid === uid) {
      known.round = round;
      if (known.resourceVersion === resourceVersion) return;
      known.resourceVersion = resourceVersion;
    } else {
      if (known !== undefined) this.#remove(key, known.uid);
      this.#known.set(key, { uid, resourceVersion, round });
    }
    const { handler, scope, keep = withoutBookkeeping } = this.#options;
    this.#guarded(refOf(object, scope.resource.kind), () => handler.upsert(keep(object)));
  }

  #removeUnseen(): void {
    for (const [key, known] of this.#known) if (known.round !== this.#round) this.#remove(key, known.uid);
  }

  #remove(key: string, uid: string): void {
    if (!this.#known.delete(key)) return;
    const slash = key.indexOf("/");
    const { handler, scope } = this.#options;
    const ref = { kind: scope.resource.kind, namespace: key.slice(0, slash), name: key.slice(slash + 1), uid };
    this.#guarded(ref, () => handler.remove(ref));
  }

  #guarded(ref: ObjectRef | undefined, call: () => void): void {
    if (this.#isStopped()) return;
    try {
      call();
    } catch (error) {
      this.#options.report?.({ kind: "handler-failed", ref, error });
    }
  }
}

/** Neither part may hold a slash. */
function keyOf({ namespace, name }: { readonly namespace: string; readonly name: string }): string {
  return `${namespace}/${name}`;
}
