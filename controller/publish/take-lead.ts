// The first thing a new leader does: it takes an epoch above all that Redis knows, claims with it what it is going to write,
// and reads what is published. From the claim on nobody with an older epoch changes what is read.

import { SCHEMA } from "../../dataplane/contract/published.ts";
import type { ConfigStore, Head } from "./config-store.ts";
import { createNamespaceState, type NamespaceState } from "./namespace-state.ts";
import { positionOf, revisionOfHead } from "./publish-namespace.ts";

export interface LeadOptions {
  readonly store: ConfigStore;
  /** Of the lease; an epoch is above it. */
  readonly leaseTransitions: number;
  readonly manages: (namespace: string) => boolean;
  readonly nowMs: () => number;
}

export interface Taken {
  readonly epoch: number;
  readonly states: Map<string, NamespaceState>;
}

/** Claims that are lost to another before this gives way: it is under way just now. */
const ATTEMPTS = 3;

/** Undefined when another leader claims at the same time. Rejects when Redis fails. */
export async function takeLead(options: LeadOptions): Promise<Taken | undefined> {
  const { store, leaseTransitions } = options;
  let floor = Math.max(leaseTransitions, await store.readEpoch());
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const epoch = floor + 1;
    const claimed = await store.claimIndex(epoch);
    if (claimed.kind === "fenced") {
      floor = claimed.found;
      continue;
    }
    const read = await readPublished(options, epoch);
    if (typeof read !== "number") return { epoch, states: read };
    // A head with a higher epoch than the index: the index is from an older state of Redis, or another has claimed it now.
    if ((await store.readEpoch()) !== epoch) return undefined;
    floor = read;
  }
  return undefined;
}

/** The epoch of a head that is higher than `epoch`, if there is one. */
async function readPublished(options: LeadOptions, epoch: number): Promise<Map<string, NamespaceState> | number> {
  const states = new Map<string, NamespaceState>();
  for (const [namespace, listed] of await options.store.readIndex()) {
    if (!options.manages(namespace)) continue;
    const { kind, head } = await options.store.claimHead(epoch, namespace);
    if (kind === "fenced") return Number(head.epoch);
    const state = createNamespaceState(namespace);
    states.set(namespace, state);
    state.isListed = listed === head.generation;
    await readNamespace(options, state, head);
  }
  return states;
}

async function readNamespace({ store, nowMs }: LeadOptions, state: NamespaceState, head: Head): Promise<void> {
  state.revision = revisionOfHead(head);
  if (head.generation === "") return;
  state.generation = head.generation;
  // What has another schema is not for this program to read; it is replaced.
  if (head.schema !== String(SCHEMA)) state.isBehind = true;
  else await store.scanObjects(positionOf(state), (field, entry) => state.entries.set(field, entry));
  if (state.entries.size === 0) state.emptySinceMs = nowMs();
}
