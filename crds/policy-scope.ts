// Which requests a policy is about: names of those who call and of where to, and of how many namespaces.

import { z } from "zod";
import { objectName, plainName, textSet } from "./meta.ts";
import type { Rule } from "./rule.ts";

export const appliesTo = z.strictObject({
  consumers: textSet(objectName(), 256)
    .optional()
    .describe(
      "Names of Consumers in this namespace. Who belongs to one of them (parentRef) is meant too, and a limit that is kept " +
        "for each Consumer then counts on each of those named, the caller itself or above it. Default: not asked.",
    ),
  consumerGroups: textSet(plainName(), 256)
    .optional()
    .describe(
      "Groups of which a Consumer of this namespace, or one that it belongs to, is in at least one. Default: not asked.",
    ),
  routes: textSet(objectName(), 256).optional().describe("Names of AIRoutes in this namespace. Default: not asked."),
  backends: textSet(objectName(), 256)
    .optional()
    .describe("Names of AIBackends in this namespace; concerns only requests that would go there. Default: not asked."),
});

export const scope = z
  .enum(["Namespace", "Cluster"])
  .default("Namespace")
  .describe(
    "Namespace: the policy is about requests on the routes of its namespace. Cluster: about those of all namespaces, and " +
      "its counters count them together; only in the system namespace. appliesTo then names Consumers and groups of the " +
      "system namespace, and no routes or backends. Conditions of a limit compare names whatever namespace they are of; a " +
      "counter for each Route, Service, Backend or ConsumerGroup is one for each of them in each namespace. Another scope starts " +
      "other counters. Default Namespace.",
  );

interface ScopedPolicy {
  readonly scope: z.output<typeof scope>;
  readonly appliesTo: z.output<typeof appliesTo>;
}

/** A route and a backend are of one namespace: for all namespaces their names would mean others in each. */
export function localListRule(list: "routes" | "backends"): Rule<ScopedPolicy> {
  return {
    cel: `self.scope != 'Cluster' || !has(self.appliesTo.${list}) || size(self.appliesTo.${list}) == 0`,
    message: `no ${list} with scope Cluster: their names are those of one namespace`,
    field: `appliesTo.${list}`,
    holds: ({ scope, appliesTo: lists }) => scope !== "Cluster" || (lists[list] ?? []).length === 0,
  };
}
