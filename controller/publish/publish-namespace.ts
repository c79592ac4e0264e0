// The protocol of one namespace: changes one script call after another, or all of it as a new generation that becomes
// visible at once. Called by the writer, for one namespace at a time.

import { setImmediate } from "node:timers/promises";
import { chunksOf } from "./chunks.ts";
import type { ConfigStore, Head, Position } from "./config-store.ts";
import {
  type NamespaceState,
  type Sending,
  setEntry,
  startRound,
  takeSending,
  wholeContent,
} from "./namespace-state.ts";

/** "fenced": another leader has written. "behind": Redis holds something else than was published; a new generation is due. */
export type Outcome = "done" | "fenced" | "behind";

/** What a leader publishes with, as long as it leads. */
export interface Leadership {
  readonly epoch: number;
  readonly store: ConfigStore;
  /** 16 hex digits, never the same twice. */
  newGeneration(): string;
  nowMs(): number;
  /** True once it leads no more: nothing is written then. */
  isOver(): boolean;
  readonly observe: PublishObserver;
}

export interface PublishObserver {
  /** A namespace's changes, or all of it, are in Redis. `ms` from the first call to the last answer. */
  published(event: PublishedEvent): void;
  /** A write came to nothing, or only in part; it is tried again unless it is fenced. `ms` from its first call. */
  unpublished(result: Unpublished, ms: number): void;
}

/** failed: Redis refused, was away or silent. The others are as an Outcome says. */
export type Unpublished = Exclude<Outcome, "done"> | "failed";

export interface PublishedEvent {
  readonly namespace: string;
  readonly kind: "changes" | "whole";
  /** Objects written or removed. */
  readonly objects: number;
  readonly ms: number;
}

/** Publishes the changes that wait. Rejects when Redis fails; then the same call is to be made again. */
export async function publishNamespace(leadership: Leadership, state: NamespaceState): Promise<Outcome> {
  startRound(state);
  if (isWholeDue(state)) return await publishWhole(leadership, state);
  return state.generation === "" ? "done" : await publishChanges(leadership, state);
}

function isWholeDue(state: NamespaceState): boolean {
  if (state.isBehind) return true;
  if (state.generation !== "") return false;
  // Of what is not there, nothing is removed.
  return [...(state.round?.changes.values() ?? [])].some((object) => object !== undefined);
}

async function publishChanges(leadership: Leadership, state: NamespaceState): Promise<Outcome> {
  const startMs = leadership.nowMs();
  let objects = 0;
  for (;;) {
    state.sending ??= takeSending(state);
    const { sending } = state;
    if (sending === undefined) break;
    if (sending.changes.length > 0) {
      const outcome = await send(leadership, state, sending);
      if (outcome !== "done") return outcome;
      objects += sending.changes.length;
      apply(leadership, state, sending);
    } else await setImmediate();
    state.sending = undefined;
  }
  if (objects > 0) observe(leadership, { namespace: state.namespace, kind: "changes", objects, startMs });
  return "done";
}

async function send(leadership: Leadership, state: NamespaceState, sending: Sending): Promise<Outcome> {
  if (leadership.isOver()) return "fenced";
  const wasSent = sending.wasSent;
  sending.wasSent = true;
  const { kind, head } = await leadership.store.publish(leadership.epoch, positionOf(state), sending.changes);
  // The same call may have been carried out earlier, with its answer lost: nobody else writes under this epoch.
  if (kind === "behind" && wasSent && isAt(head, leadership, { ...state, revision: sending.revision })) return "done";
  return kind;
}

function isAt(head: Head, { epoch }: Leadership, { generation, revision }: Position): boolean {
  return head.epoch === String(epoch) && head.generation === generation && head.revision === String(revision);
}

function apply(leadership: Leadership, state: NamespaceState, { revision, changes }: Sending): void {
  for (const { field, entry } of changes) setEntry(state.entries, field, entry);
  state.revision = revision;
  noteSize(leadership, state);
}

function noteSize(leadership: Leadership, state: NamespaceState): void {
  state.emptySinceMs = state.entries.size > 0 ? undefined : (state.emptySinceMs ?? leadership.nowMs());
}

/**
 * Writes everything to a new generation, invisible until the last step. One that is broken off is begun again: the head
 * names what was left, and the next one clears it.
 */
async function publishWhole(leadership: Leadership, state: NamespaceState): Promise<Outcome> {
  const { epoch, store } = leadership;
  const { namespace } = state;
  const startMs = leadership.nowMs();
  state.isBehind = true;
  const held = await store.changeIndex(epoch, new Map());
  if (held.kind === "fenced" || leadership.isOver()) return "fenced";
  const { kind, head } = await store.claimHead(epoch, namespace);
  if (kind !== "done") return kind;
  const known = Math.max(state.revision, state.sending?.revision ?? 0, revisionOfHead(head));
  const begun = { namespace, generation: leadership.newGeneration(), revision: known + 1 };
  const content = await wholeContent(state, begun.revision);
  const written = await writeWhole(leadership, { begun, head, content });
  if (written !== "done") return written;
  state.entries = content;
  state.generation = begun.generation;
  state.revision = begun.revision;
  state.sending = undefined;
  state.round?.changes.clear();
  state.isBehind = false;
  state.isListed = false;
  noteSize(leadership, state);
  observe(leadership, { namespace, kind: "whole", objects: content.size, startMs });
  return "done";
}

interface Whole {
  readonly begun: Position;
  /** As found. */
  readonly head: Head;
  readonly content: ReadonlyMap<string, string>;
}

async function writeWhole(leadership: Leadership, { begun, head, content }: Whole): Promise<Outcome> {
  const { epoch, store } = leadership;
  const { kind } = await store.begin(epoch, begun, head);
  if (kind !== "done") return kind;
  for (const chunk of chunksOf(content)) {
    if (leadership.isOver()) return "fenced";
    const filled = await store.fill(epoch, begun, chunk);
    if (filled.kind !== "done") return filled.kind;
  }
  if (leadership.isOver()) return "fenced";
  return (await store.flip(epoch, { to: begun, from: head, size: content.size })).kind;
}

/** 0 when it has none. */
export function revisionOfHead({ revision }: Head): number {
  return /^\d{1,15}$/.test(revision) ? Number(revision) : 0;
}

export function positionOf({ namespace, generation, revision }: NamespaceState): Position {
  return { namespace, generation, revision };
}

interface Observed {
  readonly namespace: string;
  readonly kind: "changes" | "whole";
  readonly objects: number;
  readonly startMs: number;
}

function observe(leadership: Leadership, { startMs, ...event }: Observed): void {
  leadership.observe.published({ ...event, ms: leadership.nowMs() - startMs });
}
