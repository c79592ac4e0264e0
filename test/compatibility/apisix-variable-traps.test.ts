// Mistakes that are easily made where APISIX's rules with variables are rebuilt, each with the number that it has in traps.ts.

import { expect, test } from "vitest";
import { aLimit, aPolicy, compiled } from "../compiler/manifest-builders.ts";
import { type Ask, inWorld, type Scene, tokens } from "./world.ts";

const fixed = { duration: "60s", algorithm: "Fixed" };
const REMAINING = "x-ai-ratelimit-remaining-minute-l";
const LIMIT = "x-ai-ratelimit-limit-minute-l";

function keyed(value: string, more: object = {}): Scene {
  return { limits: [tokens({ window: fixed, per: [{ type: "Template", value, skipIfMissing: true, ...more }] })] };
}
const withId = (id: string): Ask => ({ headers: { "x-id": id } });

test("[unit] apisix trap 12: a template without a variable is refused, as it would be one counter by accident", () => {
  const { findings } = compiled(aPolicy({}, { limits: [aLimit({ per: [{ type: "Template", value: "all" }] })] }));
  expect(findings.map(({ severity, field }) => `${severity} ${field}`)).toContain("error spec.limits[0].per[0].value");
});

test("[proxy] apisix trap 13: a default makes a key that is always there", () =>
  inWorld(keyed("${http_x_id ?? nobody}"), async (world) => {
    expect(await world.statuses({}, {}, withId("1"))).toEqual([200, 429, 200]);
  }));

test("[proxy] apisix trap 14: a header that is empty is there, one that is absent is not", () =>
  inWorld(keyed("${http_x_id}"), async (world) => {
    expect(await world.statuses(withId(""), withId(""), {}, {}, {})).toEqual([200, 429, 200, 200, 200]);
  }));

test("[proxy] apisix trap 14: of two variables one is enough", () =>
  inWorld(keyed("${http_x_id}-${http_x_sub}"), async (world) => {
    expect(await world.statuses(withId("1"), withId("1"), {}, {})).toEqual([200, 429, 200, 200]);
  }));

const dynamic: Scene = { limits: [tokens({ limit: "${http_x_count ?? 12}", max: 500, window: fixed })] };
const count = (value: string): Ask => ({ headers: { "x-count": value } });

test("[proxy] apisix trap 15: a request may raise its limit up to the bound and no further", () =>
  inWorld(dynamic, async (world) => {
    expect(await world.header(LIMIT, count("500"))).toBe("500");
    expect(await world.statuses(count("501"))).toEqual([400]);
    // All share the counter, whatever they bring.
    expect(await world.statuses({})).toEqual([429]);
    expect(await world.header(REMAINING, count("500"))).toBe("488");
  }));

test.for(["0", "-5", "1.5", "abc", "1e2", "0x10", " ", "9007199254740993", "99999999999999999999"])(
  '[proxy] apisix trap 17: a limit of "%s" refuses the request and charges nothing, whatever other limits allow',
  (value) =>
    inWorld(
      { limits: [tokens({ name: "first", limit: 100, window: fixed }), ...(dynamic.limits ?? [])] },
      async (world) => {
        const answer = await world.ask(count(value));
        expect(answer.status).toBe(400);
        expect(answer.body.toLowerCase()).toContain("x-count");
        expect(world.received).toEqual([]);
        expect(await world.header("x-ai-ratelimit-remaining-minute-first")).toBe("100");
      },
    ),
);
