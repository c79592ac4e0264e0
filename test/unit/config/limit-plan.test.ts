// Which limits a request meets and in which counters they count.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { MatchedLimit } from "../../../dataplane/config/matched-limit.ts";
import type { CompiledObject, CompiledPolicy } from "../../../dataplane/contract/compiled.ts";
import { counterKey, type KeyValues } from "../../../dataplane/contract/keys.ts";
import {
  aBackend,
  aConsumer,
  aGatewayConfig,
  aLimit,
  aMatch,
  aPolicy,
  aRoute,
  type FactParts,
  someFacts,
} from "./builders.ts";

interface Call extends FactParts {
  /** Key of the caller; nobody without. */
  readonly key?: string;
}

const PEOPLE = [
  aConsumer({ name: "alice", groups: ["silver", "gold"] }),
  aConsumer({ name: "bob", groups: ["gold"] }),
  aConsumer({ name: "carol" }),
  aConsumer({ name: "dora", keys: ["dora-1", "dora-2"] }),
];
const ROUTES = ["chat", "batch", "talk", "speak"].map((name) =>
  aRoute({
    name,
    matches: [aMatch({ path: { type: "Exact", value: `/${name}` } })],
    ...(name.endsWith("k") && { service: "voice" }),
  }),
);

/** Calls against one configuration, as the proxy makes them. */
function matcherOf(
  policies: readonly CompiledPolicy[],
  more: readonly CompiledObject[] = [],
): (call?: Call) => readonly MatchedLimit[] {
  const { snapshot, plans } = aGatewayConfig([...PEOPLE, ...ROUTES, aBackend(), ...policies, ...more]);
  return ({ key, route: routeName = "chat", ...facts } = {}) => {
    const route = snapshot.routes.find({
      method: "POST",
      host: "",
      path: `/${routeName}`,
      header: () => undefined,
    })?.route;
    if (route === undefined) throw new Error(`no route ${routeName}`);
    const identity = key === undefined ? undefined : snapshot.identify(route.namespace, key);
    if (key !== undefined && identity === undefined) throw new Error(`no consumer of ${key}`);
    const { consumer, credential } = identity ?? {};
    const { namespace, service } = route;
    return plans.match(
      { route, consumer },
      someFacts({ namespace, route: routeName, service, consumer, credential, ...facts }),
    );
  };
}

const names = (matched: readonly MatchedLimit[]): string[] => matched.map(({ record }) => record.limit.name);

