// Kubernetes Events about objects, for whoever runs `kubectl describe`: best effort, told once an hour, bounded in memory and
// rate. What is lost is counted, not retried: the object's status says the same for good.

import { type Clock, pause } from "./clock.ts";
import type { KubeApi } from "./kube-api.ts";
import type { ObjectRef } from "./kube-object.ts";
import { microTime } from "./lease-record.ts";
import { apiVersionOf, EVENTS, type Resource } from "./resource.ts";
import { type BucketRate, createTokenBucket, type TokenBucket } from "./token-bucket.ts";
import { createWorkQueue, type WorkQueue } from "./work-queue.ts";

export interface RecordedEvent {
  readonly resource: Resource;
  readonly regarding: ObjectRef;
  readonly type: "Normal" | "Warning";
  /** CamelCase, for programs: "Invalid". */
  readonly reason: string;
  /** What was done or refused, CamelCase: "Accept". */
  readonly action: string;
  /** For people; cut at 1024 characters. Never a secret. */
  readonly note: string;
}

export interface EventRecorderSettings {
  /** The same event of the same object is told once in this time. */
  readonly quietMs: number;
  /** How many events are remembered for that. */
  readonly remembered: number;
  readonly rate: BucketRate;
  /** Events that wait for their turn at most. */
  readonly waiting: number;
}

export const EVENT_RECORDER_DEFAULTS: EventRecorderSettings = {
  quietMs: 3_600_000,
  remembered: 10_000,
  rate: { perSecond: 5, burst: 50 },
  waiting: 1_000,
};

export interface EventRecorderOptions {
  readonly api: Pick<KubeApi, "create">;
  readonly clock: Clock;
  /** Name of this process, a Pod's name as a rule. */
  readonly instance: string;
  readonly settings?: Partial<EventRecorderSettings>;
}

export interface EventRecorder {
  /** Never throws and never waits. */
  record(event: RecordedEvent): void;
  /** At the same rate, for what must not be lost: resolves when it is written, rejects when it could not be. */
  deliver(event: RecordedEvent): Promise<void>;
  /** Events told; repeated within the quiet time; lost because too many waited, or to a failing server. */
  counts(): { readonly told: number; readonly repeated: number; readonly lost: number };
  /** What waits is lost; resolves when what is under way has ended. */
  stop(): Promise<void>;
}

const CONTROLLER = "airatelimit.dev/controller";
const MAX_NOTE = 1024;

export function createEventRecorder(options: EventRecorderOptions): EventRecorder {
  return new Recorder(options);
}

class Recorder implements EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #settings: EventRecorderSettings;
  readonly #bucket: TokenBucket;
  readonly #queue: WorkQueue;
  readonly #waiting = new Map<string, RecordedEvent>();
  /** When each was recorded, the oldest first. */
  readonly #recordedAt = new Map<string, number>();
  readonly #stopping = new AbortController();
  readonly #counts = { told: 0, repeated: 0, lost: 0 };

  constructor(options: EventRecorderOptions) {
    this.#options = options;
    this.#settings = { ...EVENT_RECORDER_DEFAULTS, ...options.settings };
    const { clock } = options;
    this.#bucket = createTokenBucket(this.#settings.rate, clock);
    // Work that fails is not repeated, so neither back-off nor chance matters.
    const backOff = { minMs: 0, maxMs: 0 };
    const work = (key: string): Promise<void> => this.#tell(key);
    this.#queue = createWorkQueue({ clock, work, backOff, concurrency: 2, random: () => 0, failed: () => 0 });
  }

  record(event: RecordedEvent): void {
    const key = JSON.stringify([event.regarding.uid, event.reason, event.note.slice(0, MAX_NOTE)]);
    if (this.#isRepeated(key)) {
      this.#counts.repeated += 1;
    } else if (this.#stopping.signal.aborted || this.#waiting.size >= this.#settings.waiting) {
      this.#counts.lost += 1;
    } else {
      this.#remember(key);
      this.#waiting.set(key, event);
      this.#queue.add(key);
    }
  }

  async deliver(event: RecordedEvent): Promise<void> {
    await pause(this.#options.clock, this.#bucket.take(), this.#stopping.signal);
    if (this.#stopping.signal.aborted) throw new Error("no events are told any more");
    await this.#create(event);
  }

  counts(): { readonly told: number; readonly repeated: number; readonly lost: number } {
    return { ...this.#counts };
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#queue.stop();
  }

  #isRepeated(key: string): boolean {
    const atMs = this.#recordedAt.get(key);
    return atMs !== undefined && this.#options.clock.monotonicMs() - atMs < this.#settings.quietMs;
  }

  #remember(key: string): void {
    this.#recordedAt.delete(key);
    this.#recordedAt.set(key, this.#options.clock.monotonicMs());
    for (const oldest of this.#recordedAt.keys()) {
      if (this.#recordedAt.size <= this.#settings.remembered) return;
      this.#recordedAt.delete(oldest);
    }
  }

  async #tell(key: string): Promise<void> {
    const { clock } = this.#options;
    const waitMs = this.#bucket.take();
    if (waitMs > 0) await pause(clock, waitMs, this.#stopping.signal);
    const event = this.#waiting.get(key);
    this.#waiting.delete(key);
    if (event === undefined || this.#stopping.signal.aborted) return;
    try {
      await this.#create(event);
    } catch {
      // The next time it happens it is told again.
      this.#recordedAt.delete(key);
      this.#counts.lost += 1;
    }
  }

  async #create(event: RecordedEvent): Promise<void> {
    const { api, clock, instance } = this.#options;
    await api.create(EVENTS, event.regarding.namespace, toEvent(event, instance, clock.wallMs()));
    this.#counts.told += 1;
  }
}

function toEvent(event: RecordedEvent, instance: string, wallMs: number): Readonly<Record<string, unknown>> {
  const { resource, regarding, type, reason, action, note } = event;
  const { kind, namespace, name, uid } = regarding;
  return {
    apiVersion: apiVersionOf(EVENTS),
    kind: EVENTS.kind,
    // The server makes the name unique, and cuts one that is too long.
    metadata: { namespace, generateName: `${name}-` },
    eventTime: microTime(wallMs),
    reportingController: CONTROLLER,
    reportingInstance: instance,
    regarding: { apiVersion: apiVersionOf(resource), kind, namespace, name, uid },
    type,
    reason,
    action,
    note: note.slice(0, MAX_NOTE),
  };
}
