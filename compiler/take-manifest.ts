// Which manifest of an object is in force: the newest with nothing wrong by itself. An object that is made anew under the
// same name starts without a past.

import { isSoundBackend } from "./compile-backend.ts";
import { type CompiledEntry, NOTHING, type ObjectState } from "./object-state.ts";
import type { PolicyBodies } from "./policies.ts";
import type { ReadResult, SourceObject } from "./read-manifest.ts";
import type { ManifestVersion } from "./read-metadata.ts";

export interface TakenManifest {
  readonly read: ReadResult;
  readonly version: ManifestVersion;
  /** What was published of the object before this process knew it. */
  readonly published: () => CompiledEntry | undefined;
}

export function takeManifest(state: ObjectState, taken: TakenManifest, bodyOf: PolicyBodies): void {
  const { read, version } = taken;
  const isOther = state.uid !== version.uid;
  if (isOther || state.isGone) forgetManifests(state);
  if (isOther || state.generation !== version.generation) state.isTold = false;
  state.isGone = false;
  state.uid = version.uid;
  state.generation = version.generation;
  state.current = read.object;
  state.reading = read.findings.length === 0 ? NOTHING : read.findings;
  if (isSound(read.object, bodyOf)) {
    state.good = read.object;
    state.goodGeneration = version.generation;
    state.adopted = undefined;
  } else keepLastGood(state, taken);
}

function keepLastGood(state: ObjectState, { version: { uid }, published }: TakenManifest): void {
  if (state.ref.kind === "Secret") {
    state.good = undefined; // an illegible Secret holds no key, whatever it held before
    return;
  }
  if (state.good !== undefined || state.adopted !== undefined) return;
  const entry = published();
  if (entry?.uid === uid && uid !== "") state.adopted = entry;
}

/** What has been compiled and told stays until the changes are told. */
export function forgetManifests(state: ObjectState): void {
  state.current = undefined;
  state.reading = NOTHING;
  state.good = undefined;
  state.settled = undefined;
  state.adopted = undefined;
  state.sealedFrom = undefined;
}

/** Nothing is wrong with it by itself, whatever it refers to. */
function isSound(object: SourceObject | undefined, bodyOf: PolicyBodies): boolean {
  switch (object?.kind) {
    case undefined:
      return false;
    case "AIBackend":
      return isSoundBackend(object);
    case "AIRateLimitPolicy":
      return bodyOf(object).compiled !== undefined;
    default:
      return true;
  }
}
