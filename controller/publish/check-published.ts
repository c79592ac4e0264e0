// Compares Redis with what was published: a Redis that lost its data, or was put back to an older state, says nothing of it
// by itself. And takes away what is left of namespaces without objects. Called by the writer, between publishing.

import { CLUSTER_PART } from "../../dataplane/contract/published.ts";
import { hasWork, type NamespaceState } from "./namespace-state.ts";
import { type Leadership, type Outcome, positionOf } from "./publish-namespace.ts";

/** Commands under way at once. */
const AT_ONCE = 100;
/** By then each data plane has read that the namespace has no objects: what goes away means nothing to it. */
const FORGET_AFTER_MS = 60_000;

/**
 * Marks the namespaces that are not as published (`isBehind`) and those that the index does not name (`isListed`).
 * Rejects when Redis fails.
 */
export async function checkPublished(leadership: Leadership, states: Map<string, NamespaceState>): Promise<Outcome> {
  const { store, epoch } = leadership;
  if ((await store.readEpoch()) > epoch) return "fenced";
  const index = await store.readIndex();
  const published = [...states.values()].filter((state) => state.generation !== "" && state.sending === undefined);
  for (let i = 0; i < published.length; i += AT_ONCE) {
    const some = published.slice(i, i + AT_ONCE);
    const epochs = await Promise.all(some.map((state) => checkNamespace(leadership, state)));
    if (Math.max(...epochs) > epoch) return "fenced";
  }
  for (const state of published) if (index.get(state.namespace) !== state.generation) state.isListed = false;
  return await forgetEmpty(leadership, states, index);
}

/** The epoch found. */
async function checkNamespace({ store }: Leadership, state: NamespaceState): Promise<number> {
  const { namespace, generation, revision, entries } = state;
  const [head, size] = await Promise.all([store.readHead(namespace), store.countObjects(positionOf(state))]);
  const isAsKnown = head.generation === generation && head.revision === String(revision) && size === entries.size;
  if (!isAsKnown) state.isBehind = true;
  return Number(head.epoch) || 0;
}

async function forgetEmpty(
  leadership: Leadership,
  states: Map<string, NamespaceState>,
  index: ReadonlyMap<string, string>,
): Promise<Outcome> {
  let listed = index.size;
  for (const state of states.values()) {
    if (!isForgettable(state, leadership.nowMs())) continue;
    const isListed = index.has(state.namespace);
    // The last one stays, without objects: an index that is absent means a Redis that lost its data.
    if (isListed && listed === 1) continue;
    const outcome = await forget(leadership, state);
    if (outcome !== "done") return outcome;
    if (isListed) listed -= 1;
    if (!hasWork(state)) states.delete(state.namespace);
  }
  return "done";
}

/** What is for all namespaces stays, without objects: a data plane that was away would else keep what was there. */
function isForgettable(state: NamespaceState, nowMs: number): boolean {
  if (state.namespace === CLUSTER_PART && state.generation !== "") return false;
  if (state.entries.size > 0 || hasWork(state)) return false;
  return state.generation === "" || nowMs - (state.emptySinceMs ?? nowMs) >= FORGET_AFTER_MS;
}

/** The head first: if this is broken off, the index still names the namespace and the rest is made up for. */
async function forget({ epoch, store }: Leadership, state: NamespaceState): Promise<Outcome> {
  if (state.generation !== "") {
    const { kind } = await store.forget(epoch, positionOf(state));
    if (kind === "behind") state.isBehind = true;
    if (kind !== "done") return kind;
    state.generation = "";
    state.isListed = false;
  }
  return (await store.changeIndex(epoch, new Map([[state.namespace, ""]]))).kind;
}
