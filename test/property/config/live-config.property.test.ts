// Changing the configuration object by object ends where applying the final objects as a whole ends, as requests see it.

import fc from "fast-check";
import { expect, test } from "vitest";
import { LiveConfig } from "../../../dataplane/config/gateway-config.ts";
import type { CompiledObject } from "../../../dataplane/contract/compiled.ts";
import type { ObjectName } from "../../../dataplane/contract/object-name.ts";
import { aBackend, aConsumer, aLimit, aMatch, aPolicy, aRoute, ringFor } from "../../unit/config/builders.ts";

const NAMESPACES = ["a", "b", "system"];
const NAMES = ["x", "y", "z"];
const KEYS = ["k1", "k2", "k3"];
const PATHS = ["/", "/one", "/two"];

const place = { namespace: fc.constantFrom(...NAMESPACES), name: fc.constantFrom(...NAMES) };

const object: fc.Arbitrary<CompiledObject> = fc.oneof(
  fc
    .record({ ...place, keys: fc.uniqueArray(fc.constantFrom(...KEYS)), groups: fc.constantFrom([], ["gold"]) })
    .map(({ keys, groups, ...where }) => aConsumer({ ...where, keys, groups: [...groups] })),
  fc
    .record({ ...place, provider: fc.constantFrom("OpenAI" as const, "Anthropic" as const) })
    .map((parts) => aBackend(parts)),
  fc
    .record({ ...place, path: fc.constantFrom(...PATHS), createdMs: fc.nat(2), to: fc.constantFrom(...NAMES) })
    .map(({ path, to, ...parts }) =>
      aRoute({
        ...parts,
        matches: [aMatch({ path: { type: "PathPrefix", value: path } })],
        backends: [{ name: to, weight: 1 }],
      }),
    ),
  fc
    .record({ ...place, createdMs: fc.nat(2), limit: fc.constantFrom("minute", "hour") })
    .map(({ limit, ...parts }) => aPolicy({ ...parts, limits: [aLimit({ name: limit })] })),
);

type Step =
  | { readonly kind: "set"; readonly object: CompiledObject }
  | { readonly kind: "remove"; readonly name: ObjectName }
  | { readonly kind: "look" };

const kinds = fc.constantFrom("Consumer", "AIBackend", "AIRoute", "AIRateLimitPolicy");
const step: fc.Arbitrary<Step> = fc.oneof(
  object.map((set) => ({ kind: "set" as const, object: set })),
  fc.record({ kind: fc.constant("remove" as const), name: fc.record({ ...place, kind: kinds }) }),
  fc.constant({ kind: "look" as const }),
);

function create(): LiveConfig {
  return new LiveConfig({ ringFor, systemNamespace: "system", prefix: "t:", onLocked: () => {} });
}

/** All that a request could find out. */
function behaviour(live: LiveConfig): unknown {
  const { snapshot } = live.current();
  return {
    identified: NAMESPACES.map((namespace) =>
      KEYS.map((key) => {
        const found = snapshot.identify(namespace, key);
        return found && [found.consumer.displayName, found.consumer.username, found.consumer.groups];
      }),
    ),
    routes: PATHS.map((path) => {
      const route = snapshot.routes.find({ method: "POST", host: "", path, header: () => undefined })?.route;
      return route && [route.compiled, route.balancer.pick()?.compiled, route.byDialect.OpenAI.isEmpty];
    }),
    policies: NAMESPACES.map((namespace) => snapshot.policiesOf(namespace).map(({ compiled }) => compiled)),
    counts: [...live.counts()],
  };
}

test("[unit] any sequence of changes ends as the final objects applied as a whole", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const live = create();
      const final = new Map<string, CompiledObject>();
      for (const each of steps) {
        if (each.kind === "look") {
          behaviour(live); // what is remembered here must not outlive a change
          continue;
        }
        const { namespace, kind, name } = each.kind === "set" ? each.object : each.name;
        const id = `${namespace}/${kind}/${name}`;
        if (each.kind === "set") final.set(id, each.object);
        else final.delete(id);
        live.change({
          set: each.kind === "set" ? [each.object] : [],
          removed: each.kind === "remove" ? [each.name] : [],
        });
      }
      const whole = create();
      whole.replace([...final.values()]);
      expect(behaviour(live)).toEqual(behaviour(whole));
      const replaced = create();
      replaced.change({ set: steps.flatMap((each) => (each.kind === "set" ? [each.object] : [])), removed: [] });
      replaced.replace([...final.values()]);
      expect(behaviour(replaced)).toEqual(behaviour(whole));
    }),
    { numRuns: 300 },
  );
});