describe("which limits", () => {
  test.for([
    { name: "no list is every request", appliesTo: {}, call: {}, matches: true },
    {
      name: "a consumer that is named",
      appliesTo: { consumers: ["alice"] },
      call: { key: "alice-key" },
      matches: true,
    },
    {
      name: "a consumer that is not named",
      appliesTo: { consumers: ["alice"] },
      call: { key: "bob-key" },
      matches: false,
    },
    { name: "nobody where a consumer is named", appliesTo: { consumers: ["alice"] }, call: {}, matches: false },
    { name: "a group", appliesTo: { consumerGroups: ["gold"] }, call: { key: "bob-key" }, matches: true },
    { name: "a route", appliesTo: { routes: ["batch"] }, call: { route: "chat" }, matches: false },
    { name: "a backend", appliesTo: { backends: ["openai"] }, call: { backend: "openai" }, matches: true },
    { name: "another backend", appliesTo: { backends: ["openai"] }, call: { backend: "azure" }, matches: false },
    {
      name: "all lists together",
      appliesTo: { consumers: ["alice"], consumerGroups: ["gold"], routes: ["chat"], backends: ["openai"] },
      call: { key: "alice-key" },
      matches: true,
    },
    {
      name: "all lists but the group",
      appliesTo: { consumers: ["alice"], consumerGroups: ["iron"], routes: ["chat"], backends: ["openai"] },
      call: { key: "alice-key" },
      matches: false,
    },
    {
      name: "all lists but the backend",
      appliesTo: { consumers: ["alice"], routes: ["chat"], backends: ["azure"] },
      call: { key: "alice-key" },
      matches: false,
    },
  ])("[unit] appliesTo decides: $name", ({ appliesTo, call, matches }) => {
    expect(matcherOf([aPolicy({ appliesTo })])(call)).toHaveLength(matches ? 1 : 0);
  });

  test("[unit] a limit applies when all of its conditions hold, in policy order", () => {
    const model = (value: string) => ({ type: "Model" as const, match: "Prefix" as const, values: [value] });
    const tier = { type: "Header" as const, name: "x-tier", match: "Exact" as const, values: ["a"] };
    const match = matcherOf([
      aPolicy({ name: "p", limits: [aLimit({ name: "both", when: [model("gpt-4"), tier] }), aLimit({ name: "all" })] }),
      aPolicy({ name: "q", limits: [aLimit({ name: "model", when: [model("gpt-")] })] }),
    ]);
    expect(names(match({ model: "gpt-4", headers: { "x-tier": "a" } }))).toEqual(["both", "all", "model"]);
    expect(names(match({ model: "gpt-4" }))).toEqual(["all", "model"]);
    expect(names(match({ model: "o1" }))).toEqual(["all"]);
    expect(names(match({}))).toEqual(["all"]);
  });

  test("[unit] of MostSpecific policies one is in force beside all Additive ones, chosen anew for each backend", () => {
    const named = (name: string, parts: Partial<CompiledPolicy>): CompiledPolicy =>
      aPolicy({ name, precedence: "MostSpecific", limits: [aLimit({ name })], ...parts });
    const match = matcherOf([
      named("all", {}),
      named("gold", { appliesTo: { consumerGroups: ["gold"] } }),
      named("silver", { appliesTo: { consumerGroups: ["silver"] }, createdMs: 1 }),
      named("alice", { appliesTo: { consumers: ["alice"], backends: ["azure"] } }),
      named("watched", {
        appliesTo: { routes: ["chat"], consumers: ["bob"] },
        limits: [aLimit({ name: "watched", mode: "Shadow" })],
      }),
      aPolicy({ name: "beside", limits: [aLimit({ name: "beside" })] }),
    ]);
    for (let round = 0; round < 2; round++) {
      expect(names(match({ key: "alice-key" }))).toEqual(["beside", "gold"]);
      expect(names(match({ key: "alice-key", backend: "azure" }))).toEqual(["alice", "beside"]);
      expect(names(match({ key: "bob-key" }))).toEqual(["beside", "gold", "watched"]);
      expect(names(match({ key: "bob-key", route: "batch" }))).toEqual(["beside", "gold"]);
      expect(names(match({ key: "carol-key" }))).toEqual(["all", "beside"]);
      expect(names(match())).toEqual(["all", "beside"]);
    }
  });

  test("[unit] what is remembered of a caller on one route does not leak to another route or caller", () => {
    const match = matcherOf([
      aPolicy({ name: "p", appliesTo: { routes: ["chat"] }, limits: [aLimit({ name: "chat-only" })] }),
      aPolicy({ name: "q", appliesTo: { consumers: ["alice"] }, limits: [aLimit({ name: "alice-only" })] }),
    ]);
    for (let round = 0; round < 2; round++) {
      expect(names(match({ key: "alice-key" }))).toEqual(["chat-only", "alice-only"]);
      expect(names(match({ key: "alice-key", route: "batch" }))).toEqual(["alice-only"]);
      expect(names(match({ key: "bob-key" }))).toEqual(["chat-only"]);
      expect(names(match({ route: "batch" }))).toEqual([]);
    }
  });

  test("[unit] policies of another namespace do not concern a route", () => {
    expect(matcherOf([aPolicy({ namespace: "elsewhere" })])({ key: "alice-key" })).toEqual([]);
  });

  test("[unit] a consumer of the system namespace is limited by the policies of the route's namespace, under its own name", () => {
    const route = aRoute({
      namespace: "team",
      name: "theirs",
      matches: [aMatch({ path: { type: "Exact", value: "/theirs" } })],
    });
    const match = matcherOf(
      [aPolicy({ namespace: "team" })],
      [route, aBackend({ namespace: "team" }), aConsumer({ namespace: "team", name: "alice", keys: ["team-alice"] })],
    );
    const [system] = match({ key: "alice-key", route: "theirs" });
    const [own] = match({ key: "team-alice", route: "theirs" });
    expect(system?.counter.key).toBe(counterKey("airl:", "team", [["Consumer", "default/alice"]]).key);
    expect(own?.counter.key).toBe(counterKey("airl:", "team", [["Consumer", "team/alice"]]).key);
  });
});

