// Limits that give way to others, share a counter, or of which requests bring a part.

import { describe, expect, test } from "vitest";
import type { MatchedLimit } from "../../../dataplane/config/matched-limit.ts";
import type { CompiledPolicy } from "../../../dataplane/contract/compiled.ts";
import { aBackend, aGatewayConfig, aLimit, aPolicy, aRoute, type FactParts, someFacts } from "./builders.ts";

function matcherOf(...policies: readonly CompiledPolicy[]): (facts?: FactParts) => readonly MatchedLimit[] {
  const { snapshot, plans } = aGatewayConfig([aRoute(), aBackend(), ...policies]);
  const route = snapshot.routes.find({ method: "POST", host: "", path: "/", header: () => undefined })?.route;
  if (route === undefined) throw new Error("no route");
  return (facts) => plans.match({ route, consumer: undefined }, someFacts(facts));
}

const names = (matched: readonly MatchedLimit[]): string[] => matched.map(({ record }) => record.limit.name);

describe("fallback", () => {
  const model = (...values: string[]) => ({ type: "Model" as const, match: "Exact" as const, values });
  const rest = aLimit({ name: "rest", fallback: true });

  test("[unit] concerns what no other limit of its policy concerns, wherever it stands", () => {
    const match = matcherOf(
      aPolicy({ limits: [rest, aLimit({ name: "big", when: [model("gpt-4")] })] }),
      aPolicy({ name: "second", limits: [aLimit({ name: "all" })] }),
    );
    expect(names(match({ model: "gpt-4" }))).toEqual(["big", "all"]);
    expect(names(match({ model: "o1" }))).toEqual(["rest", "all"]);
  });

  test("[unit] several concern the same request beside each other", () => {
    const second = aLimit({ name: "second", fallback: true });
    expect(names(matcherOf(aPolicy({ limits: [rest, second] }))())).toEqual(["rest", "second"]);
  });

  test("[unit] is not displaced by a limit that is skipped", () => {
    const per = [{ type: "Header" as const, name: "x", skipIfMissing: true as const }];
    const match = matcherOf(aPolicy({ limits: [aLimit({ name: "x", per }), rest] }));
    expect(names(match())).toEqual(["rest"]);
    expect(names(match({ headers: { x: "" } }))).toEqual(["x"]);
  });

  test.for([
    { other: "Shadow", fallback: "Enforce", found: ["other", "rest"] },
    { other: "Shadow", fallback: "Shadow", found: ["other"] },
    { other: "Enforce", fallback: "Shadow", found: ["other"] },
    { other: "Enforce", fallback: "Enforce", found: ["other"] },
  ] as const)("[unit] a limit in $other displaces a fallback in $fallback: $found", ({ other, fallback, found }) => {
    const limits = [aLimit({ name: "other", mode: other }), { ...rest, mode: fallback }];
    expect(names(matcherOf(aPolicy({ limits }))())).toEqual(found);
  });
});

describe("counters that policies share", () => {
  test("[unit] a request counts once in them and is compared with every limit", () => {
    const shared = { name: "minute", counterId: "shared" };
    const match = matcherOf(
      aPolicy({ name: "a", limits: [aLimit({ ...shared, limit: 100 })] }),
      aPolicy({ name: "b", limits: [aLimit({ ...shared, limit: 50 }), aLimit({ name: "own" })] }),
    );
    const matched = match();
    expect(matched.map(({ record, repeats }) => [record.limit.limit, repeats])).toEqual([
      [100, false],
      [50, true],
      [100, false],
    ]);
    expect(matched[0]?.counter).toEqual(matched[1]?.counter);
  });
});

describe("what a request brings", () => {
  const brought = aLimit({ limit: 1_000, limitTemplate: "${http_x_count ?? 500}" });

  test.for([
    { count: undefined, limit: 500 },
    { count: "1", limit: 1 },
    { count: "1000", limit: 1_000 },
  ])("[unit] the limit is $limit with the header $count, and the counter is the same", ({ count, limit }) => {
    const match = matcherOf(aPolicy({ limits: [brought] }));
    const [matched] = match({ headers: count === undefined ? {} : { "x-count": count } });
    expect(matched?.problem).toBeUndefined();
    expect(matched?.record.limit.limit).toBe(limit);
    expect(matched?.record.thresholds.map(({ amount }) => amount)).toEqual([limit * 0.8, limit]);
    expect(matched?.counter).toEqual(match()[0]?.counter);
  });

  test("[unit] the same amount is the same limit, so that what is kept by it is found again", () => {
    const match = matcherOf(aPolicy({ limits: [brought] }));
    const facts = { headers: { "x-count": "7" } };
    expect(match(facts)[0]?.record.limit).toBe(match(facts)[0]?.record.limit);
    for (let i = 1; i <= 1_000; i++) match({ headers: { "x-count": String(i) } });
    expect(match(facts)[0]?.record.limit.limit).toBe(7);
  });

  test.for(["0", "-1", "1.5", "", "1001", "9007199254740993", "abc", "5 "])(
    "[unit] %s is a problem of the request, never a reason to skip the limit (APISIX traps 15, 17)",
    (count) => {
      const limits = [aLimit({ name: "first" }), brought];
      const [first, second] = matcherOf(aPolicy({ limits }))({ headers: { "x-count": count } });
      expect(first?.problem).toBeUndefined();
      expect(second?.problem).toBe(
        "its limit is set by request header x-count: found something else, wanted an integer from 1 to 1000",
      );
    },
  );

  test("[unit] without a default what is absent is a problem too", () => {
    const limit = aLimit({ unit: "Cost", limit: 25e8, limitTemplate: "${arg_budget}" });
    expect(matcherOf(aPolicy({ limits: [limit] }))()[0]?.problem).toBe(
      "its limit is set by query parameter budget: found nothing, wanted an amount of money above 0, at most 2.5",
    );
  });

  test("[unit] windows of another length have counters of their own, of one length the same", () => {
    const limit = aLimit({ windowTemplate: "${http_x_window ?? 60s}" });
    const match = matcherOf(aPolicy({ limits: [limit] }));
    const at = (window: string) => match({ headers: { "x-window": window } })[0];
    expect(match()[0]?.counter).toMatchObject({ field: `${limit.counterId}.60`, window: { durationMs: 60_000 } });
    expect(at("60")?.counter).toEqual(match()[0]?.counter);
    expect(at("1h")?.counter).toMatchObject({ key: at("60")?.counter.key, field: `${limit.counterId}.3600` });
    expect(at("0")?.problem).toContain("its window is set by request header x-window: found something else");
  });

  test("[unit] of other windows there are 32 at a time: a client cannot make up counters with them", () => {
    const match = matcherOf(aPolicy({ limits: [aLimit({ windowTemplate: "${http_x_window ?? 60s}" })] }));
    const found = Array.from({ length: 40 }, (_, i) => match({ headers: { "x-window": String(i + 1) } })[0]);
    expect(found.slice(0, 32).filter((each) => each?.problem !== undefined)).toEqual([]);
    expect(new Set(found.slice(32).map((each) => each?.problem))).toEqual(
      new Set(["its window may have 32 lengths at a time: found another, wanted one that is in use"]),
    );
    expect(match({ headers: { "x-window": "7" } })[0]?.problem).toBeUndefined();
  });

  test("[unit] a text that this version cannot read is a problem of every request", () => {
    const limit = aLimit({ limitTemplate: "${variable_of_a_later_version ?? 5}" });
    expect(matcherOf(aPolicy({ limits: [limit] }))()[0]?.problem).toBe(
      "its limit is set by a text that cannot be read",
    );
  });
});
