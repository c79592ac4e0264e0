// What an object is compiled with beside its own manifest.

import type { RingFor } from "../dataplane/contract/keyring.ts";
import type { ObjectRef } from "./finding.ts";
import type { NameBook } from "./known-names.ts";
import type { CompiledEntry, ObjectStore } from "./object-state.ts";
import type { Secrets } from "./resolve-key.ts";

export interface Surroundings {
  readonly store: ObjectStore;
  readonly names: NameBook;
  readonly systemNamespace: string;
  readonly secretsOf: (namespace: string) => Secrets;
  readonly ringFor: RingFor;
  /** Epoch milliseconds. */
  readonly nowMs: () => number;
  /** What was published of an object before this process knew it. */
  readonly lastGood: (ref: ObjectRef) => CompiledEntry | undefined;
}
