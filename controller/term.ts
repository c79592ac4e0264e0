// One term of office: takes over what is published, compiles what the cluster holds, publishes what that changes, and says
// in status what came of it. Everything here ends with the term; the next one begins anew from cluster and Redis.

import type { ObjectReport } from "../compiler/change-log.ts";
import type { Finding, ObjectRef } from "../compiler/finding.ts";
import type { CompiledChanges } from "../compiler/incremental.ts";
import { createIncrementalCompiler, type IncrementalCompiler } from "../compiler/incremental.ts";
import type { CompiledEntry } from "../compiler/object-state.ts";
import { CLUSTER_PART, objectField, partOf, publishedEntry } from "../dataplane/contract/published.ts";
import type { ClusterFeed, FeedSubscription } from "./cluster-feed.ts";
import { inSlices } from "./in-slices.ts";
import type { KeyRotation } from "./key-rotation.ts";
import { type Clock, pause } from "./kube/clock.ts";
import type { Changes, Desired, LeadOutcome, Publisher, PublishOutcome } from "./publish/publisher.ts";
import type { Publication } from "./status/data-planes.ts";
import { boardKey, type Mark, type StatusBoard } from "./status-board.ts";

export interface TermOptions {
  readonly feed: ClusterFeed;
  readonly publisher: Publisher;
  readonly board: StatusBoard;
  readonly keys: KeyRotation;
  readonly systemNamespace: string;
  readonly clock: Clock;
  /** Of one round, from taking the changes to handing over what is to be published. */
  readonly reconciled: (seconds: number) => void;
  /** Of objects of which something else is to be said now. */
  readonly reported: (reports: readonly ObjectReport[]) => void;
}

export interface Term {
  /** Resolves when the term is over: the signal is aborted, or another leader has taken over. */
  run(transitions: number, signal: AbortSignal): Promise<void>;
  /** Compiles under the keys now in use. */
  turnKeys(): void;
  /** See the compiler's `judge`; undefined before the first state is compiled. */
  judge(manifest: unknown): readonly Finding[] | undefined;
}

interface Publishing {
  readonly mark: Mark;
  /** Of what is published; asked for afterwards. */
  readonly keys: () => readonly string[];
  readonly send: () => Promise<PublishOutcome>;
}

const NOTHING_COMPILED: Mark = 0;

/** A Secret that was named just now is waited for this long; what is still unknown then is as if it were not there. */
const SECRETS_WAIT_MS = 5_000;

/** What depends on the time of day is looked at this often. */
const LOOK_AT_TIME_MS = 60_000;

export function createTerm(options: TermOptions): Term {
  return new RunningTerm(options);
}

class RunningTerm implements Term {
  readonly #options: TermOptions;
  #wake: () => void = () => {};
  #isDue = false;
  #keysTurned = false;
  #isTimeUp = false;
  #stopTimer: () => void = () => {};
  #isOver = false;
  #compiler: IncrementalCompiler | undefined;

  constructor(options: TermOptions) {
    this.#options = options;
  }

  turnKeys(): void {
    this.#keysTurned = true;
    this.#due();
  }

  judge(manifest: unknown): readonly Finding[] | undefined {
    return this.#compiler?.judge(manifest);
  }

  async run(transitions: number, signal: AbortSignal): Promise<void> {
    const { feed, publisher } = this.#options;
    const over = (): void => {
      publisher.resign();
      this.#end();
    };
    signal.addEventListener("abort", over);
    if (signal.aborted) over();
    const subscription = feed.subscribe(() => {
      this.#due();
    });
    try {
      const lead = await publisher.lead(transitions);
      if (lead.kind === "over") return;
      await this.#follow(lead, subscription);
    } finally {
      signal.removeEventListener("abort", over);
      subscription.close();
      publisher.resign();
    }
  }

