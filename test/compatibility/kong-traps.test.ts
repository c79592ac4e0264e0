// Mistakes that are easily made where Kong's limits are rebuilt, each with the number that it has in traps.ts.

import { describe, expect, test } from "vitest";
import { aPolicy, compiled, type Manifest } from "../compiler/manifest-builders.ts";
import { answersChat, type Script } from "../helpers/scripted-upstream.ts";
import { ALICE, BOB, CAROL, inWorld, limitHeaders, MINUTE_MS, type Scene, tokens, type World } from "./world.ts";

const KONG = { bodyFormat: "Message", headers: { formats: ["Window"] } };
const fixed = { duration: "60s", algorithm: "Fixed" };
const REMAINING = "x-ai-ratelimit-remaining-minute-l";

/** Answers with so many completion tokens, one after the other; the last one again and again. */
function totals(...amounts: readonly number[]): Script {
  let next = 0;
  return (request, res) => {
    const total = amounts[Math.min(next++, amounts.length - 1)] ?? 0;
    answersChat({ prompt_tokens: 1, completion_tokens: total })(request, res);
  };
}

/** A sliding minute of completion tokens, which `totals` reports. */
function completions(changes: Manifest): Manifest {
  return tokens({ unit: "CompletionTokens", ...changes });
}

function chat(limits: Scene["limits"], more: Scene = {}): Scene {
  return { limits: limits ?? [], policy: { response: KONG }, ...more };
}

describe("headers", () => {
  test("[proxy] kong trap 1: Remaining on a 200 is what was there before the request", () =>
    inWorld(chat([tokens({ limit: 500 })]), async (world) => {
      expect(await world.header(REMAINING)).toBe("500");
      expect(await world.header(REMAINING)).toBe("488");
    }));

  test("[proxy] kong trap 2: no Reset, no Retry-After and no other format's names on a 200", () =>
    inWorld(chat([tokens()]), async (world) => {
      expect(Object.keys(limitHeaders(await world.ask())).toSorted()).toEqual([
        "x-ai-ratelimit-limit-minute-l",
        REMAINING,
      ]);
    }));

  test.for([
    { duration: "1s", name: "second" },
    { duration: "30s", name: "30" },
    { duration: "60s", name: "minute" },
    { duration: "2m", name: "120" },
    { duration: "1h", name: "hour" },
    { duration: "24h", name: "day" },
    { duration: "7d", name: "604800" },
    { duration: "30d", name: "month" },
    { duration: "365d", name: "year" },
  ])("[proxy] kong trap 3: $duration is $name", ({ duration, name }) =>
    inWorld(chat([tokens({ limit: 500, window: { duration } })]), async (world) => {
      expect(await world.header(`x-ai-ratelimit-limit-${name}-l`)).toBe("500");
    }),
  );

  test("[proxy] kong trap 8: Retry-After is a whole number and at least 1", () =>
    inWorld(chat([tokens({ window: fixed })]), async (world) => {
      await world.ask();
      world.advance(MINUTE_MS - 1);
      const { headers } = await world.ask();
      expect(headers["retry-after"]).toBe("1");
      expect(headers["x-ai-ratelimit-reset-minute-l"]).toBe("1");
      expect(headers["x-ai-ratelimit-retry-after"]).toBe("1");
    }));

  test("[proxy] kong trap 28: the wait of the whole is the longest, and what is not exhausted has its Remaining", () => {
    const hour = tokens({ name: "hour", limit: 24, window: { duration: "1h", algorithm: "Fixed" } });
    const day = tokens({ name: "day", limit: 100, window: { duration: "24h", algorithm: "Fixed" } });
    return inWorld(chat([tokens({ window: fixed }), hour, day]), async (world) => {
      await world.ask();
      world.advance(MINUTE_MS);
      await world.ask();
      const headers = limitHeaders(await world.ask());
      expect(headers).toMatchObject({
        "x-ai-ratelimit-reset-minute-l": "60",
        "x-ai-ratelimit-reset-hour-hour": "3540",
        "x-ai-ratelimit-reset": "3540",
        "x-ai-ratelimit-retry-after": "3540",
        "x-ai-ratelimit-remaining-day-day": "76",
      });
      expect(headers).not.toHaveProperty("x-ai-ratelimit-reset-day-day");
    });
  });
});

