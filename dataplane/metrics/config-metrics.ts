// Metrics of the configuration in force and of how it is followed. A namespace is never a label: there may be thousands.

import type { Registry } from "prom-client";
import { type Cell, counter, gauge, type HistogramCell, histogram } from "./series.ts";

export interface ConfigMetrics {
  objects(kind: string): Cell;
  readonly appliedSeconds: Cell;
  readonly checkedSeconds: Cell;
  readonly namespaces: Cell;
  readonly revision: Cell;
  reads(kind: "full" | "incremental"): Cell;
  readonly rejected: Cell;
  readonly schemaUnknown: Cell;
  readonly followed: HistogramCell;
  readonly keyRingKeys: Cell;
  readonly dataPlanes: Cell;
}

const FOLLOW_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5];

export function createConfigMetrics(registry: Registry): ConfigMetrics {
  const single = (name: string, help: string): Cell => gauge(registry, { name, help, labels: [] }).cell();
  const objects = gauge(registry, {
    name: "airl_config_objects",
    help: "Compiled objects in force.",
    labels: ["kind"],
  });
  const reads = counter(registry, {
    name: "airl_config_reads_total",
    help: "Readings of a namespace's configuration from Redis: as a whole, or only what had changed.",
    labels: ["kind"],
  });
  const byKind = { full: reads.cell("full"), incremental: reads.cell("incremental") };
  return {
    objects: (kind) => objects.cell(kind),
    reads: (kind) => byKind[kind],
    appliedSeconds: single("airl_config_applied_timestamp_seconds", "When the configuration last changed here."),
    checkedSeconds: single(
      "airl_config_checked_timestamp_seconds",
      "When Redis was last asked and all that it publishes was in force here. 0: never.",
    ),
    namespaces: single("airl_config_namespaces", "Namespaces whose configuration is in force."),
    revision: single(
      "airl_config_revision",
      "Sum of the revisions in force of all namespaces: rises with each change.",
    ),
    schemaUnknown: single(
      "airl_config_schema_unknown",
      "Namespaces that are published in a schema this version cannot read.",
    ),
    keyRingKeys: single("airl_keyring_keys", "Master keys in the key ring."),
    dataPlanes: single(
      "airl_data_planes",
      "Live data planes that share the counters, as last counted; 0: not counted.",
    ),
    rejected: counter(registry, {
      name: "airl_config_rejected_total",
      help: "Published objects that were left out because they do not meet the contract.",
      labels: [],
    }).cell(),
    followed: histogram(registry, {
      name: "airl_config_follow_seconds",
      help: "From word of a change until it is in force.",
      labels: [],
      buckets: FOLLOW_SECONDS,
    }).cell(),
  };
}
