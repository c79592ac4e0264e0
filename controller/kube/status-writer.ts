// Writes status to the API server: only what changed, the latest wish of each object alone, and no faster than agreed. Knows
// nothing of what the conditions mean. By server-side apply (docs/decisions.md, "Status is written by server-side apply").

import type { BackOffRange } from "./back-off.ts";
import { type Clock, pause } from "./clock.ts";
import { type DesiredStatus, statusToWrite, type WrittenStatus } from "./conditions.ts";
import type { KubeApi } from "./kube-api.ts";
import { KubeError, toKubeError } from "./kube-error.ts";
import type { KubeObject } from "./kube-object.ts";
import type { ObjectName, Resource } from "./resource.ts";
import { type BucketRate, createTokenBucket, type TokenBucket } from "./token-bucket.ts";
import { createWorkQueue, type WorkQueue } from "./work-queue.ts";

export interface StatusTarget extends ObjectName {
  readonly resource: Resource;
  /**
   * Nothing is written once another object is seen to have the name. One that came unseen gets the status for a moment: its
   * own follows as soon as it is seen.
   */
  readonly uid: string;
}

export interface StatusWriterSettings {
  readonly rate: BucketRate;
  /** Writes under way at the same time. */
  readonly concurrency: number;
  readonly backOff: BackOffRange;
  /** Their statuses go first. Kinds of which there are few: they must not wait for 100,000 of another one. */
  readonly isUrgent: (resource: Resource) => boolean;
}

/**
 * 100,000 statuses at the first start take some minutes at this rate, a fraction of what an API server takes; whoever has
 * just changed something does not wait for them.
 */
export const STATUS_WRITER_DEFAULTS: StatusWriterSettings = {
  rate: { perSecond: 200, burst: 400 },
  concurrency: 8,
  backOff: { minMs: 500, maxMs: 60_000 },
  isUrgent: ({ kind }) => kind !== "Consumer",
};

export interface StatusWriterOptions {
  readonly api: Pick<KubeApi, "applyStatus">;
  /** The object as last seen in a watch; undefined when it is gone. */
  readonly seen: (target: StatusTarget) => KubeObject | undefined;
  readonly clock: Clock;
  readonly random: () => number;
  readonly report?: (report: StatusReport) => void;
  readonly settings?: Partial<StatusWriterSettings>;
}

export type StatusReport =
  | { readonly kind: "written"; readonly target: StatusTarget }
  /** Tried again later. */
  | { readonly kind: "failed"; readonly target: StatusTarget; readonly error: KubeError }
  /** Given up: the object is gone (404), or the server will never take it. */
  | { readonly kind: "dropped"; readonly target: StatusTarget; readonly error: KubeError };

export interface StatusWriter {
  /** The object shall have this status; replaces what was wished before. */
  set(target: StatusTarget, desired: DesiredStatus): void;
  /** The object is gone. A write under way goes on. */
  forget(target: StatusTarget): void;
  /** Objects whose status is yet to be written. */
  readonly pending: number;
  /** Writes no more; resolves when what is under way has ended. */
  stop(): Promise<void>;
}

interface Wish {
  readonly target: StatusTarget;
  readonly desired: DesiredStatus;
}

/** A status that we wrote, until the watch has shown something newer than what was seen at the time. */
interface Written {
  readonly seenVersion: string;
  readonly status: WrittenStatus;
}

/** Bounds memory; one that is dropped too early costs a write that changes nothing. */
const WRITTEN_KEPT = 10_000;

export function createStatusWriter(options: StatusWriterOptions): StatusWriter {
  return new Writer(options);
}

class Writer implements StatusWriter {
  readonly #options: StatusWriterOptions;
  readonly #wishes = new Map<string, Wish>();
  readonly #written = new Map<string, Written>();
  readonly #underWay = new Set<string>();
  readonly #stopping = new AbortController();
  readonly #bucket: TokenBucket;
  readonly #queue: WorkQueue;

