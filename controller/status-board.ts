// What is to be said of every object while this process leads: brings together what the compiler reports, what is
// published and what data planes acknowledge, and hands the status that follows to its writer.

import type { ObjectReport } from "../compiler/change-log.ts";
import type { CompiledChanges } from "../compiler/incremental.ts";
import type { CompiledObject } from "../dataplane/contract/compiled.ts";
import { partOf } from "../dataplane/contract/published.ts";
import { createSharedValues } from "./shared-values.ts";
import type { DataPlane, Publication } from "./status/data-planes.ts";
import { shadowOf } from "./status/enforced.ts";
import type { ObjectState, ObjectStatus, Shadow } from "./status/object-state.ts";
import { desiredStatus } from "./status/object-status.ts";
import { type LastWrite, writeDueMs } from "./status/status-change.ts";

export interface StatusBoardOptions {
  readonly nowMs: () => number;
  readonly write: (report: ObjectReport, status: ObjectStatus) => void;
  readonly forget: (report: ObjectReport) => void;
}

/** Names a state of the board: what was compiled up to here. */
export type Mark = number;

export interface StatusBoard {
  /** Takes over what a round of compiling has changed. What it published counts when `published` is called with the mark. */
  compiled(changes: CompiledChanges): Mark;
  /** What was compiled up to the mark is in the store; `positionOf` tells where an object stands. */
  published(mark: Mark, keys: Iterable<string>, positionOf: (report: ObjectReport) => Publication | undefined): void;
  /** Undefined: the store answers. */
  storeAway(sinceMs: number | undefined): void;
  /** What is present now; statuses whose counts alone changed are written as often as they may be. */
  dataPlanes(present: readonly DataPlane[], positionOf: (report: ObjectReport) => Publication | undefined): void;
  /** Some policy waits for data planes to take it over. */
  awaitsDataPlanes(): boolean;
  all(): Iterable<{ readonly report: ObjectReport; readonly status: ObjectStatus }>;
}

/**
 * How long a status waits for what it depends on: that what was compiled is published, and who the data planes are. Both
 * take milliseconds. Said at once, "not published yet" would double the writes of status, and each new leader would say of
 * everything that it is not in force, and take it back.
 */
const QUIET_MS = 10_000;
/** Of those that wait for longer, so many are told in one go. */
const OVERDUE_AT_ONCE = 1_000;
const STATUSES_SHARED = 5_000;

interface Row {
  report: ObjectReport;
  /** Of the round that compiled it last. */
  mark: Mark;
  /** Since when what was compiled waits to be published. */
  waitsSinceMs: number;
  /** That it waits has been said. */
  isOverdue: boolean;
  publication: Publication | undefined;
  /** Of the configuration, in which it lies: its namespace, or CLUSTER_PART. */
  part: string;
  /** Policies only. */
  shadow: Shadow | undefined;
  last: LastWrite | undefined;
}

export function createStatusBoard(options: StatusBoardOptions): StatusBoard {
  return new Board(options);
}

class Board implements StatusBoard {
  readonly #options: StatusBoardOptions;
  readonly #rows = new Map<string, Row>();
  readonly #policies = new Set<Row>();
  /** In force and not in the store yet. */
  readonly #unpublished = new Set<Row>();
  readonly #statuses = createSharedValues<ObjectStatus>(STATUSES_SHARED);
  #mark: Mark = 0;
  #storeAwaySinceMs: number | undefined;
  /** Undefined until the store has told. */
  #present: readonly DataPlane[] | undefined;
  readonly #startedMs: number;

  constructor(options: StatusBoardOptions) {
    this.#options = options;
    this.#startedMs = options.nowMs();
  }

