// Of random policies and callers: the limits that a request meets, and the counters they count in, are those of a reading of
// the rules that knows no plans, caches or order of work.

import fc from "fast-check";
import { expect, test } from "vitest";
import type { CompiledPolicy } from "../../../dataplane/contract/compiled.ts";
import { counterKey } from "../../../dataplane/contract/keys.ts";
import {
  aBackend,
  aConsumer,
  aGatewayConfig,
  aLimit,
  aMatch,
  aPolicy,
  aRoute,
  someFacts,
} from "../../unit/config/builders.ts";

const SYSTEM = "default";
const NAMES = ["ann", "team", "org"];
const GROUPS = ["gold", "iron"];
const ROUTES = ["chat", "batch"];
const BACKENDS = ["openai", "azure"];

interface Person {
  readonly namespace: string;
  readonly name: string;
  readonly groups: string[];
  readonly parent?: string;
}

/** In each namespace ann may belong to team, and team to org. */
const people = fc
  .tuple(
    fc.array(fc.subarray(GROUPS), { minLength: 6, maxLength: 6 }),
    fc.array(fc.boolean(), { minLength: 6, maxLength: 6 }),
  )
  .map(([groups, belongs]) =>
    ["a", SYSTEM].flatMap((namespace, at) =>
      NAMES.map((name, i): Person => {
        const parent = belongs[at * 3 + i] === true ? NAMES[i + 1] : undefined;
        return { namespace, name, groups: groups[at * 3 + i] ?? [], ...(parent !== undefined && { parent }) };
      }),
    ),
  );

const list = (names: readonly string[]): fc.Arbitrary<string[] | undefined> =>
  fc.option(fc.subarray([...names], { minLength: 1 }), { nil: undefined, freq: 1 });

const policy: fc.Arbitrary<CompiledPolicy> = fc
  .record({
    namespace: fc.constantFrom("a", SYSTEM),
    isCluster: fc.boolean(),
    name: fc.constantFrom("p", "q", "r", "s"),
    createdMs: fc.nat({ max: 2 }),
    precedence: fc.constantFrom("Additive" as const, "MostSpecific" as const),
    mode: fc.constantFrom("Enforce" as const, "Enforce" as const, "Shadow" as const),
    consumers: list(NAMES),
    consumerGroups: list(GROUPS),
    routes: list(ROUTES),
    backends: list(BACKENDS),
  })
  .map(({ namespace, isCluster, name, createdMs, precedence, mode, consumers, consumerGroups, routes, backends }) => {
    const scope = isCluster && namespace === SYSTEM ? ({ scope: "Cluster" } as const) : {};
    const lists = { consumers, consumerGroups, ...(scope.scope === undefined && { routes, backends }) };
    const appliesTo = Object.fromEntries(Object.entries(lists).filter(([, names]) => names !== undefined));
    const limits = [aLimit({ name: "l", counterId: `${namespace}-${name}`, mode })];
    return aPolicy({ namespace, name, createdMs, precedence, appliesTo, limits, ...scope });
  });

const policies = fc.uniqueArray(policy, { maxLength: 8, selector: ({ namespace, name }) => `${namespace}/${name}` });

interface Call {
  readonly namespace: string;
  readonly route: string;
  readonly backend: string;
  /** Namespace and name; nobody when undefined. */
  readonly caller: Person | undefined;
}

