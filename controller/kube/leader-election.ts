// One leader among several controllers, by a Lease. An elector judges whether the holder is gone by how long the record has
// stood still before its own eyes, never by the times in it, so clocks may differ. It stops leading before anybody else can
// begin: its own deadline runs from the start of the last request that renewed the lease and is shorter than the duration
// that the others wait out from the moment they saw the result.

import { type Clock, pause } from "./clock.ts";
import type { KubeApi } from "./kube-api.ts";
import { KubeError, REASONS, toKubeError } from "./kube-error.ts";
import { isSameRecord, type LeaseRecord, microTime, readLease, toLease } from "./lease-record.ts";
import { LEASES, type ObjectName } from "./resource.ts";

export interface LeaderElectionSettings {
  /** Whole seconds. How long the others wait for a holder that is silent. */
  readonly leaseMs: number;
  /** Below leaseMs: how long a leader leads after its last renewal began. */
  readonly renewDeadlineMs: number;
  /** Between two tries, renewals included; up to a fifth more by chance while another holds the lease. */
  readonly retryMs: number;
}

export const LEADER_ELECTION_DEFAULTS: LeaderElectionSettings = {
  leaseMs: 15_000,
  renewDeadlineMs: 10_000,
  retryMs: 2_000,
};

/** One term of office. */
export interface Leadership {
  /** Of the lease when this term began; above that of every earlier term, unless somebody deleted the Lease. */
  readonly transitions: number;
  /** Aborted when the term is over, for whatever reason. */
  readonly signal: AbortSignal;
  /** By the clock, also where a blocked event loop has kept the signal back. */
  isHeld(): boolean;
}

export interface LeaderElectionOptions {
  readonly api: Pick<KubeApi, "get" | "create" | "replace">;
  readonly lease: ObjectName;
  /** Different in each process: the Pod's name and something random. */
  readonly identity: string;
  readonly clock: Clock;
  readonly random: () => number;
  /**
   * Called when a term begins. After the signal is aborted, the next term begins, and the lease is released, only once the
   * promise has settled. When it settles before, the term ends and a new one begins; a rejection is reported.
   */
  readonly lead: (leadership: Leadership) => Promise<void>;
  readonly report?: (report: ElectionReport) => void;
  readonly settings?: Partial<LeaderElectionSettings>;
}

export type ElectionReport =
  | { readonly kind: "leading"; readonly transitions: number }
  | { readonly kind: "stopped-leading" }
  /** Another holds the lease. */
  | { readonly kind: "following"; readonly holder: string }
  | { readonly kind: "failed"; readonly error: KubeError }
  | { readonly kind: "lead-failed"; readonly error: unknown };

export interface LeaderElection {
  start(): void;
  /** Ends the term, waits for `lead`, and releases the lease so that another need not wait. Never rejects. */
  stop(): Promise<void>;
  isLeader(): boolean;
}

/** Another has written in between, or the Lease is gone. */
function isStale(thrown: unknown): boolean {
  return thrown instanceof KubeError && (thrown.status === 409 || thrown.status === 404);
}

/** What was last seen, and since when it has not changed. */
interface Observed {
  readonly record: LeaseRecord;
  readonly resourceVersion: string;
  readonly sinceMs: number;
}

interface Term extends Leadership {
  end(): void;
  /** Extends the term to a deadline counted from the start of a request that renewed the lease. */
  renewed(requestStartMs: number): void;
  readonly finished: Promise<void>;
}

/** Throws RangeError when the times do not keep two leaders apart. */
export function createLeaderElection(options: LeaderElectionOptions): LeaderElection {
  const settings = { ...LEADER_ELECTION_DEFAULTS, ...options.settings };
  const { leaseMs, renewDeadlineMs, retryMs } = settings;
  if (leaseMs % 1000 !== 0 || renewDeadlineMs >= leaseMs || retryMs >= renewDeadlineMs || retryMs <= 0) {
    throw new RangeError("wanted retry < renew deadline < lease duration, the last in whole seconds");
  }
  const elector = new Elector(options, settings);
  let running: Promise<void> | undefined;
  return {
    start() {
      running ??= elector.run();
    },
    async stop() {
      elector.stopping.abort();
      await running;
      await elector.release();
    },
    isLeader: () => elector.isLeader(),
  };
}

