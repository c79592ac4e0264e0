// Policies for all namespaces: where they may be, what they may name, and what they are to the policies of a namespace.

import { expect, test } from "vitest";
import { createIncrementalCompiler } from "../../compiler/incremental.ts";
import { createRing } from "../../dataplane/contract/keyring.ts";
import { CLUSTER_PART } from "../../dataplane/contract/published.ts";
import { aConsumer, aLimit, aPolicy, asRecord, compiled, linesOf, MASTER, type Manifest } from "./manifest-builders.ts";

const everywhere = (name: string, spec: Manifest = {}): Manifest => aPolicy({ name }, { scope: "Cluster", ...spec });
const sixteen = Array.from({ length: 16 }, (_, i) => aLimit({ name: `l${String(i)}` }));

test("[unit] a policy of the system namespace may be about all of them", () => {
  const output = compiled(everywhere("cap"));
  expect(linesOf(output)).toEqual([]);
  expect(output.objects).toMatchObject([{ namespace: "default", name: "cap", scope: "Cluster" }]);
});

test("[unit] one elsewhere may not", () => {
  const output = compiled(aPolicy({ name: "cap", namespace: "ai" }, { scope: "Cluster" }));
  expect(linesOf(output)).toEqual([
    'AIRateLimitPolicy ai/cap spec.scope: found "Cluster", wanted "Namespace": only policies of the system namespace are about all namespaces',
  ]);
  expect(output.objects).toEqual([]);
});

test("[unit] scope Namespace, written out or not, compiles to what older data planes read", () => {
  const [plain, written] = [aPolicy(), aPolicy({}, { scope: "Namespace" })].map((one) => compiled(one).objects);
  expect(written).toEqual(plain);
  expect(JSON.stringify(plain)).not.toContain("scope");
});

test("[unit] it names consumers and groups of the system namespace; conditions may mean what is anywhere", () => {
  const when = [
    { type: "Route", values: ["chat"] },
    { type: "Consumer", values: ["bert"] },
    { type: "ConsumerGroup", values: ["blue"] },
    { type: "Provider", values: ["acme"] },
  ];
  const output = compiled(
    aConsumer({ name: "anna" }, { groups: ["gold"] }),
    aConsumer({ name: "bert", namespace: "ai" }, { groups: ["blue"] }),
    everywhere("cap", {
      appliesTo: { consumers: ["anna", "bert"], consumerGroups: ["gold", "blue"] },
      limits: [aLimit({ when })],
    }),
  );
  expect(linesOf(output).map((line) => line.replace(/, wanted.*/, ""))).toEqual([
    'warning: AIRateLimitPolicy default/cap spec.appliesTo.consumers[1]: found "bert"',
    'warning: AIRateLimitPolicy default/cap spec.appliesTo.consumerGroups[1]: found "blue"',
    'warning: AIRateLimitPolicy default/cap spec.limits[0].when[3].values[0]: found "acme"',
  ]);
});

test("[unit] its limits are part of the bound in each namespace, and come first", () => {
  const own = (name: string, day: number): Manifest =>
    aPolicy({ namespace: "ai", name, creationTimestamp: `2026-01-0${String(day)}T00:00:00Z` }, { limits: sixteen });
  const policies = [own("a", 1), own("b", 2), own("c", 3), own("d", 4)];
  expect(linesOf(compiled(...policies))).toEqual([]);
  const late = aPolicy(
    { name: "cap", creationTimestamp: "2026-02-01T00:00:00Z" },
    { scope: "Cluster", limits: [aLimit()] },
  );
  expect(linesOf(compiled(...policies, late))).toEqual([
    "AIRateLimitPolicy ai/d spec.limits: found 16 limits on every request of the namespace, beside 49 of older policies and those for all namespaces, wanted at most 64 together; narrow them with appliesTo or when",
  ]);
});

test("[unit] a MostSpecific one gives its room to that of the namespace, which is in force instead", () => {
  const rivals = { precedence: "MostSpecific", limits: sixteen };
  const four = ["a", "b", "c"].map((name) => aPolicy({ namespace: "ai", name }, { limits: sixteen }));
  expect(linesOf(compiled(...four, everywhere("cap", rivals)))).toEqual([]);
  expect(
    linesOf(compiled(...four, everywhere("cap", rivals), aPolicy({ namespace: "ai", name: "d" }, rivals))),
  ).toEqual([]);
});

test("[unit] a change of scope takes the policy from one part of the configuration to the other", () => {
  const compiler = createIncrementalCompiler({ ringFor: createRing([MASTER]), systemNamespace: "default" });
  const put = (scope: string, generation: number) => {
    const manifest = aPolicy({ name: "cap" }, { scope });
    const metadata = { ...asRecord(manifest["metadata"]), uid: "u", generation };
    return compiler.apply([{ type: "Upsert", manifest: { ...manifest, metadata } }]).namespaces;
  };
  const told = (changes: ReturnType<typeof put>): unknown =>
    [...changes].map(([part, { set, removed }]) => [part, set.length, removed.length]).sort();
  expect(told(put("Namespace", 1))).toEqual([["default", 1, 0]]);
  expect(told(put("Cluster", 2))).toEqual([
    [CLUSTER_PART, 1, 0],
    ["default", 0, 1],
  ]);
  expect(told(put("Namespace", 3))).toEqual([
    [CLUSTER_PART, 0, 1],
    ["default", 1, 0],
  ]);
  put("Cluster", 4);
  const ref = { kind: "AIRateLimitPolicy", namespace: "default", name: "cap" };
  expect(told(compiler.apply([{ type: "Delete", ref }]).namespaces)).toEqual([[CLUSTER_PART, 0, 1]]);
});