describe("which counters", () => {
  test("[unit] the counters of one consumer share one hash, a field for each limit", () => {
    const match = matcherOf([
      aPolicy({
        name: "p",
        limits: [
          aLimit({ name: "minute" }),
          aLimit({ name: "hour", window: { algorithm: "Fixed", durationMs: 3_600_000 } }),
        ],
      }),
      aPolicy({ name: "q", limits: [aLimit({ name: "day" })] }),
    ]);
    const matched = match({ key: "alice-key" });
    expect(new Set(matched.map(({ counter }) => counter.key)).size).toBe(1);
    expect(new Set(matched.map(({ counter }) => counter.tag)).size).toBe(1);
    expect(matched.map(({ counter }) => counter.field)).toEqual(matched.map(({ record }) => record.limit.counterId));
    expect(matched[1]?.counter.window).toEqual({ algorithm: "Fixed", durationMs: 3_600_000 });
  });

  const per = (...parts: CompiledPolicy["limits"][number]["per"]) =>
    matcherOf([aPolicy({ limits: [aLimit({ per: parts })] })]);
  const keyOf = (match: ReturnType<typeof matcherOf>, call: Call): string | undefined => match(call)[0]?.counter.key;
  const counterKeyOf = (values: KeyValues): string => counterKey("airl:", "default", values).key;
  const gold = { type: "ConsumerGroup" as const, match: "Exact" as const, values: ["gold"] };

  test.for([
    {
      name: "Consumer: two consumers count apart",
      match: per({ type: "Consumer" }),
      a: { key: "alice-key" },
      b: { key: "bob-key" },
      same: false,
    },
    {
      name: "Consumer: one consumer counts together from two addresses",
      match: per({ type: "Consumer" }),
      a: { key: "alice-key" },
      b: { key: "alice-key", clientIp: "10.0.0.1" },
      same: true,
    },
    {
      name: "Consumer: nobody counts by address",
      match: per({ type: "Consumer" }),
      a: {},
      b: { clientIp: "10.0.0.1" },
      same: false,
    },
    {
      name: "Header: one value counts together across consumers",
      match: per({ type: "Header", name: "x-team" }),
      a: { key: "alice-key", headers: { "x-team": "red" } },
      b: { key: "bob-key", headers: { "x-team": "red" } },
      same: true,
    },
    {
      name: "Header: without it the address counts",
      match: per({ type: "Header", name: "x-team" }),
      a: { key: "alice-key" },
      b: { key: "bob-key" },
      same: true,
    },
    {
      name: "Header: without it two addresses count apart",
      match: per({ type: "Header", name: "x-team" }),
      a: {},
      b: { clientIp: "10.0.0.1" },
      same: false,
    },
    {
      name: "Header: a value that looks like an address is not that address",
      match: per({ type: "Header", name: "x-team" }),
      a: {},
      b: { headers: { "x-team": "192.0.2.7" } },
      same: false,
    },
    {
      name: "Header and Header: what separates two values is part of neither (Kong trap 18)",
      match: per({ type: "Header", name: "a" }, { type: "Header", name: "b" }),
      a: { headers: { a: "1|2", b: "3" } },
      b: { headers: { a: "1", b: "2|3" } },
      same: false,
    },
    {
      name: "Header and Header: a length written into a value changes nothing (Kong trap 18)",
      match: per({ type: "Header", name: "a" }, { type: "Header", name: "b" }),
      a: { headers: { a: "1", b: "" } },
      b: { headers: { a: "", b: "1" } },
      same: false,
    },
    {
      name: "Query: one value counts together across consumers",
      match: per({ type: "Query", name: "team" }),
      a: { key: "alice-key", parameters: { team: "red" } },
      b: { key: "bob-key", parameters: { team: "red" } },
      same: true,
    },
    {
      name: "Query: a header of the same name and value counts apart",
      match: per({ type: "Query", name: "team" }),
      a: { parameters: { team: "red" } },
      b: { headers: { team: "red" } },
      same: false,
    },
    {
      name: "Credential: two credentials of one consumer count apart",
      match: per({ type: "Credential" }),
      a: { key: "dora-1" },
      b: { key: "dora-2" },
      same: false,
    },
    {
      name: "Credential: credentials of one name count apart by their consumers (APISIX trap 43)",
      match: per({ type: "Credential" }),
      a: { key: "alice-key" },
      b: { key: "bob-key" },
      same: false,
    },
    {
      name: "Consumer: two credentials of one consumer count together",
      match: per({ type: "Consumer" }),
      a: { key: "dora-1" },
      b: { key: "dora-2" },
      same: true,
    },
    {
      name: "Service: routes of one service count together",
      match: per({ type: "Service" }),
      a: { route: "talk" },
      b: { route: "speak" },
      same: true,
    },
    {
      name: "Service: a route without one counts apart",
      match: per({ type: "Service" }),
      a: { route: "chat" },
      b: { route: "batch" },
      same: false,
    },
    {
      name: "Path and Method: another method counts apart",
      match: per({ type: "Path" }, { type: "Method" }),
      a: { path: "/a", method: "POST" },
      b: { path: "/a", method: "PUT" },
      same: false,
    },
    {
      name: "ConsumerGroup: members of the first group count together",
      match: per({ type: "ConsumerGroup" }),
      a: { key: "alice-key" },
      b: { key: "bob-key" },
      same: true,
    },
    {
      name: "ConsumerGroup: without a group the consumer counts",
      match: per({ type: "ConsumerGroup" }),
      a: { key: "carol-key" },
      b: { key: "bob-key" },
      same: false,
    },
    {
      name: "Shared: everyone counts together",
      match: per({ type: "Shared" }),
      a: { key: "alice-key" },
      b: {},
      same: true,
    },
    {
      name: "Model: models count apart",
      match: per({ type: "Model" }),
      a: { model: "a" },
      b: { model: "b" },
      same: false,
    },
    {
      name: "Consumer and Model: a model of another consumer counts apart",
      match: per({ type: "Consumer" }, { type: "Model" }),
      a: { key: "alice-key", model: "a" },
      b: { key: "bob-key", model: "a" },
      same: false,
    },
    {
      name: "Route: routes count apart",
      match: per({ type: "Route" }),
      a: { route: "chat" },
      b: { route: "batch" },
      same: false,
    },
    {
      name: "Backend and Provider: backends count apart",
      match: per({ type: "Backend" }, { type: "Provider" }),
      a: { backend: "x" },
      b: { backend: "y" },
      same: false,
    },
    {
      name: "IP: a consumer counts apart at two addresses",
      match: per({ type: "IP" }),
      a: { key: "alice-key" },
      b: { key: "alice-key", clientIp: "10.0.0.1" },
      same: false,
    },
  ])("[unit] per $name", ({ match, a, b, same }) => {
    expect(keyOf(match, a)).toBeDefined();
    expect(keyOf(match, a) === keyOf(match, b)).toBe(same);
  });

  test("[unit] per ConsumerGroup counts on the group that the limit's condition names", () => {
    const limits = [
      aLimit({ name: "gold", per: [{ type: "ConsumerGroup" }], when: [gold] }),
      aLimit({ name: "silver", per: [{ type: "ConsumerGroup" }], when: [{ ...gold, values: ["silver"] }] }),
    ];
    const keys = matcherOf([aPolicy({ limits })])({ key: "alice-key" }).map(({ counter }) => counter.key);
    expect(keys).toEqual(
      ["gold", "silver"].map((group) => counterKey("airl:", "default", [["ConsumerGroup", group]]).key),
    );
  });

  test("[unit] two Shared limits have counters of their own", () => {
    const limits = [aLimit({ name: "x", per: [{ type: "Shared" }] }), aLimit({ name: "y", per: [{ type: "Shared" }] })];
    const [x, y] = matcherOf([aPolicy({ limits })])();
    expect(x?.counter.key).not.toBe(y?.counter.key);
  });

  test("[unit] a limit does not concern a request without what it skips (APISIX trap 12)", () => {
    const match = matcherOf([
      aPolicy({
        limits: [
          aLimit({ name: "team", per: [{ type: "Header", name: "x-team", skipIfMissing: true }] }),
          aLimit({ name: "all" }),
        ],
      }),
    ]);
    expect(names(match({ headers: { "x-team": "" } }))).toEqual(["team", "all"]);
    expect(names(match())).toEqual(["all"]);
  });

  test("[unit] per Template: the text counts, the address without any, or the limit is skipped (APISIX traps 13, 14, 16)", () => {
    const template = (value: string, skipIfMissing?: true) => ({ type: "Template" as const, value, skipIfMissing });
    const match = per(template("${http_a}_${http_b}"));
    expect(keyOf(match, { headers: { a: "1" } })).toBe(counterKeyOf([["Template:${http_a}_${http_b}", "1_"]]));
    expect(keyOf(match, { headers: { a: "" } })).toBe(counterKeyOf([["Template:${http_a}_${http_b}", "_"]]));
    expect(keyOf(match, {})).toBe(counterKeyOf([["IP", "192.0.2.7"]]));
    expect(keyOf(per(template("${http_a}", true)), {})).toBeUndefined();
    expect(keyOf(per(template("${http_a ?? none}", true)), {})).toBeDefined();
    // Two templates of one text: a counter each.
    const limits = ["${http_a}", "${http_b}"].map((value, i) => aLimit({ name: String(i), per: [template(value)] }));
    const [one, other] = matcherOf([aPolicy({ limits })])({ headers: { a: "x", b: "x" } });
    expect(one?.counter.key).not.toBe(other?.counter.key);
  });

  test("[unit] a template that this version cannot read tells nobody apart and skips nothing", () => {
    const match = per({ type: "Template", value: "${variable_of_a_later_version}", skipIfMissing: true });
    expect(keyOf(match, { key: "alice-key" })).toBeDefined();
    expect(keyOf(match, { key: "alice-key" })).toBe(keyOf(match, { key: "bob-key", clientIp: "10.0.0.1" }));
  });

  test("[unit] key values beyond maxKeys share one counter, also with the limit's other values (Kong trap 18)", () => {
    const header = { type: "Header" as const, name: "x" };
    const match = matcherOf([aPolicy({ limits: [aLimit({ per: [header], maxKeys: 3 })] })]);
    const keys = Array.from({ length: 50 }, (_, i) => keyOf(match, { headers: { x: String(i) } }));
    expect(new Set(keys).size).toBe(4);
    expect(keyOf(match, { headers: { x: "0" } })).toBe(keys[0]);
    expect(new Set(keys.slice(3)).size).toBe(1);
    const long = "v".repeat(2_000);
    expect(keyOf(match, { headers: { x: long } })).toBe(keys[3]);
  });

  test("[unit] a request that comes again has an equal counter, kept or not", () => {
    const match = per({ type: "Consumer" }, { type: "Header", name: "x" });
    const fresh = per({ type: "Consumer" }, { type: "Header", name: "x" });
    const value = fc.oneof(fc.string(), fc.string({ minLength: 500, maxLength: 600 }));
    fc.assert(
      fc.property(value, fc.constantFrom("alice-key", "bob-key", undefined), (header, key) => {
        const call = { ...(key === undefined ? {} : { key }), headers: { x: header } };
        const [first] = match(call);
        const [again] = match(call);
        expect(again?.counter).toEqual(first?.counter);
        expect(fresh(call)[0]?.counter).toEqual(first?.counter);
      }),
    );
  });

  test("[unit] counters of short key values are kept, those of long made-up values are not", () => {
    const match = per({ type: "Header", name: "x" });
    const counter = (length: number) => match({ headers: { x: "a".repeat(length) } })[0]?.counter;
    expect(counter(40)).toBe(counter(40));
    expect(counter(5_000)).not.toBe(counter(5_000));
    expect(counter(5_000)).toEqual(counter(5_000));
  });

  test("[unit] what a caller's plan keeps is the counter that its facts give", () => {
    const match = matcherOf([aPolicy({ limits: [aLimit({ per: [{ type: "Consumer" }, { type: "Route" }] })] })]);
    const values = [
      ["Consumer", "default/alice"],
      ["Route", "batch"],
    ] as const;
    for (let round = 0; round < 2; round++) {
      expect(keyOf(match, { key: "alice-key", route: "batch" })).toBe(counterKey("airl:", "default", values).key);
    }
  });
});
