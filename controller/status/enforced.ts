// The condition Enforced of a policy: True only when every data plane that serves its namespace - all of them,
// of a policy for the whole cluster - has said that it has taken
// over exactly this generation or a later revision.

import type { CompiledPolicy } from "../../dataplane/contract/compiled.ts";
import { CLUSTER_PART } from "../../dataplane/contract/published.ts";
import { type DataPlane, hasTakenOver, serving } from "./data-planes.ts";
import { namesText } from "./findings-text.ts";
import type { ObjectState, Shadow, Verdict } from "./object-state.ts";
import { isoSeconds } from "./time-text.ts";

export interface Enforced extends Verdict {
  /** "4/5": data planes that have it, and those that serve the namespace. */
  readonly proxies: string;
}

export function shadowOf({ limits }: CompiledPolicy): Shadow {
  const inShadow = limits.filter(({ mode }) => mode === "Shadow").map(({ name }) => name);
  return { limits: inShadow, isWhole: inShadow.length === limits.length };
}

/** Undefined for an object that is no policy. */
export function enforcedOf(state: ObjectState, programmed: Verdict): Enforced | undefined {
  if (state.enforcement === undefined) return undefined;
  const planes = serving(state.enforcement.dataPlanes, state.part);
  const published = programmed.status === "True" ? state.inForce?.published : undefined;
  const having = planes.filter((plane) => published && hasTakenOver(plane, state.part, published));
  const proxies = `${String(having.length)}/${String(planes.length)}`;
  if (published === undefined) return { ...notPublished(programmed), proxies };
  const waiting = planes.filter((plane) => !having.includes(plane));
  const count = `${proxies} data planes have revision ${String(published.revision)}`;
  return { ...verdictOf(state, { planes, waiting, count, shadow: state.enforcement.shadow }), proxies };
}

/** What is not in force is not enforced; what is not published yet may be soon. */
function notPublished({ status, reason, message }: Verdict): Verdict {
  const isWaiting = status === "Unknown" || reason === "StoreUnavailable";
  return { status: isWaiting ? "Unknown" : "False", reason, message };
}

interface Counted {
  readonly planes: readonly DataPlane[];
  /** Those that have not acknowledged it, the silent ones included. */
  readonly waiting: readonly DataPlane[];
  readonly count: string;
  readonly shadow: Shadow;
}

function verdictOf(state: ObjectState, { planes, waiting, count, shadow }: Counted): Verdict {
  if (state.storeAwaySinceMs !== undefined) {
    const message = `data planes cannot be asked: Redis cannot be reached since ${isoSeconds(state.storeAwaySinceMs)}`;
    return { status: "Unknown", reason: "StoreUnavailable", message };
  }
  if (planes.length === 0) {
    return { status: "False", reason: "NoProxies", message: nobodyText(state.part) };
  }
  if (waiting.length > 0) return incomplete(waiting, count);
  if (shadow.isWhole) {
    return { status: "False", reason: "Shadow", message: `${count}; in Shadow: counts and reports, refuses nothing` };
  }
  const partly = shadow.limits.length > 0 ? `; in Shadow: limit ${namesText(shadow.limits)}` : "";
  return { status: "True", reason: "Enforced", message: count + partly };
}

function incomplete(waiting: readonly DataPlane[], count: string): Verdict {
  const silent = waiting.filter(({ silentSinceMs }) => silentSinceMs !== undefined);
  const slow = waiting.filter(({ silentSinceMs }) => silentSinceMs === undefined).map(({ name }) => name);
  const slowText = slow.length > 0 ? `; waiting for ${namesText(slow)}` : "";
  if (silent.length === 0) return { status: "False", reason: "Pending", message: count + slowText };
  const names = silent.map(({ name, silentSinceMs }) => `${name} since ${isoSeconds(silentSinceMs ?? 0)}`);
  return { status: "Unknown", reason: "ProxySilent", message: `${count}; no sign of ${namesText(names)}${slowText}` };
}

function nobodyText(part: string): string {
  return part === CLUSTER_PART ? "there is no data plane" : `no data plane serves namespace ${part}`;
}