describe("windows", () => {
  test("[proxy] kong trap 4: windows lie on the grid of the epoch, whenever the first request comes", () =>
    inWorld(chat([tokens({ window: fixed })]), async (world) => {
      world.advance(59_000);
      expect(await world.statuses({}, {})).toEqual([200, 429]);
      world.advance(1_000);
      expect(await world.statuses({})).toEqual([200]);
    }));

  test("[proxy] kong trap 5: a sliding window is the weighted sum of two, to the millisecond", () =>
    inWorld(chat([completions({ limit: 1000 })], { script: totals(86, 12, 0) }), async (world) => {
      await world.ask();
      world.advance(MINUTE_MS);
      await world.ask();
      world.advance(15_000);
      // 86 * 0.75 + 12 = 76.5, and a little earlier 76.50143.
      expect(await world.header(REMAINING)).toBe("924");
      world.advance(350);
      // 86 * 0.74416... + 12 = 75.99833: whole seconds would still say 76.
      expect(await world.header(REMAINING)).toBe("925");
    }));

  test("[proxy] kong trap 6: the window before is remembered until the present one ends, and no longer", () =>
    inWorld(chat([completions({ limit: 1000 })], { script: totals(1000, 0) }), async (world) => {
      world.advance(10_000);
      await world.ask();
      world.advance(MINUTE_MS + 49_000);
      expect(await world.header(REMAINING)).toBe("984");
      world.advance(1_000);
      expect(await world.header(REMAINING)).toBe("1000");
    }));

  test.for([
    // The published walk-throughs: seconds into the window, what was used in it, and the reset told.
    { at: 57, used: 540, reset: "8" },
    { at: 45, used: 645, reset: "29" },
    { at: 52, used: 504, reset: "9" },
    { at: 0, used: 100_000, reset: "120" },
  ])("[proxy] kong trap 7: $used of 500 used at second $at are below it after $reset s", ({ at, used, reset }) =>
    inWorld(chat([completions({ limit: 500 })], { script: totals(used) }), async (world) => {
      world.advance(at * 1000);
      await world.ask();
      const refused = await world.ask();
      expect(refused.headers["x-ai-ratelimit-reset-minute-l"]).toBe(reset);
      world.advance(Number(reset) * 1000 - 1000);
      expect(await world.statuses({})).toEqual([429]);
      world.advance(1000);
      expect(await world.statuses({})).toEqual([200]);
    }),
  );

  test("[proxy] kong trap 5: the published figures of a weighted remainder and of a wait over two windows", async () => {
    await inWorld(chat([completions({ limit: 500 })], { script: totals(297, 0) }), async (world) => {
      world.advance(41_000);
      await world.ask();
      world.advance(MINUTE_MS + 14_400);
      expect(await world.header(REMAINING)).toBe("478");
    });
    const seconds = { duration: "10s" };
    await inWorld(chat([tokens({ limit: 1, window: seconds })]), async (world) => {
      expect(await world.statuses({}, {}, {})).toEqual([200, 429, 429]);
      world.advance(20_000);
      expect(await world.statuses({}, {}, {})).toEqual([200, 429, 429]);
    });
  });
});

