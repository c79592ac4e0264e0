// Warns of names in a policy that nothing has. The policy stays in force: the object may come later. A name that is
// mistyped would limit nobody, so silence would be the worse answer.

import { PROVIDERS } from "../crds/ai-backend.ts";
import type { ConditionSpec } from "../crds/ai-rate-limit-policy.ts";
import { quoted } from "./found-text.ts";
import type { KnownNames, NameSet } from "./known-names.ts";
import { MAX_CANDIDATES, withSuggestion } from "./nearest-name.ts";
import type { PolicyObject } from "./read-manifest.ts";
import type { Reporter } from "./report.ts";

export interface TargetContext {
  readonly index: KnownNames;
  readonly systemNamespace: string;
  readonly report: Reporter;
}

interface Known {
  /** A name in any of them is known. */
  readonly names: readonly NameSet[];
  readonly wanted: string;
}

const PROVIDER_NAMES: Known = {
  names: [new Set(PROVIDERS.map((provider) => provider.toLowerCase()))],
  wanted: `one of the providers ${PROVIDERS.join(", ")}`,
};

export function warnUnknownTargets({ ref, spec }: PolicyObject, context: TargetContext): void {
  const { index, report } = context;
  const local = (kind: string, wanted: string): Known => ({ names: [index.names(kind, ref.namespace)], wanted });
  const lists = {
    consumers: local("Consumer", "a Consumer of this namespace"),
    consumerGroups: { names: [index.groups(ref.namespace)], wanted: "a group of a Consumer of this namespace" },
    routes: local("AIRoute", "an AIRoute of this namespace"),
    backends: local("AIBackend", "an AIBackend of this namespace"),
  };
  for (const list of ["consumers", "consumerGroups", "routes", "backends"] as const) {
    warnUnknown(spec.appliesTo[list] ?? [], { field: `spec.appliesTo.${list}`, known: lists[list], report });
  }
  for (const [i, { when }] of spec.limits.entries()) {
    for (const [j, condition] of when.entries()) {
      // Names of whatever namespace may be meant.
      const isAnywhere = spec.scope === "Cluster" && condition.type !== "Provider";
      const known = isAnywhere ? undefined : knownValues(condition, ref.namespace, context);
      const values = condition.type === "Provider" ? condition.values.map((v) => v.toLowerCase()) : condition.values;
      if (known) warnUnknown(values, { field: `spec.limits[${String(i)}].when[${String(j)}].values`, known, report });
    }
  }
}

/** What an Exact condition can meet; undefined where that is unknown. Consumers of the system namespace call everywhere. */
function knownValues(condition: ConditionSpec, namespace: string, context: TargetContext): Known | undefined {
  const { index, systemNamespace } = context;
  if (condition.match !== "Exact") return undefined;
  const here = "of this or the system namespace";
  switch (condition.type) {
    case "Route":
      return { names: [index.names("AIRoute", namespace)], wanted: "an AIRoute of this namespace" };
    case "Backend":
      return { names: [index.names("AIBackend", namespace)], wanted: "an AIBackend of this namespace" };
    case "Provider":
      return PROVIDER_NAMES;
    case "ConsumerGroup":
      return {
        names: [index.groups(namespace), index.groups(systemNamespace)],
        wanted: `a group of a Consumer ${here}`,
      };
    case "Consumer": {
      if ((condition.by ?? "Name") !== "Name") return undefined;
      const names = [index.names("Consumer", namespace), index.names("Consumer", systemNamespace)];
      return { names, wanted: `a Consumer ${here}` };
    }
    default:
      return undefined;
  }
}

interface Check {
  readonly field: string;
  readonly known: Known;
  readonly report: Reporter;
}

function warnUnknown(names: readonly string[], { field, known, report }: Check): void {
  for (const [index, name] of names.entries()) {
    if (known.names.some((set) => set.has(name))) continue;
    report.warning({
      code: "TargetNotFound",
      field: `${field}[${String(index)}]`,
      found: quoted(name),
      wanted: withSuggestion(known.wanted, name, allOf(known.names)),
    });
  }
}

/** None when they are too many to search. */
function* allOf(sets: readonly NameSet[]): Generator<string> {
  if (sets.reduce((total, { size }) => total + size, 0) > MAX_CANDIDATES) return;
  for (const set of sets) yield* set.keys();
}