class Elector {
  readonly stopping = new AbortController();
  readonly #options: LeaderElectionOptions;
  readonly #settings: LeaderElectionSettings;
  #observed: Observed | undefined;
  #term: Term | undefined;
  #following = "";

  constructor(options: LeaderElectionOptions, settings: LeaderElectionSettings) {
    this.#options = options;
    this.#settings = settings;
  }

  isLeader(): boolean {
    return this.#term?.isHeld() === true;
  }

  async run(): Promise<void> {
    const { clock, random, report } = this.#options;
    while (!this.stopping.signal.aborted) {
      try {
        await this.#endedTerm();
        await this.#try();
      } catch (thrown) {
        const error = toKubeError(thrown, "lease");
        // A conflict is another elector that was first: the next look says who.
        if (error.status !== 409) report?.({ kind: "failed", error });
      }
      const jitter = this.isLeader() ? 1 : 1 + random() * 0.2;
      await pause(clock, this.#settings.retryMs * jitter, this.stopping.signal);
    }
    this.#term?.end();
    await this.#endedTerm();
  }

  /** After run(). Only what is still ours is given back; failing to do so costs the others a lease duration, no more. */
  async release(): Promise<void> {
    const { api, lease, identity, clock, report } = this.#options;
    const observed = this.#observed;
    if (observed?.record.holder !== identity) return;
    const nowText = microTime(clock.wallMs());
    const record = { ...observed.record, holder: "", durationSeconds: 1, acquireTime: nowText, renewTime: nowText };
    try {
      await this.#timed(api.replace(LEASES, lease, toLease(lease, record, observed.resourceVersion)));
    } catch (thrown) {
      report?.({ kind: "failed", error: toKubeError(thrown, "release of the lease") });
    }
  }

  /** Clears a term that is over, when its work has come to an end. */
  async #endedTerm(): Promise<void> {
    const term = this.#term;
    if (term === undefined || term.isHeld()) return;
    term.end();
    await term.finished;
    this.#term = undefined;
    this.#options.report?.({ kind: "stopped-leading" });
  }

  async #try(): Promise<void> {
    if (this.#observed === undefined || !this.isLeader()) await this.#look();
    if (this.#observed === undefined) await this.#take(undefined);
    else if (this.#isOurs(this.#observed)) await this.#renew(this.#observed);
    else if (this.#isFree(this.#observed)) await this.#take(this.#observed);
    else this.#follow(this.#observed.record.holder);
  }

  /** Ours is a record with our name that belongs to the present term; one of an earlier term is taken over like any other. */
  #isOurs({ record }: Observed): boolean {
    const term = this.#term;
    return (
      record.holder === this.#options.identity && term?.isHeld() === true && record.transitions === term.transitions
    );
  }

  #isFree({ record, sinceMs }: Observed): boolean {
    if (record.holder === "" || record.holder === this.#options.identity) return true;
    const durationMs = record.durationSeconds > 0 ? record.durationSeconds * 1000 : this.#settings.leaseMs;
    return this.#options.clock.monotonicMs() - sinceMs >= durationMs;
  }

  async #look(): Promise<void> {
    const { api, lease, clock } = this.#options;
    const found = await this.#timed(api.get(LEASES, lease));
    if (found === undefined) {
      this.#observed = undefined;
      return;
    }
    const record = readLease(found);
    const before = this.#observed;
    const unchanged = before !== undefined && isSameRecord(before.record, record);
    const sinceMs = unchanged ? before.sinceMs : clock.monotonicMs();
    this.#observed = { record, resourceVersion: found.metadata.resourceVersion, sinceMs };
  }

  async #renew(observed: Observed): Promise<void> {
    const { clock } = this.#options;
    const startMs = clock.monotonicMs();
    const record = { ...observed.record, renewTime: microTime(clock.wallMs()) };
    try {
      await this.#write(record, observed.resourceVersion);
      this.#term?.renewed(startMs);
    } catch (thrown) {
      if (!isStale(thrown)) throw thrown;
      await this.#renewUnseen(record);
    }
  }