  constructor(options: StatusWriterOptions) {
    this.#options = options;
    const { clock, random } = options;
    const { rate, concurrency, backOff, isUrgent } = { ...STATUS_WRITER_DEFAULTS, ...options.settings };
    this.#bucket = createTokenBucket(rate, clock);
    this.#queue = createWorkQueue({
      clock,
      random,
      concurrency,
      backOff,
      isUrgent: (key) => {
        const wish = this.#wishes.get(key);
        return wish !== undefined && isUrgent(wish.target.resource);
      },
      work: (key) => this.#work(key),
      failed: (_key, error) => (error instanceof KubeError ? (error.retryAfterMs ?? 0) : 0),
    });
  }

  get pending(): number {
    return this.#wishes.size;
  }

  set(target: StatusTarget, desired: DesiredStatus): void {
    if (this.#stopping.signal.aborted) return;
    const key = keyOf(target);
    this.#wishes.set(key, { target, desired });
    // While a write is under way nobody knows yet what the status is.
    if (!this.#underWay.has(key) && this.#toWrite(key) === undefined) this.#settle(key);
    else this.#queue.add(key);
  }

  forget(target: StatusTarget): void {
    const key = keyOf(target);
    this.#settle(key);
    this.#written.delete(key);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#queue.stop();
  }

  #settle(key: string): void {
    this.#wishes.delete(key);
    this.#queue.remove(key);
  }

  async #work(key: string): Promise<void> {
    if (this.#toWrite(key) === undefined) {
      this.#wishes.delete(key);
      return;
    }
    const waitMs = this.#bucket.take();
    if (waitMs > 0) await pause(this.#options.clock, waitMs, this.#stopping.signal);
    if (this.#stopping.signal.aborted) return;
    // Only now: the wish and the object may have changed while it waited.
    const wish = this.#wishes.get(key);
    const write = this.#toWrite(key);
    if (wish === undefined || write === undefined) this.#wishes.delete(key);
    else await this.#write(key, wish, write);
  }

  async #write(key: string, wish: Wish, { status, seenVersion }: Written): Promise<void> {
    const { target } = wish;
    const { api, report } = this.#options;
    this.#underWay.add(key);
    try {
      const { resource, namespace, name } = target;
      await api.applyStatus(resource, { namespace, name }, status);
      this.#remember(key, { status, seenVersion });
      this.#fulfil(key, wish);
      report?.({ kind: "written", target });
    } catch (thrown) {
      const error = toKubeError(thrown, "status");
      if (error.isTransient) {
        report?.({ kind: "failed", target, error });
        throw error;
      }
      this.#fulfil(key, wish);
      report?.({ kind: "dropped", target, error });
    } finally {
      this.#underWay.delete(key);
    }
  }

  /** Unless something else is wished by now: then set() has added the key again. */
  #fulfil(key: string, wish: Wish): void {
    if (this.#wishes.get(key) === wish) this.#wishes.delete(key);
  }

  /** Undefined when there is nothing to write: as wished already, gone, or another object by that name. */
  #toWrite(key: string): Written | undefined {
    const wish = this.#wishes.get(key);
    const seen = wish === undefined ? undefined : this.#options.seen(wish.target);
    if (wish === undefined || seen?.metadata.uid !== wish.target.uid) return undefined;
    const seenVersion = seen.metadata.resourceVersion;
    const written = this.#written.get(key);
    const isAhead = written?.seenVersion === seenVersion;
    if (!isAhead) this.#written.delete(key);
    const current = isAhead ? written.status : seen["status"];
    const status = statusToWrite(wish.desired, current, this.#options.clock.wallMs());
    return status === undefined ? undefined : { status, seenVersion };
  }

  #remember(key: string, written: Written): void {
    this.#written.delete(key);
    this.#written.set(key, written);
    for (const oldest of this.#written.keys()) {
      if (this.#written.size <= WRITTEN_KEPT) return;
      this.#written.delete(oldest);
    }
  }
}

function keyOf({ resource, namespace, name }: StatusTarget): string {
  return `${resource.plural}/${namespace}/${name}`;
}