  compiled({ reports, gone, namespaces }: CompiledChanges): Mark {
    this.#mark += 1;
    const touched = new Set<Row>();
    for (const report of reports) touched.add(this.#put(report));
    const changes = [...namespaces.values()];
    // First, because what moves from one part of the configuration to another is removed and set.
    for (const row of this.#rowsOf(changes.flatMap(({ removed }) => removed))) touched.add(this.#withdraw(row));
    for (const { object } of changes.flatMap(({ set }) => set)) {
      for (const row of this.#rowsOf([object])) touched.add(this.#awaitPublication(row, object));
    }
    for (const ref of gone) this.#delete(boardKey(ref), touched);
    for (const row of touched) if (!this.#isQuiet(row)) this.#show(row);
    return this.#mark;
  }

  published(mark: Mark, keys: Iterable<string>, positionOf: (report: ObjectReport) => Publication | undefined): void {
    for (const key of keys) {
      const row = this.#rows.get(key);
      // Compiled again since: that is still on its way.
      if (row === undefined || row.mark > mark || !this.#unpublished.has(row)) continue;
      row.publication = positionOf(row.report);
      if (row.publication === undefined) continue;
      this.#unpublished.delete(row);
      if (!this.#isQuiet(row)) this.#show(row);
    }
  }

  storeAway(sinceMs: number | undefined): void {
    if (this.#storeAwaySinceMs === sinceMs) return;
    this.#storeAwaySinceMs = sinceMs;
    for (const row of this.#unpublished) this.#show(row);
    if (this.#present === undefined) for (const row of this.#policies) if (!this.#isQuiet(row)) this.#show(row);
  }

  dataPlanes(present: readonly DataPlane[], positionOf: (report: ObjectReport) => Publication | undefined): void {
    this.#present = present;
    for (const row of this.#policies) {
      // A store that lost its content was published to anew, under another generation.
      if (!this.#unpublished.has(row)) row.publication = positionOf(row.report) ?? row.publication;
      if (!this.#isQuiet(row)) this.#show(row);
    }
    this.#tellOverdue();
  }

  awaitsDataPlanes(): boolean {
    if (this.#present === undefined) return this.#policies.size > 0;
    for (const { last } of this.#policies) {
      const enforced = last?.status.conditions.find(({ type }) => type === "Enforced");
      if (enforced?.reason === "Pending") return true;
    }
    return false;
  }

  *all(): Iterable<{ readonly report: ObjectReport; readonly status: ObjectStatus }> {
    for (const { report, last } of this.#rows.values()) if (last !== undefined) yield { report, status: last.status };
  }

  #rowsOf(refs: readonly Parameters<typeof boardKey>[0][]): Row[] {
    return refs.flatMap((ref) => this.#rows.get(boardKey(ref)) ?? []);
  }

  #put(report: ObjectReport): Row {
    const key = boardKey(report.ref);
    const row = this.#rows.get(key);
    if (row !== undefined) {
      // Another object of the same name begins anew.
      if (row.report.uid !== report.uid) row.last = undefined;
      row.report = report;
      return row;
    }
    const waiting = { mark: 0, waitsSinceMs: 0, isOverdue: false };
    const { namespace } = report.ref;
    const added = { report, ...waiting, publication: undefined, part: namespace, shadow: undefined, last: undefined };
    this.#rows.set(key, added);
    if (report.ref.kind === "AIRateLimitPolicy") this.#policies.add(added);
    return added;
  }

  #awaitPublication(row: Row, object: CompiledObject): Row {
    row.mark = this.#mark;
    row.waitsSinceMs = this.#options.nowMs();
    row.isOverdue = false;
    row.publication = undefined;
    row.part = partOf(object);
    if (object.kind === "AIRateLimitPolicy") row.shadow = shadowOf(object);
    this.#unpublished.add(row);
    return row;
  }

  #withdraw(row: Row): Row {
    row.publication = undefined;
    this.#unpublished.delete(row);
    return row;
  }

  #delete(key: string, touched: Set<Row>): void {
    const row = this.#rows.get(key);
    if (row === undefined) return;
    this.#rows.delete(key);
    this.#policies.delete(row);
    this.#unpublished.delete(row);
    touched.delete(row);
    this.#options.forget(row.report);
  }

  #tellOverdue(): void {
    let told = 0;
    for (const row of this.#unpublished) {
      if (row.isOverdue || this.#isQuiet(row)) continue;
      row.isOverdue = true;
      this.#show(row);
      told += 1;
      if (told === OVERDUE_AT_ONCE) return;
    }
  }

  #isQuiet(row: Row): boolean {
    if (this.#storeAwaySinceMs !== undefined) return false;
    const nowMs = this.#options.nowMs();
    if (this.#unpublished.has(row)) return nowMs - row.waitsSinceMs < QUIET_MS;
    return this.#policies.has(row) && this.#present === undefined && nowMs - this.#startedMs < QUIET_MS;
  }

  #show(row: Row): void {
    const nowMs = this.#options.nowMs();
    const status = this.#statuses.share(desiredStatus(this.#stateOf(row)));
    const dueMs = writeDueMs(status, row.last, nowMs);
    if (dueMs === undefined || dueMs > nowMs) return;
    row.last = { status, atMs: nowMs };
    this.#options.write(row.report, status);
  }

  #stateOf({ report, publication, part, shadow }: Row): ObjectState {
    const { ref, generation, findings, inForceGeneration } = report;
    const isPolicy = ref.kind === "AIRateLimitPolicy";
    return {
      part,
      generation,
      findings,
      inForce: inForceGeneration === undefined ? undefined : { generation: inForceGeneration, published: publication },
      storeAwaySinceMs: this.#storeAwaySinceMs,
      enforcement: isPolicy ? { dataPlanes: this.#present ?? [], shadow: shadow ?? NO_SHADOW } : undefined,
    };
  }
}

const NO_SHADOW: Shadow = { limits: [], isWhole: false };

/** Example "Consumer/ai/user1". */
export function boardKey(ref: { readonly kind: string; readonly namespace: string; readonly name: string }): string {
  return `${ref.kind}/${ref.namespace}/${ref.name}`;
}