describe("what is charged", () => {
  test("[proxy] kong trap 9: usage that has reached the limit refuses, at exactly nothing remaining", () =>
    inWorld(chat([tokens({ limit: 24 })]), async (world) => {
      expect(await world.statuses({}, {}, {})).toEqual([200, 200, 429]);
    }));

  test("[proxy] kong trap 16: refusals and the gateway's own answers are not charged", () =>
    inWorld(chat([tokens({ limit: 24, window: fixed })]), async (world) => {
      const none = await world.statuses({ path: "/v1/nowhere/at/all", method: "GET" }, { body: { model: 5 } });
      expect(none.every((status) => status >= 400)).toBe(true);
      expect(await world.header(REMAINING)).toBe("24");
      expect(await world.statuses({}, {}, {})).toEqual([200, 429, 429]);
      world.reconfigure(chat([tokens({ limit: 100, window: fixed })]));
      expect(await world.header(REMAINING)).toBe("76");
    }));

  test("[proxy] kong trap 17: all that match are charged, one that is exhausted refuses, and a refusal charges none", () => {
    const calls = tokens({ name: "calls", unit: "Requests", limit: 100, window: fixed });
    return inWorld(chat([tokens({ window: fixed }), calls]), async (world) => {
      expect(await world.statuses({}, {}, {})).toEqual([200, 429, 429]);
      world.advance(1);
      const { headers } = await world.ask();
      expect(headers["x-ai-ratelimit-remaining-minute-calls"]).toBe("99");
    });
  });
});

describe("keys", () => {
  const both = [
    { type: "Header", name: "x-a" },
    { type: "Header", name: "x-b" },
  ];
  const pair = ([a, b]: readonly [string, string]): { readonly headers: Record<string, string> } => ({
    headers: { "x-a": a, "x-b": b },
  });

  test.for([
    { one: ["a|b", "c"], other: ["a", "b|c"] },
    { one: ["a:1", "b"], other: ["a", "1:b"] },
    { one: ['a","b', "c"], other: ["a", 'b","c'] },
    { one: ["ab", "c"], other: ["a", "bc"] },
  ] as const)("[proxy] kong trap 18: $one and $other are two counters", ({ one, other }) =>
    inWorld(chat([tokens({ per: both })]), async (world) => {
      expect(await world.statuses(pair(one), pair(other), pair(one))).toEqual([200, 200, 429]);
    }),
  );

  test("[proxy] kong trap 19: identity headers of the client neither count nor go on", () => {
    const limits = [tokens({ when: [{ type: "Consumer", values: ["alice"] }] })];
    const forged = { "x-consumer-username": "bob", "x-consumer-id": "bob", "x-credential-identifier": "bob" };
    return inWorld(chat(limits), async (world) => {
      expect(await world.statuses({ headers: forged }, { headers: forged })).toEqual([200, 429]);
      expect(Object.keys(world.received[0]?.headers ?? {}).filter((name) => /^x-con|^x-cred/.test(name))).toEqual([]);
    });
  });

  test("[proxy] kong trap 20: without identity the address counts, and only trusted proxies say another one", async () => {
    const routes = { chat: { authentication: { none: {} } } };
    const from = (address: string): { key: string; headers: Record<string, string> } => ({
      key: "",
      headers: { "x-forwarded-for": address },
    });
    const play = (world: World): Promise<unknown> => world.statuses(from("192.0.2.1"), from("192.0.2.2"));
    expect(await inWorld(chat([tokens()], { routes }), play)).toEqual([200, 429]);
    expect(await inWorld(chat([tokens()], { routes, trustedProxies: ["127.0.0.1"] }), play)).toEqual([200, 200]);
  });

  test("[proxy] kong trap 21: a request that no limit concerns passes, without limit headers", () =>
    inWorld(chat([tokens({ when: [{ type: "Model", values: ["other"] }] })]), async (world) => {
      expect(await world.statuses({}, {}, {})).toEqual([200, 200, 200]);
      expect(limitHeaders(await world.ask())).toEqual({});
    }));

  test("[proxy] kong trap 33: limits on models go by what the client asks for", () => {
    const answers: Script = (request, res) => answersChat({ prompt_tokens: 12, completion_tokens: 0 })(request, res);
    return inWorld(
      chat([tokens({ when: [{ type: "Model", values: ["alias"] }] })], { script: answers }),
      async (world) => {
        // The provider's answer names gpt-4o.
        expect(await world.statuses({ model: "gpt-4o" }, { model: "alias" }, { model: "alias" })).toEqual([
          200, 200, 429,
        ]);
      },
    );
  });
});

