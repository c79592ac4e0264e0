// What the publisher knows of one namespace: what is published, what is to be. Changes come in at any time; one round of
// them is published at a time, and what comes meanwhile waits, the latest of each object.

import { setImmediate } from "node:timers/promises";
import { type Change, Chunk } from "./chunks.ts";
import { entryTail, entryText, hasTail, type PublishableObject } from "./entry-text.ts";
import { Retry } from "./retry.ts";

/** By object field (see objectField in the contract); undefined = removed. */
export type NamespaceChanges = ReadonlyMap<string, PublishableObject | undefined>;

/** "over": this process leads no more; whether the changes are in Redis is not known. */
export type Settled = "published" | "over";

export type Waiter = (how: Settled) => void;

/** Changes on their way, with those who wait for them. */
interface Round {
  readonly changes: Map<string, PublishableObject | undefined>;
  readonly waiters: readonly Waiter[];
}

/** A call whose outcome is not known yet. It is repeated as it is until it is: it may have been carried out already. */
export interface Sending {
  readonly revision: number;
  readonly changes: readonly Change[];
  wasSent: boolean;
}

export interface NamespaceState {
  readonly namespace: string;
  /** Field -> entry, as last known to be in Redis. */
  entries: Map<string, string>;
  /** "" = nothing is visible in Redis. */
  generation: string;
  /** Highest known. */
  revision: number;
  /** Redis does not hold what was published: a new generation is due. */
  isBehind: boolean;
  /** The index names it. */
  isListed: boolean;
  /** Since when it has no objects; undefined while it has some. */
  emptySinceMs: number | undefined;
  pending: Map<string, PublishableObject | undefined>;
  waiters: Waiter[];
  round: Round | undefined;
  sending: Sending | undefined;
  readonly retry: Retry;
}

export function createNamespaceState(namespace: string): NamespaceState {
  return {
    namespace,
    entries: new Map(),
    generation: "",
    revision: 0,
    isBehind: false,
    isListed: false,
    emptySinceMs: undefined,
    pending: new Map(),
    waiters: [],
    round: undefined,
    sending: undefined,
    retry: new Retry(),
  };
}

/** `waiter` hears once all of `changes`, or later changes in their place, are published. */
export function addChanges(state: NamespaceState, changes: NamespaceChanges, waiter: Waiter): void {
  for (const [field, object] of changes) state.pending.set(field, object);
  state.waiters.push(waiter);
}

export function hasWork(state: NamespaceState): boolean {
  return state.isBehind || state.round !== undefined || state.waiters.length > 0;
}

/** Objects that wait for being published; one that changed twice may count twice. */
export function waitingOf({ pending, round, sending }: NamespaceState): number {
  return pending.size + (round?.changes.size ?? 0) + (sending?.changes.length ?? 0);
}

/** Of objects that are published or on their way; some more than once. */
export function* fieldsOf({ entries, sending, round, pending }: NamespaceState): Generator<string> {
  yield* entries.keys();
  for (const { field } of sending?.changes ?? []) yield field;
  yield* round?.changes.keys() ?? [];
  yield* pending.keys();
}

export function startRound(state: NamespaceState): void {
  if (state.round !== undefined || state.waiters.length === 0) return;
  state.round = { changes: state.pending, waiters: state.waiters };
  state.pending = new Map();
  state.waiters = [];
}

export function endRound(state: NamespaceState): void {
  const waiters = state.round?.waiters ?? [];
  state.round = undefined;
  for (const waiter of waiters) waiter("published");
}

/** Tells all who wait that nothing more is published. */
export function abandon(state: NamespaceState): void {
  const waiters = [...(state.round?.waiters ?? []), ...state.waiters];
  state.round = undefined;
  state.sending = undefined;
  state.pending = new Map();
  state.waiters = [];
  for (const waiter of waiters) waiter("over");
}

/** Objects that are compared in one go, between which others have their turn. */
const COMPARED_AT_ONCE = 2000;

/**
 * The next call for the round: changes that differ from `entries`, taken out of the round. Empty when those looked at do
 * not differ; undefined when the round has no more.
 */
export function takeSending(state: NamespaceState): Sending | undefined {
  const { round, revision } = state;
  if (round === undefined || round.changes.size === 0) return undefined;
  const chunk = new Chunk();
  let looked = 0;
  for (const [field, object] of round.changes) {
    const change = changeOf(state.entries, field, { object, revision: revision + 1 });
    if (change !== undefined && !chunk.add(change)) break;
    round.changes.delete(field);
    looked += 1;
    if (looked === COMPARED_AT_ONCE) break;
  }
  return { revision: revision + 1, changes: chunk.changes, wasSent: false };
}

/** What is to be published as a whole: what is published, with `sending` and the round in place of what they change. */
export async function wholeContent(state: NamespaceState, revision: number): Promise<Map<string, string>> {
  const content = new Map(state.entries);
  for (const { field, entry } of state.sending?.changes ?? []) setEntry(content, field, entry);
  let looked = 0;
  for (const [field, object] of state.round?.changes ?? []) {
    const change = changeOf(content, field, { object, revision });
    if (change !== undefined) setEntry(content, field, change.entry);
    looked += 1;
    if (looked % COMPARED_AT_ONCE === 0) await setImmediate();
  }
  return content;
}

export function setEntry(entries: Map<string, string>, field: string, entry: string): void {
  if (entry === "") entries.delete(field);
  else entries.set(field, entry);
}

interface Wanted {
  readonly object: PublishableObject | undefined;
  readonly revision: number;
}

/** Undefined when it is so already. */
function changeOf(
  entries: ReadonlyMap<string, string>,
  field: string,
  { object, revision }: Wanted,
): Change | undefined {
  const text = entries.get(field);
  if (object === undefined) return text === undefined ? undefined : { field, entry: "" };
  const tail = entryTail(object);
  return text !== undefined && hasTail(text, tail) ? undefined : { field, entry: entryText(revision, tail) };
}
