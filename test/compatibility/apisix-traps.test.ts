// Mistakes that are easily made where APISIX's limits are rebuilt, each with the number that it has in traps.ts.

import { describe, expect, test } from "vitest";
import { aConsumer, aLimit, aPolicy, aRoute, compiled } from "../compiler/manifest-builders.ts";
import { answersChat, type Script } from "../helpers/scripted-upstream.ts";
import { ALICE, BOB, CAROL, inWorld, limitHeaders, MINUTE_MS, type Scene, tokens } from "./world.ts";

const fixed = { duration: "60s", algorithm: "Fixed" };
const first = { duration: "60s", algorithm: "FixedFromFirst" };
const REMAINING = "x-ai-ratelimit-remaining-minute-l";
const OTHER = { path: "/other/chat/completions" };

const failing =
  (status: number, usage?: object): Script =>
  (_request, res) => {
    const body = JSON.stringify({ error: { message: "no", type: "x" }, ...(usage ? { usage } : {}) });
    res.writeHead(status, { "content-type": "application/json" }).end(body);
  };

function expression(text: string, usage: unknown): Scene {
  return {
    limits: [tokens({ limit: 1000, unit: "Expression", expression: text, window: fixed })],
    script: answersChat(usage),
  };
}

describe("windows from the first request", () => {
  test("[proxy] apisix trap 1: usage decides, not usage and what is asked: the last one let in may go far beyond", () =>
    inWorld({ limits: [tokens({ limit: 13, window: first })] }, async (world) => {
      expect(await world.statuses({}, {}, {})).toEqual([200, 200, 429]);
    }));

  test("[proxy] apisix trap 2: Remaining leaves the present request out", () =>
    inWorld({ limits: [tokens({ limit: 30, window: first })] }, async (world) => {
      const seen = [await world.header(REMAINING), await world.header(REMAINING), await world.header(REMAINING)];
      expect(seen).toEqual(["30", "18", "6"]);
      expect((await world.ask()).headers[REMAINING]).toBe("0");
    }));

  test("[proxy] apisix trap 3: the window opens with the first check, though nothing is charged", () =>
    inWorld({ limits: [tokens({ window: first })], script: failOnce() }, async (world) => {
      expect(await world.statuses({})).toEqual([500]);
      world.advance(50_000);
      expect(await world.statuses({}, {})).toEqual([200, 429]);
      world.advance(10_000);
      expect(await world.statuses({})).toEqual([200]);
    }));

  test("[proxy] apisix trap 4: a charge after the end opens a window of its own", async () => {
    const late = { pass: 0, advance: (_ms: number): void => {} };
    const script: Script = (request, res) => {
      if (late.pass++ === 0) late.advance(61_000);
      answersChat()(request, res);
    };
    await inWorld({ limits: [tokens({ window: first })], script }, async (world) => {
      late.advance = (ms) => world.advance(ms);
      expect(await world.statuses({})).toEqual([200]);
      expect(await world.statuses({})).toEqual([429]);
      world.advance(59_999);
      expect(await world.statuses({})).toEqual([429]);
      world.advance(1);
      expect(await world.statuses({})).toEqual([200]);
    });
  });

  test("[proxy] apisix trap 27: what costs nothing leaves the counter as it was, in the window that its check opened", () =>
    inWorld(
      {
        limits: [tokens({ window: first, unit: "CompletionTokens" })],
        script: answersChat({ prompt_tokens: 5, completion_tokens: 0 }),
      },
      async (world) => {
        await world.ask();
        world.advance(59_000);
        const { headers } = await world.ask();
        expect(headers[REMAINING]).toBe("12");
        expect(headers["ratelimit"]).toBe('"default/team/l";r=12');
      },
    ));

  test("[proxy] apisix trap 44: the wait is the true rest of the window", () =>
    inWorld({ limits: [tokens({ window: first })] }, async (world) => {
      world.advance(7_000);
      await world.ask();
      world.advance(20_500);
      const { headers } = await world.ask();
      expect([headers["x-ai-ratelimit-reset-minute-l"], headers["retry-after"]]).toEqual(["40", "40"]);
    }));
});

function failOnce(): Script {
  let failed = false;
  return (request, res) => {
    if (failed) return answersChat()(request, res);
    failed = true;
    failing(500)(request, res);
  };
}