describe("policies and their edits", () => {
  test("[proxy] kong trap 24: edits of anything but the counter's identity keep what was counted", () =>
    inWorld(chat([tokens({ limit: 100, window: fixed })]), async (world) => {
      await world.ask();
      world.reconfigure({
        limits: [tokens({ limit: 50, window: fixed, label: "renamed" })],
        policy: { mode: "Enforce" },
      });
      expect(await world.header("x-ai-ratelimit-remaining-minute-renamed")).toBe("38");
    }));

  test("[proxy] kong trap 24: another algorithm starts anew and leaves nothing broken", () =>
    inWorld(chat([tokens({ limit: 100, window: fixed })]), async (world) => {
      await world.ask();
      world.reconfigure(chat([tokens({ limit: 100, window: { duration: "60s", algorithm: "FixedFromFirst" } })]));
      expect(await world.header(REMAINING)).toBe("100");
      world.reconfigure(chat([tokens({ limit: 100, window: fixed })]));
      expect(await world.header(REMAINING)).toBe("88");
    }));

  const specific = (name: string, limit: number, appliesTo: object): NonNullable<Scene["policies"]> => ({
    [name]: { precedence: "MostSpecific", appliesTo, limits: [tokens({ name, limit })], response: KONG },
  });

  test("[proxy] kong trap 25: of several groups the one that sorts first has the policy, not the generous one", () =>
    inWorld(
      {
        consumers: { alice: { groups: ["zinc", "brass"] } },
        policies: {
          ...specific("z", 1000, { consumerGroups: ["zinc"] }),
          ...specific("b", 12, { consumerGroups: ["brass"] }),
        },
        limits: [tokens({ limit: 5000 })],
      },
      async (world) => {
        expect(await world.statuses({}, {})).toEqual([200, 429]);
      },
    ));

  test("[proxy] kong trap 26: a consumer's own policy takes the place of the group's and of the route's", () =>
    inWorld(
      {
        policies: {
          ...specific("mine", 1000, { consumers: ["alice"] }),
          ...specific("gold", 12, { consumerGroups: ["gold"] }),
          ...specific("chat", 5, { routes: ["chat"] }),
        },
        limits: [tokens({ limit: 5000 })],
      },
      async (world) => {
        expect(await world.statuses(ALICE, ALICE, ALICE)).toEqual([200, 200, 200]);
        expect(await world.statuses(BOB, BOB)).toEqual([200, 429]);
        expect(await world.statuses(CAROL, CAROL)).toEqual([200, 429]);
        const told = Object.keys(limitHeaders(await world.ask(ALICE)));
        expect(told.filter((name) => /-(gold|chat)$/.test(name))).toEqual([]);
      },
    ));

  test("[unit] kong trap 27: two limits whose headers would bear one name are refused", () => {
    const limits = [tokens(), tokens({ name: "two", label: "l", limit: 5 })];
    const { findings, objects } = compiled(aPolicy({}, { limits }));
    expect(findings.map(({ field, severity }) => `${severity} ${field}`)).toEqual(["error spec.limits[1].label"]);
    expect(objects).toEqual([]);
  });
});

describe("refusals", () => {
  test.for([
    { name: "the message is a prefix", message: "Stop: ", body: '{"message":"Stop: l"}' },
    { name: "a trailing space is kept", message: "para:  ", body: '{"message":"para:  l"}' },
    { name: "it is escaped", message: '"\\\n', body: '{"message":"\\"\\\\\\nl"}' },
    { name: "its default", message: "", body: '{"message":"AI token rate limit exceeded for provider(s): l"}' },
  ])("[proxy] kong trap 29: $name", ({ message, body }) =>
    inWorld({ policy: { response: { ...KONG, message } } }, async (world) => {
      await world.ask();
      expect((await world.ask()).body).toBe(body);
    }),
  );

  test("[proxy] kong trap 31: 401 before 429, and 429 before 400", () =>
    inWorld({}, async (world) => {
      await world.ask();
      const malformed = { body: { messages: "none", model: ["x"] } };
      expect(await world.statuses({ key: "wrong" }, { ...malformed }, { ...BOB, ...malformed })).toEqual([
        401, 429, 400,
      ]);
    }));
});