/** "namespace/policy key" of each limit that is met. */
function naive(all: readonly CompiledPolicy[], everyone: readonly Person[], call: Call): string[] {
  const line: string[] = [];
  const groups = new Set<string>();
  let next = call.caller;
  while (next !== undefined) {
    const { name, namespace, parent, groups: own } = next;
    line.push(name);
    for (const group of own) groups.add(group);
    next = everyone.find((one) => one.namespace === namespace && one.name === parent);
  }
  const meets = (names: readonly string[] | undefined, own: Iterable<string>): boolean =>
    names === undefined || [...own].some((name) => names.includes(name));
  const applying = all.filter(({ namespace, scope, appliesTo }) => {
    const isLocal = call.caller?.namespace === namespace;
    return (
      (scope === "Cluster" || namespace === call.namespace) &&
      meets(appliesTo.routes, [call.route]) &&
      meets(appliesTo.backends, [call.backend]) &&
      meets(appliesTo.consumers, isLocal ? line : []) &&
      meets(appliesTo.consumerGroups, isLocal ? groups : [])
    );
  });
  const order = (one: CompiledPolicy): readonly (number | string)[] => {
    const { consumers, consumerGroups, routes } = one.appliesTo;
    const kind = [[consumers, routes], [consumerGroups, routes], [consumers], [consumerGroups], [routes], []].findIndex(
      (lists) => lists.every((each) => each !== undefined),
    );
    const nearest = consumers ? line.findIndex((name) => consumers.includes(name)) : 0;
    const group = consumers ? "" : ([...groups].filter((each) => consumerGroups?.includes(each)).sort()[0] ?? "");
    return [kind, nearest, one.scope === "Cluster" ? 1 : 0, group, one.createdMs || Infinity, one.name];
  };
  const rivals = applying
    .filter(({ precedence }) => precedence === "MostSpecific")
    .sort((a, b) => compare(order(a), order(b)));
  const enforced = rivals.find(({ limits }) => limits[0]?.mode === "Enforce");
  const [first] = rivals;
  const chosen = applying.filter((one) => one.precedence === "Additive" || one === enforced || one === first);
  return chosen
    .flatMap((one) => {
      const { consumers } = one.appliesTo;
      const subjects = consumers ? line.filter((name) => consumers.includes(name)) : line.slice(0, 1);
      const values = subjects.map((name) => ["Consumer", `${call.caller?.namespace ?? ""}/${name}`] as const);
      const keys = call.caller === undefined ? [["IP", "192.0.2.7"] as const] : values;
      const part = one.scope === "Cluster" ? "Cluster" : one.namespace;
      return keys.map((value) => `${one.namespace}/${one.name} ${counterKey("airl:", part, [value]).key}`);
    })
    .sort();
}

function compare(a: readonly (number | string)[], b: readonly (number | string)[]): number {
  for (const [i, one] of a.entries()) {
    const other = b[i] ?? "";
    if (one !== other) return one < other ? -1 : 1;
  }
  return 0;
}

test("[unit] the limits that a request meets are those that the rules name", () => {
  let met = 0;
  fc.assert(
    fc.property(
      people,
      policies,
      fc.constantFrom("a", SYSTEM),
      fc.constantFrom(...ROUTES),
      fc.constantFrom(...BACKENDS),
      fc.option(fc.tuple(fc.boolean(), fc.constantFrom(...NAMES)), { nil: undefined, freq: 8 }),
      (everyone, all, namespace, route, backend, who) => {
        const home = who?.[0] === true ? SYSTEM : namespace;
        const caller = everyone.find((one) => one.namespace === home && one.name === who?.[1]);
        const { snapshot, plans } = aGatewayConfig([
          ...everyone.map(({ parent, ...one }) =>
            aConsumer({ ...one, keys: [`${one.namespace}-${one.name}`], ...(parent !== undefined && { parent }) }),
          ),
          ...all,
          ...["a", SYSTEM].flatMap((where) => [
            ...BACKENDS.map((name) => aBackend({ namespace: where, name })),
            ...ROUTES.map((name) =>
              aRoute({
                namespace: where,
                name,
                matches: [aMatch({ path: { type: "Exact", value: `/${where}/${name}` } })],
              }),
            ),
          ]),
        ]);
        const path = `/${namespace}/${route}`;
        const found = snapshot.routes.find({ method: "POST", host: "", path, header: () => undefined })?.route;
        if (found === undefined) throw new Error(`no route ${path}`);
        const consumer = caller && snapshot.identify(namespace, `${caller.namespace}-${caller.name}`)?.consumer;
        const matched = plans.match({ route: found, consumer }, someFacts({ namespace, route, backend, consumer }));
        const seen = matched.map(({ record, counter }) => {
          const { policy: of } = record.limit;
          return `${of.namespace}/${of.name} ${counter.key}`;
        });
        const expected = naive(all, everyone, { namespace, route, backend, caller });
        expect(seen.sort()).toEqual(expected);
        met += expected.length;
      },
    ),
    { numRuns: 500 },
  );
  expect(met).toBeGreaterThan(200);
});
