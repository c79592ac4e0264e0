// Keys, amounts and windows that each request brings, and what else of a request a limit can ask for.

import { ALICE, type Ask, BOB, MINUTE_MS, optionCases, tokens } from "../world.ts";

const OTHER: Ask = { path: "/other/chat/completions" };
const id = (value: string): Ask => ({ headers: { "x-id": value } });
const template = (value: string, more: object = {}): object => ({ type: "Template", value, ...more });

const TWO_KEYS = {
  alice: {
    credentials: [
      { name: "laptop", apiKey: { value: "key-alice" } },
      { name: "ci", apiKey: { value: "key-alice-ci" } },
    ],
  },
};
const SERVICE = { chat: { service: "llm" }, other: { service: "llm" } };

export const VARIABLE_CASES = optionCases([
  {
    name: "a counter for each credential",
    without: { consumers: TWO_KEYS },
    with: { consumers: TWO_KEYS, limits: [tokens({ per: [{ type: "Credential" }] })] },
    play: (world) => world.statuses(ALICE, { key: "key-alice-ci" }, ALICE),
    shows: { without: [200, 429, 429], with: [200, 200, 429] },
  },
  {
    name: "a counter for each path",
    without: {},
    with: { limits: [tokens({ per: [{ type: "Path" }] })] },
    play: (world) => world.statuses({}, OTHER, { ...BOB, ...OTHER }),
    shows: { without: [200, 429, 200], with: [200, 200, 429] },
  },
  {
    name: "a limit for one path",
    without: {},
    with: { limits: [tokens({ when: [{ type: "Path", values: ["/v1/chat/completions"] }] })] },
    play: (world) => world.statuses(OTHER, OTHER, {}, {}),
    shows: { without: [200, 429, 429, 429], with: [200, 200, 200, 429] },
  },
  {
    name: "a counter for each service",
    without: { routes: SERVICE, limits: [tokens({ per: [{ type: "Route" }] })] },
    with: { routes: SERVICE, limits: [tokens({ per: [{ type: "Service" }] })] },
    play: (world) => world.statuses(ALICE, { ...BOB, ...OTHER }),
    shows: { without: [200, 200], with: [200, 429] },
  },
  {
    name: "a limit for one service",
    without: { routes: { chat: { service: "llm" } } },
    with: {
      routes: { chat: { service: "llm" } },
      limits: [tokens({ when: [{ type: "Service", values: ["llm"] }] })],
    },
    play: (world) => world.statuses(OTHER, OTHER, {}, {}),
    shows: { without: [200, 429, 429, 429], with: [200, 200, 200, 429] },
  },
  {
    name: "a limit for one custom id",
    without: { consumers: { alice: { customID: "acct-42" } } },
    with: {
      consumers: { alice: { customID: "acct-42" } },
      limits: [tokens({ when: [{ type: "Consumer", by: "CustomID", values: ["acct-42"] }] })],
    },
    play: (world) => world.statuses(ALICE, ALICE, BOB, BOB),
    shows: { without: [200, 429, 200, 429], with: [200, 429, 200, 200] },
  },
  {
    name: "counters that policies share",
    without: {
      policy: { appliesTo: { routes: ["chat"] } },
      policies: { second: { appliesTo: { routes: ["other"] }, limits: [tokens()] } },
    },
    with: {
      policy: { appliesTo: { routes: ["chat"] }, counters: { namespace: "shared" } },
      policies: {
        second: { appliesTo: { routes: ["other"] }, counters: { namespace: "shared" }, limits: [tokens()] },
      },
    },
    play: (world) => world.statuses({}, OTHER),
    shows: { without: [200, 200], with: [200, 429] },
  },
  {
    name: "a counter for each text of variables",
    without: {},
    with: { limits: [tokens({ per: [template("${http_x_id}")] })] },
    play: (world) => world.statuses(id("a"), id("b"), { ...BOB, ...id("a") }),
    shows: { without: [200, 429, 200], with: [200, 200, 429] },
  },
  {
    name: "a limit that does not concern requests without the variable",
    without: { limits: [tokens({ per: [template("${http_x_id}")] })] },
    with: { limits: [tokens({ per: [template("${http_x_id}", { skipIfMissing: true })] })] },
    play: (world) => world.statuses({}, {}, id("a"), id("a")),
    shows: { without: [200, 429, 200, 429], with: [200, 200, 200, 429] },
  },
  {
    name: "how much may be used, as the request says",
    without: { limits: [tokens({ limit: 12 })] },
    with: { limits: [tokens({ limit: "${http_x_count ?? 12}", max: 1000 })] },
    play: async (world) => [
      await world.header("x-ai-ratelimit-limit-minute-l"),
      ...(await world.statuses({}, { headers: { "x-count": "500" } })),
      await world.header("x-ai-ratelimit-limit-minute-l", { headers: { "x-count": "500" } }),
    ],
    shows: { without: ["12", 429, 429, "12"], with: ["12", 429, 200, "500"] },
  },
  {
    name: "how long a window is, as the request says",
    without: { limits: [tokens({ window: { duration: "60s", algorithm: "Fixed" } })] },
    with: { limits: [tokens({ window: { duration: "${http_x_window ?? 60}", algorithm: "Fixed" } })] },
    play: async (world) => {
      const headers = { "x-window": "3600" };
      const first = await world.statuses({ headers });
      world.advance(MINUTE_MS);
      return [...first, ...(await world.statuses({ headers }))];
    },
    shows: { without: [200, 200], with: [200, 429] },
  },
  {
    name: "a limit for what no other limit concerns",
    without: {
      limits: [tokens({ limit: 100, when: [{ type: "Consumer", values: ["alice"] }] }), tokens({ name: "rest" })],
    },
    with: {
      limits: [
        tokens({ limit: 100, when: [{ type: "Consumer", values: ["alice"] }] }),
        tokens({ name: "rest", fallback: true }),
      ],
    },
    play: (world) => world.statuses(ALICE, ALICE, BOB, BOB),
    shows: { without: [200, 429, 200, 429], with: [200, 200, 200, 429] },
  },
]);