describe("counters", () => {
  test("[proxy] apisix trap 5: a limit for each backend is a counter for each backend", () =>
    inWorld({ limits: [tokens({ per: [{ type: "Backend" }] })] }, async (world) => {
      expect(await world.statuses({}, OTHER, {}, OTHER)).toEqual([200, 200, 429, 429]);
    }));

  test("[proxy] apisix trap 6: edits keep the counter, and so does applying the same again", () =>
    inWorld({ limits: [tokens({ limit: 50, window: fixed })] }, async (world) => {
      await world.ask();
      world.reconfigure({ limits: [tokens({ limit: 50, window: fixed })] });
      expect(await world.header(REMAINING)).toBe("38");
      const response = { statusCode: 403, bodyFormat: "Message", message: "No. " };
      world.reconfigure({ limits: [tokens({ limit: 60, window: fixed })], policy: { response } });
      expect(await world.header(REMAINING)).toBe("36");
    }));

  test("[proxy] apisix trap 7: another unit is another counter: no tokens of one kind among those of another", () =>
    inWorld({ limits: [tokens({ limit: 50, window: fixed })] }, async (world) => {
      await world.ask();
      world.reconfigure({ limits: [tokens({ limit: 50, window: fixed, unit: "CompletionTokens" })] });
      expect(await world.header(REMAINING)).toBe("50");
    }));

  test("[proxy] apisix trap 16: two limits with one key value have a counter each", () => {
    const per = [{ type: "Header", name: "x-id" }];
    const limits = [
      tokens({ limit: 24, per, window: fixed }),
      tokens({ name: "short", per, window: { duration: "1s" } }),
    ];
    return inWorld({ limits }, async (world) => {
      const headers = { "x-id": "7" };
      expect(await world.statuses({ headers }, { headers })).toEqual([200, 429]);
      world.advance(2_000);
      expect(await world.statuses({ headers }, { headers })).toEqual([200, 429]);
      expect((await world.ask({ headers })).headers[REMAINING]).toBe("0");
    });
  });

  test("[proxy] apisix trap 18: all that apply are charged, also those after one that the charge fills", () => {
    const hour = tokens({ name: "hour", limit: 100, window: { duration: "1h", algorithm: "Fixed" } });
    return inWorld({ limits: [tokens({ limit: 5, window: fixed }), hour] }, async (world) => {
      await world.ask();
      world.advance(MINUTE_MS);
      expect(await world.header("x-ai-ratelimit-remaining-hour-hour")).toBe("88");
    });
  });

  test("[proxy] apisix trap 41: a limit of a group has one counter for its members, one of consumers one for each", async () => {
    const policy = { appliesTo: { consumerGroups: ["gold"] } };
    const shared = { policy, limits: [tokens({ per: [{ type: "ConsumerGroup" }] })] };
    expect(await inWorld(shared, (world) => world.statuses(ALICE, BOB))).toEqual([200, 429]);
    expect(await inWorld({ policy }, (world) => world.statuses(ALICE, BOB))).toEqual([200, 200]);
  });

  test("[proxy] apisix trap 42: limits of consumer and route are both enforced, unless only the most specific is asked for", async () => {
    const vip = { appliesTo: { consumers: ["alice"] }, limits: [tokens({ name: "vip", limit: 1000 })] };
    const additive: Scene = { policy: { appliesTo: { routes: ["chat"] } }, policies: { vip } };
    const specific: Scene = {
      policy: { appliesTo: { routes: ["chat"] }, precedence: "MostSpecific" },
      policies: { vip: { ...vip, precedence: "MostSpecific" } },
    };
    expect(await inWorld(additive, (world) => world.statuses({}, {}))).toEqual([200, 429]);
    expect(await inWorld(specific, (world) => world.statuses({}, {}))).toEqual([200, 200]);
  });

  test("[unit] apisix trap 43: consumers whose namespace and name join to the same text are two", () => {
    const { objects } = compiled(
      aConsumer({ namespace: "a-b", name: "c" }),
      aConsumer({ namespace: "a", name: "b-c" }),
      aConsumer({ namespace: "a", name: "b.c" }),
    );
    expect(new Set(objects.map(({ namespace, name }) => JSON.stringify([namespace, name]))).size).toBe(3);
  });
});

