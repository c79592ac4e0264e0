// Under which masters everything is compiled. A new master is used alone only when every data plane holds it; until then
// the older ones are used beside it, so that no data plane meets a key that it cannot read.

import { createRing, masterId, type RingFor } from "../dataplane/contract/keyring.ts";
import type { SeenEntry } from "./status/data-planes.ts";

export interface KeyRotation {
  ringFor(): RingFor;
  /** True when the ring is another one now. Masters as in the key ring file, newest first. */
  replace(masters: readonly Buffer[]): boolean;
  /** True when the ring is another one now. */
  acknowledged(entries: readonly Pick<SeenEntry, "heartbeat">[]): boolean;
  /** Ids of the masters in use, newest first. */
  ids(): readonly string[];
}

/** Starts with all masters: nothing is known of the data planes yet. */
export function createKeyRotation(masters: readonly Buffer[]): KeyRotation {
  let all = masters;
  let used = masters;
  let ring = createRing(used);
  const use = (next: readonly Buffer[]): boolean => {
    if (idsOf(next) === idsOf(used)) return false;
    used = next;
    ring = createRing(used);
    return true;
  };
  return {
    ringFor: () => ring,
    replace(next) {
      if (idsOf(next) === idsOf(all)) return false;
      all = next;
      return use(all);
    },
    acknowledged(entries) {
      const [newest] = all;
      // With no data plane at all there is nobody to ask: one may start with an older file yet.
      if (newest === undefined || entries.length === 0) return false;
      const id = masterId(newest);
      const everywhere = entries.every(({ heartbeat }) => heartbeat?.keyIds.includes(id) ?? false);
      return use(everywhere ? [newest] : all);
    },
    ids: () => used.map((master) => masterId(master)),
  };
}

function idsOf(masters: readonly Buffer[]): string {
  return masters.map((master) => masterId(master)).join();
}