  async #follow(lead: Extract<LeadOutcome, { kind: "leading" }>, subscription: FeedSubscription): Promise<void> {
    const { systemNamespace, keys, clock } = this.#options;
    await this.#firstState();
    if (this.#ended()) return;
    const ringFor = keys.ringFor();
    this.#keysTurned = false;
    const lastGood = (ref: ObjectRef): CompiledEntry | undefined => {
      const field = objectField(ref);
      const text = placesOf(ref).map((part) => lead.published.get(part)?.get(field));
      return readPublished(text.find((one) => one !== undefined));
    };
    const compiler = createIncrementalCompiler({ ringFor, systemNamespace, lastGood, nowMs: () => clock.wallMs() });
    const ends = (how: PublishOutcome): void => {
      if (how.kind === "over") this.#end();
    };
    const mark = await this.#firstPass(compiler, subscription);
    if (this.#ended()) return;
    this.#compiler = compiler;
    const { publisher } = this.#options;
    void this.#publish({
      mark,
      keys: () => Array.from(compiler.entries(), ({ object }) => boardKey(object)),
      send: () => publisher.publishAll(desiredOf(compiler)),
    }).then(ends);
    const take = (changes: CompiledChanges, upTo: Mark): void => {
      if (changes.namespaces.size === 0) return;
      const send = (): Promise<PublishOutcome> => publisher.publish(publisherChanges(changes));
      void this.#publish({ mark: upTo, keys: () => setKeysOf(changes), send }).then(ends);
    };
    this.#watchTime();
    for (;;) {
      await this.#nextChange();
      if (this.#ended()) return;
      await this.#secretsKnown();
      if (this.#ended()) return;
      await this.#rounds(compiler, subscription, take);
    }
  }

  /** Everything is compiled before anything is said or published: half of it would be wrong. */
  async #firstPass(compiler: IncrementalCompiler, subscription: FeedSubscription): Promise<Mark> {
    const { clock, board, reconciled } = this.#options;
    const startedMs = clock.monotonicMs();
    const isOver = (): boolean => this.#ended();
    await inSlices(subscription.take(), (slice) => compiler.apply(slice), isOver);
    let mark = NOTHING_COMPILED;
    await inSlices(
      compiler.standing(),
      (slice) => {
        if (this.#ended()) return;
        const changes = standingChanges(slice);
        mark = board.compiled(changes);
        this.#told(changes);
      },
      isOver,
    );
    reconciled((clock.monotonicMs() - startedMs) / 1000);
    return mark;
  }

  async #rounds(
    compiler: IncrementalCompiler,
    subscription: FeedSubscription,
    take: (changes: CompiledChanges, mark: Mark) => void,
  ): Promise<void> {
    const round = (compile: () => CompiledChanges): void => {
      const { changes, mark } = this.#round(compile);
      take(changes, mark);
    };
    if (this.#keysTurned) {
      this.#keysTurned = false;
      round(() => compiler.setRing(this.#options.keys.ringFor()));
    }
    if (this.#isTimeUp) {
      this.#isTimeUp = false;
      round(() => compiler.timePassed());
    }
    await inSlices(
      subscription.takeKnown(),
      (slice) => {
        if (!this.#ended()) round(() => compiler.apply(slice));
      },
      () => this.#ended(),
    );
  }

  #round(compile: () => CompiledChanges): { readonly changes: CompiledChanges; readonly mark: Mark } {
    const { clock, board, reconciled } = this.#options;
    const startedMs = clock.monotonicMs();
    const changes = compile();
    const mark = board.compiled(changes);
    this.#told(changes);
    reconciled((clock.monotonicMs() - startedMs) / 1000);
    return { changes, mark };
  }

  #told({ reports }: CompiledChanges): void {
    const { feed, reported } = this.#options;
    for (const { ref, generation, inForceGeneration } of reports) {
      if (inForceGeneration === generation) feed.confirm(ref.kind, ref);
    }
    reported(reports);
  }

  async #publish({ mark, keys, send }: Publishing): Promise<PublishOutcome> {
    const { board, publisher } = this.#options;
    const outcome = await send();
    if (outcome.kind === "over") return outcome;
    await inSlices(
      keys(),
      (slice) => {
        board.published(mark, slice, (report) => positionOf(publisher, report));
      },
      () => this.#ended(),
    );
    return outcome;
  }

  /** Publishing half of the cluster would take the other half away. */
  async #firstState(): Promise<void> {
    while (!this.#ended() && this.#options.feed.missing().length > 0) await this.#nextChange();
  }