describe("answers", () => {
  test("[proxy] apisix trap 11: where no limit applies the request passes and nothing is said", () =>
    inWorld({ limits: [tokens({ when: [{ type: "Header", name: "x-id" }] })] }, async (world) => {
      const answer = await world.ask();
      expect([answer.status, limitHeaders(answer)]).toEqual([200, {}]);
    }));

  test("[proxy] apisix trap 19: a refusal shows all limits, and a limit's label does not depend on the others", () => {
    const limits = [tokens(), tokens({ name: "two", limit: 100, when: [{ type: "Header", name: "x-id" }] })];
    return inWorld({ limits }, async (world) => {
      await world.ask();
      const refused = limitHeaders(await world.ask({ headers: { "x-id": "1" } }));
      expect(refused[REMAINING]).toBe("0");
      expect(refused["x-ai-ratelimit-remaining-minute-two"]).toBe("100");
    });
  });

  test.for(["a b", "a:b", "", "ä", "x".repeat(64)])(
    '[unit] apisix trap 20: a label that no header can bear is refused: "%s"',
    (label) => {
      const { findings } = compiled(aPolicy({}, { limits: [aLimit({ label })] }));
      expect(findings.map(({ field }) => field)).toEqual(["spec.limits[0].label"]);
    },
  );

  test("[proxy] apisix trap 21: 200 is a status like others, and still the provider is not asked", () =>
    inWorld({ policy: { response: { statusCode: 200 } } }, async (world) => {
      await world.ask();
      const refused = await world.ask();
      expect(refused.status).toBe(200);
      expect(refused.headers["x-ai-ratelimit-remaining-minute-l"]).toBe("0");
      expect(world.received).toHaveLength(1);
    }));

  test("[proxy] apisix trap 23: 401, 429 and 400 have one shape, that of the client's dialect", () =>
    inWorld({}, async (world) => {
      await world.ask();
      const answers = [
        await world.ask({ key: "wrong" }),
        await world.ask(),
        await world.ask({ ...BOB, body: { model: ["x"] } }),
      ];
      for (const { body } of answers) expect(body).toMatch(/^\{"error":\{"message":"[^"].*","type":"\w+"/);
      expect(answers.map(({ status }) => status)).toEqual([401, 429, 400]);
    }));
});

describe("expressions", () => {
  const usage = { prompt_tokens: 120, completion_tokens: 30, nested: { deep: 4 } };

  test.for([
    { name: "apisix trap 24: a division by zero costs the total tokens", text: "prompt_tokens / missing", left: "850" },
    {
      name: "apisix trap 24: a nested field is read, an absent one is 0",
      text: "nested.deep + nested.none.at.all",
      left: "996",
    },
    { name: "apisix trap 25: comparisons and conditions are there", text: "prompt_tokens > 100 ? 5 : 0", left: "995" },
    { name: "apisix trap 26: rounded half up, at the end", text: "prompt_tokens * 0.5 + 0.25 + 0.25", left: "939" },
    { name: "apisix trap 26: below 0 is 0", text: "prompt_tokens - 500", left: "1000" },
  ])("[proxy] $name", ({ text, left }) =>
    inWorld(expression(text, usage), async (world) => {
      await world.ask();
      expect(await world.header(REMAINING)).toBe(left);
    }),
  );

  test("[unit] apisix trap 25: an expression whose value is true or false is refused", () => {
    const limit = aLimit({ unit: "Expression", expression: "prompt_tokens > 5" });
    expect(compiled(aPolicy({}, { limits: [limit] })).findings.map(({ field }) => field)).toEqual([
      "spec.limits[0].expression",
    ]);
  });
});

describe("what is charged", () => {
  test.for([
    { status: 500, left: "100" },
    { status: 404, left: "100" },
    { status: 400, usage: { prompt_tokens: 7, completion_tokens: 0 }, left: "93" },
  ])("[proxy] apisix trap 32: a $status with usage $usage leaves $left of 100", ({ status, usage, left }) =>
    inWorld({ limits: [tokens({ limit: 100, window: fixed })], script: failing(status, usage) }, async (world) => {
      await world.ask();
      expect(await world.header(REMAINING)).toBe(left);
    }),
  );

  test("[proxy] apisix trap 29: an answer without usage is charged by its text", () =>
    inWorld({ limits: [tokens({ limit: 100, window: fixed })], script: answersChat(null) }, async (world) => {
      await world.ask();
      expect(Number(await world.header(REMAINING))).toBeLessThan(100);
    }));

  test("[proxy] apisix trap 40: the very next request meets the charge of the last", () =>
    inWorld({ limits: [tokens({ limit: 1200, window: fixed })] }, async (world) => {
      for (let i = 0; i < 20; i += 1) expect(await world.header(REMAINING)).toBe(String(1200 - 12 * i));
    }));
});

describe("identification", () => {
  test("[proxy] apisix trap 37: the caller's key does not reach the provider unless that is asked for", async () => {
    const sent = (hideCredentials?: boolean): Promise<unknown> => {
      const apiKey = { headers: ["apikey"], ...(hideCredentials === undefined ? {} : { hideCredentials }) };
      return inWorld({ routes: { chat: { authentication: { apiKey } } } }, async (world) => {
        await world.ask();
        return world.received[0]?.headers["apikey"];
      });
    };
    expect([await sent(), await sent(false)]).toEqual([undefined, "key-alice"]);
  });

  test("[proxy] apisix trap 38: a wrong key in the first place is not made good by a right one in the next", () =>
    inWorld({}, async (world) => {
      const path = "/v1/chat/completions?apikey=key-carol";
      expect(await world.statuses({ key: "wrong", path }, { key: "", path }, CAROL)).toEqual([401, 200, 429]);
    }));

  test("[unit] apisix trap 45: a consumer whose Secret is missing says so", () => {
    const secretRef = { name: "gone", key: "k" };
    const { findings } = compiled(
      aConsumer({}, { credentials: [{ name: "main", apiKey: { secretRef } }] }),
      aRoute({}, { backendRefs: [{ name: "it" }] }),
    );
    expect(findings.map(({ code, field }) => `${code} ${field}`)).toContain(
      "SecretNotFound spec.credentials[0].apiKey.secretRef.name",
    );
  });
});
