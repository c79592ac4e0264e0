// Which data planes there are, asked of Redis again and again while this process leads; of those that fell silent the API
// server is asked whether their Pods still exist.

import { SILENT_AFTER_MS } from "../dataplane/contract/published.ts";
import type { Clock } from "./kube/clock.ts";
import { pause } from "./kube/clock.ts";
import type { KubeApi } from "./kube/kube-api.ts";
import { PODS } from "./kube/resource.ts";
import type { DataPlaneReader } from "./publish/data-planes.ts";
import { type DataPlane, dataPlanes, type Pod, type SeenEntry } from "./status/data-planes.ts";

export interface DataPlaneWatchOptions {
  readonly reader: DataPlaneReader;
  readonly api: Pick<KubeApi, "get">;
  readonly clock: Clock;
  /** Whose sidecars are asked for, besides the gateways, which serve all. */
  readonly namespaces: () => Iterable<string>;
  /** Somebody waits for data planes to take a change over: they are asked more often. */
  readonly isAwaited: () => boolean;
  readonly seen: (present: readonly DataPlane[], heartbeats: readonly SeenEntry[]) => void;
  readonly failed: (error: unknown) => void;
}

const AWAITED_MS = 250;
const CALM_MS = 5_000;

/** Until the signal is aborted. Never rejects. */
export async function watchDataPlanes(options: DataPlaneWatchOptions, signal: AbortSignal): Promise<void> {
  const gonePods = new Set<string>();
  while (!signal.aborted) {
    await lookOnce(options, gonePods).catch(options.failed);
    await untilNextLook(options, signal);
  }
}

async function untilNextLook({ clock, isAwaited }: DataPlaneWatchOptions, signal: AbortSignal): Promise<void> {
  const untilMs = clock.monotonicMs() + CALM_MS;
  do {
    await pause(clock, AWAITED_MS, signal);
  } while (!signal.aborted && !isAwaited() && clock.monotonicMs() < untilMs);
}

async function lookOnce(options: DataPlaneWatchOptions, gonePods: Set<string>): Promise<void> {
  const { reader, api, clock, namespaces, seen } = options;
  const found = await reader.readDataPlanes(namespaces());
  const nowMs = clock.wallMs();
  const entries = found.map(({ scope, id, ageMs, heartbeat }) => ({
    scope,
    id,
    seenMs: seenAt(nowMs, ageMs),
    heartbeat,
  }));
  for (const { heartbeat, seenMs } of entries) {
    const pod = heartbeat?.pod;
    if (pod === undefined || nowMs - seenMs <= SILENT_AFTER_MS || gonePods.has(pod.uid)) continue;
    if (await isGone(api, pod)) gonePods.add(pod.uid);
  }
  const { present, gone } = dataPlanes(entries, nowMs, ({ uid }) => !gonePods.has(uid));
  seen(present, entries);
  for (const { scope, id } of gone) await reader.forgetDataPlane(scope, id);
  if (entries.length === 0) gonePods.clear();
}

/** What tells no time was last seen at no time that anybody remembers. */
function seenAt(nowMs: number, ageMs: number): number {
  return Number.isFinite(ageMs) ? nowMs - ageMs : 0;
}

/** A Pod of the same name that came later is another one. An API server that does not answer says nothing. */
async function isGone(api: Pick<KubeApi, "get">, { namespace, name, uid }: Pod): Promise<boolean> {
  const pod = await api.get(PODS, { namespace, name });
  return pod?.metadata.uid !== uid;
}