  /** The lease is not as it was left: our own renewal whose answer was lost, somebody's edit, a deletion, or another holder. */
  async #renewUnseen(record: LeaseRecord): Promise<void> {
    const startMs = this.#options.clock.monotonicMs();
    await this.#look();
    const found = this.#observed;
    if (found !== undefined && !this.#isOurs(found)) {
      this.#term?.end();
      return;
    }
    await this.#write(record, found?.resourceVersion);
    this.#term?.renewed(startMs);
  }

  #follow(holder: string): void {
    if (holder === this.#following) return;
    this.#following = holder;
    this.#options.report?.({ kind: "following", holder });
  }

  /** So that a request that hangs leaves time for another within the renew deadline. One given up may still take effect. */
  async #timed<T>(request: Promise<T>): Promise<T> {
    const { clock } = this.#options;
    let cancel = (): void => {};
    const late = new Promise<never>((_resolve, reject) => {
      const error = new KubeError({ status: 0, reason: REASONS.timeout, call: "lease" });
      cancel = clock.after(this.#settings.renewDeadlineMs / 2, () => reject(error));
    });
    return Promise.race([request, late]).finally(() => cancel());
  }

  async #take(observed: Observed | undefined): Promise<void> {
    const { clock, identity, report } = this.#options;
    const startMs = clock.monotonicMs();
    const nowText = microTime(clock.wallMs());
    const record = {
      holder: identity,
      durationSeconds: this.#settings.leaseMs / 1000,
      transitions: observed === undefined ? 0 : observed.record.transitions + 1,
      acquireTime: nowText,
      renewTime: nowText,
    };
    await this.#write(record, observed?.resourceVersion);
    if (this.stopping.signal.aborted) return;
    this.#following = "";
    report?.({ kind: "leading", transitions: record.transitions });
    this.#term = this.#begin(record.transitions, startMs);
  }

  async #write(record: LeaseRecord, resourceVersion: string | undefined): Promise<void> {
    const { api, lease, clock } = this.#options;
    const body = toLease(lease, record, resourceVersion);
    const written = await this.#timed(
      resourceVersion === undefined ? api.create(LEASES, lease.namespace, body) : api.replace(LEASES, lease, body),
    );
    this.#observed = { record, resourceVersion: written.metadata.resourceVersion, sinceMs: clock.monotonicMs() };
  }

  #begin(transitions: number, startMs: number): Term {
    const { clock, lead, report } = this.#options;
    const over = new AbortController();
    let cancel = (): void => {};
    let deadlineMs = 0;
    const end = (): void => {
      cancel();
      over.abort();
    };
    const isHeld = (): boolean => !over.signal.aborted && clock.monotonicMs() < deadlineMs;
    const extend = (requestStartMs: number): void => {
      cancel();
      deadlineMs = requestStartMs + this.#settings.renewDeadlineMs;
      cancel = clock.after(Math.max(0, deadlineMs - clock.monotonicMs()), end);
    };
    extend(startMs);
    // A term that was over for a moment stays over, whatever a late answer says.
    const renewed = (requestStartMs: number): void => (isHeld() ? extend(requestStartMs) : end());
    const finished = Promise.resolve()
      .then(() => lead({ transitions, signal: over.signal, isHeld }))
      .catch((error: unknown) => report?.({ kind: "lead-failed", error }))
      // Whoever stops leading by itself is not to keep the others waiting.
      .finally(end);
    return { transitions, signal: over.signal, isHeld, end, renewed, finished };
  }
}