  async #secretsKnown(): Promise<void> {
    const { feed, clock } = this.#options;
    const untilMs = clock.monotonicMs() + SECRETS_WAIT_MS;
    while (!this.#ended() && feed.missing().length > 0) {
      const leftMs = untilMs - clock.monotonicMs();
      if (leftMs <= 0) return;
      const waited = new AbortController();
      await Promise.race([this.#changed(), pause(clock, leftMs, waited.signal)]);
      waited.abort();
      this.#isDue = false;
    }
  }

  /** Of some objects something else is to be said when time has passed. */
  #watchTime(): void {
    this.#stopTimer = this.#options.clock.after(LOOK_AT_TIME_MS, () => {
      this.#isTimeUp = true;
      this.#due();
      this.#watchTime();
    });
  }

  /** A call, because it changes while one waits. */
  #ended(): boolean {
    return this.#isOver;
  }

  #end(): void {
    this.#isOver = true;
    this.#stopTimer();
    this.#due();
  }

  #due(): void {
    this.#isDue = true;
    const wake = this.#wake;
    this.#wake = () => {};
    wake();
  }

  /** Changes that come close together are one round. */
  async #nextChange(): Promise<void> {
    await this.#changed();
    this.#isDue = false;
  }

  /** Takes no note that it was waited for: of two that wait, one may have given up. */
  async #changed(): Promise<void> {
    while (!this.#isDue) {
      await new Promise<void>((resolve) => {
        const before = this.#wake;
        this.#wake = () => {
          before();
          resolve();
        };
      });
    }
  }
}

/** Undefined when it does not fit the contract: then it is no last good version. */
function readPublished(text: string | undefined): CompiledEntry | undefined {
  if (text === undefined) return undefined;
  const entry: unknown = JSON.parse(text);
  const read = publishedEntry.safeParse(entry);
  return read.success ? read.data : undefined;
}

/** Parts of the configuration in which an object may lie. */
function placesOf({ kind, namespace }: ObjectRef): readonly string[] {
  return kind === "AIRateLimitPolicy" ? [namespace, CLUSTER_PART] : [namespace];
}

export function positionOf(publisher: Publisher, { ref }: ObjectReport): Publication | undefined {
  const field = objectField(ref);
  for (const part of placesOf(ref)) {
    const generation = publisher.positionOf(part)?.generation;
    const revision = publisher.revisionOf(part, field);
    if (generation !== undefined && revision !== undefined) return { generation, revision };
  }
  return undefined;
}

function desiredOf(compiler: IncrementalCompiler): Desired {
  const desired = new Map<string, Map<string, CompiledEntry>>();
  for (const entry of compiler.entries()) {
    const part = partOf(entry.object);
    const objects = desired.get(part) ?? new Map<string, CompiledEntry>();
    desired.set(part, objects.set(objectField(entry.object), entry));
  }
  return desired;
}

function publisherChanges({ namespaces }: CompiledChanges): Changes {
  const changes = new Map<string, Map<string, CompiledEntry | undefined>>();
  for (const [namespace, { set, removed }] of namespaces) {
    const fields = new Map<string, CompiledEntry | undefined>();
    for (const ref of removed) fields.set(objectField(ref), undefined);
    for (const entry of set) fields.set(objectField(entry.object), entry);
    changes.set(namespace, fields);
  }
  return changes;
}

/** As if all of it had just been compiled. */
function standingChanges(
  standing: readonly { readonly report: ObjectReport; readonly entry: CompiledEntry | undefined }[],
): CompiledChanges {
  const namespaces = new Map<string, { set: CompiledEntry[]; removed: ObjectRef[] }>();
  for (const { entry } of standing) {
    if (entry === undefined) continue;
    const part = partOf(entry.object);
    const changes = namespaces.get(part) ?? { set: [], removed: [] };
    namespaces.set(part, changes);
    changes.set.push(entry);
  }
  const reports = standing.map(({ report }) => report);
  return { namespaces, reports, gone: [], secrets: { added: [], removed: [] }, unnamed: [] };
}

function setKeysOf({ namespaces }: CompiledChanges): readonly string[] {
  return [...namespaces.values()].flatMap(({ set }) => set.map(({ object }) => boardKey(object)));
}
