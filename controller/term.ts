// One term of office: takes over what is published, compiles what the cluster holds, publishes what that changes, and says
// in status what came of it. Everything here ends with the term; the next one begins anew from cluster and Redis.

import type { ObjectReport } from "../compiler/change-log.ts";
import type { Finding, ObjectRef } from "../compiler/finding.ts";
import type { CompiledChanges } from "../compiler/incremental.ts";
import { createIncrementalCompiler, type IncrementalCompiler } from "../compiler/incremental.ts";
import type { CompiledEntry } from "../compiler/object-state.ts";
import { objectField, publishedEntry } from "../dataplane/contract/published.ts";
import type { ClusterFeed, FeedSubscription } from "./cluster-feed.ts";
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

/** A Secret that was named just now is waited for this long; what is still unknown then is as if it were not there. */
const SECRETS_WAIT_MS = 5_000;

export function createTerm(options: TermOptions): Term {
  return new RunningTerm(options);
}

class RunningTerm implements Term {
  readonly #options: TermOptions;
  #wake: () => void = () => {};
  #isDue = false;
  #keysTurned = false;
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
    const { systemNamespace, keys } = this.#options;
    await this.#firstState();
    if (this.#ended()) return;
    const ringFor = keys.ringFor();
    this.#keysTurned = false;
    const lastGood = (ref: ObjectRef): CompiledEntry | undefined =>
      readPublished(lead.published.get(ref.namespace)?.get(objectField(ref)));
    const compiler = createIncrementalCompiler({ ringFor, systemNamespace, lastGood });
    const first = this.#round(() => compiler.apply(subscription.take()));
    this.#compiler = compiler;
    const ends = (how: PublishOutcome): void => {
      if (how.kind === "over") this.#end();
    };
    void this.#publish(first.mark, keysOf(compiler), () =>
      this.#options.publisher.publishAll(desiredOf(compiler)),
    ).then(ends);
    for (;;) {
      await this.#nextChange();
      if (this.#ended()) return;
      await this.#secretsKnown();
      if (this.#ended()) return;
      const { changes, mark } = this.#round(() => this.#compile(compiler, subscription));
      if (changes.namespaces.size === 0) continue;
      void this.#publish(mark, setKeysOf(changes), () =>
        this.#options.publisher.publish(publisherChanges(changes)),
      ).then(ends);
    }
  }

  #compile(compiler: IncrementalCompiler, subscription: FeedSubscription): CompiledChanges {
    if (!this.#keysTurned) return compiler.apply(subscription.takeKnown());
    this.#keysTurned = false;
    // What else has changed comes with the next round.
    this.#due();
    return compiler.setRing(this.#options.keys.ringFor());
  }

  #round(compile: () => CompiledChanges): { readonly changes: CompiledChanges; readonly mark: Mark } {
    const { clock, board, feed, reconciled, reported } = this.#options;
    const startedMs = clock.monotonicMs();
    const changes = compile();
    const mark = board.compiled(changes);
    for (const { ref, generation, inForceGeneration } of changes.reports) {
      if (inForceGeneration === generation) feed.confirm(ref.kind, ref);
    }
    reported(changes.reports);
    reconciled((clock.monotonicMs() - startedMs) / 1000);
    return { changes, mark };
  }

  async #publish(mark: Mark, keys: readonly string[], send: () => Promise<PublishOutcome>): Promise<PublishOutcome> {
    const { board, publisher } = this.#options;
    const outcome = await send();
    if (outcome.kind === "published") board.published(mark, keys, (report) => positionOf(publisher, report));
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

  /** A call, because it changes while one waits. */
  #ended(): boolean {
    return this.#isOver;
  }

  #end(): void {
    this.#isOver = true;
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

export function positionOf(publisher: Publisher, { ref }: ObjectReport): Publication | undefined {
  const generation = publisher.positionOf(ref.namespace)?.generation;
  const revision = publisher.revisionOf(ref.namespace, objectField(ref));
  return generation === undefined || revision === undefined ? undefined : { generation, revision };
}

function desiredOf(compiler: IncrementalCompiler): Desired {
  const desired = new Map<string, Map<string, CompiledEntry>>();
  for (const entry of compiler.entries()) {
    const { namespace } = entry.object;
    const objects = desired.get(namespace) ?? new Map<string, CompiledEntry>();
    desired.set(namespace, objects.set(objectField(entry.object), entry));
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

function keysOf(compiler: IncrementalCompiler): readonly string[] {
  return Array.from(compiler.entries(), ({ object }) => boardKey(object));
}

function setKeysOf({ namespaces }: CompiledChanges): readonly string[] {
  return [...namespaces.values()].flatMap(({ set }) => set.map(({ object }) => boardKey(object)));
}
