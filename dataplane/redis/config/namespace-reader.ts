// Reads the configuration of one namespace, as a whole or what has changed, without locks: what changes during a scan
// stands in the stream of changes from the revision on that was in force before it.

import type { CompiledObject } from "../../contract/compiled.ts";
import { type ConfigChanges, type ObjectName, readObjectField } from "../../contract/object-name.ts";
import { objectField } from "../../contract/published.ts";
import type { ConfigCommands, Position } from "./config-commands.ts";
import { readPublished } from "./published-entry.ts";
import { TimeSlices } from "./time-slices.ts";

/** Where configuration goes. */
export interface ConfigSink {
  apply(changes: ConfigChanges): void;
  /** What is there of a namespace. */
  names(namespace: string): Iterable<ObjectName>;
}

export interface ReaderDeps {
  readonly commands: ConfigCommands;
  readonly sink: ConfigSink;
  /** This object does not meet the contract; what was there of it stays. */
  readonly rejected: (namespace: string, field: string) => void;
}

/** The store moved on, or lost something, during a read: to be read anew. */
export class MovedOn extends Error {}

/** Consumers are applied in steps of this many. */
const STEP = 200;

export interface Step {
  readonly namespace: string;
  readonly from: Position;
  /** What the head says; the stream must lead there. */
  readonly to: Position;
}

/** The position that is reached. Throws MovedOn when changes between are gone from the stream. */
export async function readChanges(deps: ReaderDeps, { namespace, from, to }: Step): Promise<Position> {
  const { fields, reached } = await collectChanges(deps.commands, namespace, from);
  if (reached.revision < to.revision) throw new MovedOn("the stream of changes does not lead to the head");
  deps.sink.apply(changesOf(deps, namespace, fields));
  return reached;
}

/**
 * Reads everything of `head`'s generation and removes what is not there. Consumers take effect as they come, all else at
 * once when it is complete. Nothing is removed when the generation is not in force any more at the end.
 */
export async function readWhole(deps: ReaderDeps, namespace: string, head: Position): Promise<Position> {
  const { commands, sink } = deps;
  const { generation, revision } = head;
  const seen = new Set<string>();
  const parts: CompiledObject[] = [];
  const slices = new TimeSlices();
  let cursor = "0";
  do {
    const page = await commands.scan(namespace, generation, cursor);
    cursor = page.cursor;
    for (const { field, entry } of pairs(page.fields)) {
      seen.add(field);
      const object = readOrReject(deps, namespace, { field, entry });
      if (object?.kind === "Consumer") sink.apply({ set: [object], removed: [] });
      else if (object !== undefined) parts.push(object);
      if (slices.isOver) await slices.step();
    }
  } while (cursor !== "0");
  const { fields, reached } = await collectChanges(commands, namespace, { generation, revision });
  const now = await commands.head(namespace);
  if (now?.generation !== generation) throw new MovedOn("the generation that was read is not in force any more");
  const since = changesOf(deps, namespace, fields);
  for (const field of fields.keys()) seen.add(field); // what of it is gone, `since` removes
  const { consumers, others } = await unseen(sink.names(namespace), seen);
  await removeConsumers(sink, consumers);
  // A deletion in the stream is later than what the scan found of the object.
  const gone = new Set(since.removed.map(objectField));
  const set = [...parts, ...since.set].filter((object) => !gone.has(objectField(object)));
  sink.apply({ set, removed: [...others, ...since.removed] });
  return reached;
}

/** Everything of a namespace goes: first what requests find it by. */
export async function removeWhole(sink: ConfigSink, namespace: string): Promise<void> {
  const { consumers, others } = await unseen(sink.names(namespace), new Set());
  sink.apply({ set: [], removed: others });
  await removeConsumers(sink, consumers);
}

async function removeConsumers(sink: ConfigSink, consumers: readonly ObjectName[]): Promise<void> {
  const slices = new TimeSlices();
  for (let at = 0; at < consumers.length; at += STEP) {
    sink.apply({ set: [], removed: consumers.slice(at, at + STEP) });
    await slices.step();
  }
}

interface Collected {
  /** The last entry of each field; "" for what is gone. */
  readonly fields: ReadonlyMap<string, string>;
  readonly reached: Position;
}

async function collectChanges(commands: ConfigCommands, namespace: string, from: Position): Promise<Collected> {
  const fields = new Map<string, string>();
  let reached = from;
  for (;;) {
    const changes = await commands.changesAfter(namespace, reached);
    if (changes.length === 0) break;
    for (const change of changes) {
      if (change.revision !== reached.revision + 1) throw new MovedOn("changes between are gone from the stream");
      for (const { field, entry } of pairs(change.fields)) fields.set(field, entry);
      reached = { generation: from.generation, revision: change.revision };
    }
  }
  return { fields, reached };
}

function changesOf(deps: ReaderDeps, namespace: string, fields: ReadonlyMap<string, string>): ConfigChanges {
  const set: CompiledObject[] = [];
  const removed: ObjectName[] = [];
  for (const [field, entry] of fields) {
    if (entry === "") {
      const name = readObjectField(namespace, field);
      if (name !== undefined) removed.push(name);
    } else {
      const object = readOrReject(deps, namespace, { field, entry });
      if (object !== undefined) set.push(object);
    }
  }
  return { set, removed };
}

interface Pair {
  readonly field: string;
  readonly entry: string;
}

function readOrReject(deps: ReaderDeps, namespace: string, { field, entry }: Pair): CompiledObject | undefined {
  const object = readPublished(entry, { namespace, field });
  if (object === undefined) deps.rejected(namespace, field);
  return object;
}

function* pairs(fields: readonly string[]): Generator<Pair> {
  for (let i = 0; i + 1 < fields.length; i += 2) yield { field: fields[i] ?? "", entry: fields[i + 1] ?? "" };
}

async function unseen(
  names: Iterable<ObjectName>,
  seen: ReadonlySet<string>,
): Promise<{ readonly consumers: readonly ObjectName[]; readonly others: readonly ObjectName[] }> {
  const consumers: ObjectName[] = [];
  const others: ObjectName[] = [];
  const slices = new TimeSlices();
  for (const name of names) {
    if (!seen.has(objectField(name))) (name.kind === "Consumer" ? consumers : others).push(name);
    if (slices.isOver) await slices.step();
  }
  return { consumers, others };
}
