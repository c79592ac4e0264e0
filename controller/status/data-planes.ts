// Which data planes there are, from what they say of themselves in Redis and from which of their Pods exist. One leaves by
// goodbye (its entry is gone), when its Pod is gone, or when another process has taken its place in the Pod.

import { CLUSTER_PART, EVERY_NAMESPACE, type Heartbeat, SILENT_AFTER_MS } from "../../dataplane/contract/published.ts";

export interface SeenEntry {
  /** As in `dataPlanesKey`: the one namespace served, or EVERY_NAMESPACE. */
  readonly scope: string;
  readonly id: string;
  /** Time of the store's clock at the last heartbeat. */
  readonly seenMs: number;
  /** Undefined when it is of a schema that this controller does not read: it serves, and acknowledges nothing. */
  readonly heartbeat: Heartbeat | undefined;
}

export type Pod = NonNullable<Heartbeat["pod"]>;

export interface DataPlane {
  readonly scope: string;
  readonly id: string;
  /** For people: its Pod's name, else its id. */
  readonly name: string;
  /** Time of its last heartbeat, when that is too long ago. */
  readonly silentSinceMs: number | undefined;
  /** Undefined: all of its scope. */
  readonly serves: readonly string[] | undefined;
  /** What is in force there, by namespace. */
  readonly acknowledged: Heartbeat["namespaces"];
}

export interface DataPlanes {
  /** By name. */
  readonly present: readonly DataPlane[];
  /** Entries that count no more and can be deleted. */
  readonly gone: readonly Pick<SeenEntry, "scope" | "id">[];
}

/**
 * Outside a cluster nothing tells a process that crashed from one that is cut off. It counts as silent for this long, and
 * then no more.
 */
export const FORGET_WITHOUT_POD_MS = 600_000;

/**
 * `nowMs` is the store's clock, as `seenMs` is. `podExists` is false only when the API server has said so; a Pod of which
 * nothing is known yet exists.
 */
export function dataPlanes(entries: Iterable<SeenEntry>, nowMs: number, podExists: (pod: Pod) => boolean): DataPlanes {
  const all = [...entries];
  const newest = newestOfPods(all);
  const counts = ({ seenMs, heartbeat }: SeenEntry): boolean => {
    const pod = heartbeat?.pod;
    return pod === undefined ? nowMs - seenMs <= FORGET_WITHOUT_POD_MS : podExists(pod);
  };
  const isPresent = (entry: SeenEntry): boolean => {
    const pod = entry.heartbeat?.pod;
    return counts(entry) && (pod === undefined || newest.get(pod.uid) === entry);
  };
  return {
    present: all
      .filter(isPresent)
      .map((entry) => toDataPlane(entry, nowMs))
      .sort(byName),
    gone: all.filter((entry) => !isPresent(entry)).map(({ scope, id }) => ({ scope, id })),
  };
}

/** A Pod runs one data plane; after a crash its container starts another with an id of its own. */
function newestOfPods(entries: readonly SeenEntry[]): ReadonlyMap<string, SeenEntry> {
  const newest = new Map<string, SeenEntry>();
  for (const entry of entries) {
    const uid = entry.heartbeat?.pod?.uid;
    if (uid === undefined) continue;
    const known = newest.get(uid);
    if (known === undefined || known.seenMs < entry.seenMs) newest.set(uid, entry);
  }
  return newest;
}

function toDataPlane({ scope, id, seenMs, heartbeat }: SeenEntry, nowMs: number): DataPlane {
  return {
    scope,
    id,
    name: heartbeat?.pod?.name ?? id,
    silentSinceMs: nowMs - seenMs > SILENT_AFTER_MS ? seenMs : undefined,
    serves: heartbeat?.serves,
    acknowledged: heartbeat?.namespaces ?? {},
  };
}

function byName(a: DataPlane, b: DataPlane): number {
  if (a.name !== b.name) return a.name < b.name ? -1 : 1;
  return a.id < b.id ? -1 : 1;
}

/** Those that need the part of the configuration: of a namespace those that serve its requests, of CLUSTER_PART all. */
export function serving(planes: readonly DataPlane[], part: string): readonly DataPlane[] {
  return planes.filter((plane) => isServing(plane, part));
}

export function isServing({ scope, serves }: DataPlane, part: string): boolean {
  if (part === CLUSTER_PART) return true;
  return (scope === EVERY_NAMESPACE || scope === part) && (serves?.includes(part) ?? true);
}

export interface Publication {
  /** Of the namespace's configuration in Redis, not of an object. */
  readonly generation: string;
  readonly revision: number;
}

/** A silent data plane vouches for nothing, whatever it said before. */
export function hasTakenOver(plane: DataPlane, namespace: string, { generation, revision }: Publication): boolean {
  const known = plane.acknowledged[namespace];
  return plane.silentSinceMs === undefined && known?.generation === generation && known.revision >= revision;
}
