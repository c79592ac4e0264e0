// The configuration in force and what is cached per configuration. Swapped whole; a request keeps the one it started with.

import type { CompiledBackend, CompiledObject } from "../contract/compiled.ts";
import type { RingFor } from "../contract/keyring.ts";
import { createLimitPlans, type LimitPlans } from "./limit-plan.ts";
import { buildSnapshot, type Snapshot } from "./snapshot.ts";

export interface GatewayConfig {
  readonly snapshot: Snapshot;
  readonly plans: LimitPlans;
}

export interface GatewayConfigInput {
  readonly objects: readonly CompiledObject[];
  readonly ringFor: RingFor;
  readonly systemNamespace: string;
  /** Prefix of the counters' keys in Redis. */
  readonly prefix: string;
}

export function createGatewayConfig(
  input: GatewayConfigInput,
  onSealBroken: (backend: CompiledBackend) => void,
): GatewayConfig {
  const snapshot = buildSnapshot(input, onSealBroken);
  return { snapshot, plans: createLimitPlans(snapshot, input.prefix) };
}
