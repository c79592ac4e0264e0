// What a counter is kept for, and which requests a limit concerns.

import { ALICE, type Ask, BOB, CAROL, optionCases, tokens } from "../world.ts";

const NONE = { authentication: { none: {} } };
const open = { chat: NONE, other: NONE };
const OTHER: Ask = { path: "/other/chat/completions" };

function from(address: string, more: Ask = {}): Ask {
  return { key: "", ...more, headers: { "x-forwarded-for": address } };
}

const team = (value: string): Ask => ({ headers: { "x-team": value } });

export const KEY_CASES = optionCases([
  {
    name: "a counter for each consumer",
    without: { limits: [tokens({ per: [{ type: "Shared" }] })] },
    with: { limits: [tokens({ per: [{ type: "Consumer" }] })] },
    play: (world) => world.statuses(ALICE, BOB),
    shows: { without: [200, 429], with: [200, 200] },
  },
  {
    name: "a counter for each consumer group",
    without: { limits: [tokens()] },
    with: { limits: [tokens({ per: [{ type: "ConsumerGroup" }] })] },
    play: (world) => world.statuses(ALICE, BOB, CAROL),
    shows: { without: [200, 200, 200], with: [200, 429, 200] },
  },
  {
    name: "a counter for each value of a header",
    without: { limits: [tokens()] },
    with: { limits: [tokens({ per: [{ type: "Header", name: "X-Team" }] })] },
    play: (world) => world.statuses(team("red"), team("blue"), team("red")),
    shows: { without: [200, 429, 429], with: [200, 200, 429] },
  },
  {
    name: "a counter for each address",
    without: { trustedProxies: ["127.0.0.1"], routes: open, limits: [tokens({ per: [{ type: "Shared" }] })] },
    with: { trustedProxies: ["127.0.0.1"], routes: open, limits: [tokens({ per: [{ type: "IP" }] })] },
    play: (world) => world.statuses(from("192.0.2.1"), from("192.0.2.2"), from("192.0.2.1")),
    shows: { without: [200, 429, 429], with: [200, 200, 429] },
  },
  {
    name: "one counter for all",
    without: { limits: [tokens()] },
    with: { limits: [tokens({ per: [{ type: "Shared" }] })] },
    play: (world) => world.statuses(ALICE, CAROL),
    shows: { without: [200, 200], with: [200, 429] },
  },
  {
    name: "a counter for each combination",
    without: { limits: [tokens({ per: [{ type: "Header", name: "x-team" }] })] },
    with: { limits: [tokens({ per: [{ type: "Header", name: "x-team" }, { type: "Consumer" }] })] },
    play: (world) => world.statuses({ ...ALICE, ...team("red") }, { ...BOB, ...team("red") }, team("red")),
    shows: { without: [200, 429, 429], with: [200, 200, 429] },
  },
  {
    name: "a limit for one consumer",
    without: {},
    with: { limits: [tokens({ when: [{ type: "Consumer", values: ["alice"] }] })] },
    play: (world) => world.statuses(ALICE, ALICE, BOB, BOB),
    shows: { without: [200, 429, 200, 429], with: [200, 429, 200, 200] },
  },
  {
    name: "a limit for one username",
    without: { consumers: { alice: { username: "a@example.org" } } },
    with: {
      consumers: { alice: { username: "a@example.org" } },
      limits: [tokens({ when: [{ type: "Consumer", by: "Username", values: ["a@example.org"] }] })],
    },
    play: (world) => world.statuses(ALICE, ALICE, BOB, BOB),
    shows: { without: [200, 429, 200, 429], with: [200, 429, 200, 200] },
  },
  {
    name: "a limit for one consumer group",
    without: {},
    with: { limits: [tokens({ when: [{ type: "ConsumerGroup", values: ["silver"] }] })] },
    play: (world) => world.statuses(ALICE, ALICE, CAROL, CAROL),
    shows: { without: [200, 429, 200, 429], with: [200, 200, 200, 429] },
  },
  {
    name: "a limit for one value of a header",
    without: {},
    with: { limits: [tokens({ when: [{ type: "Header", name: "x-team", values: ["red"] }] })] },
    play: (world) => world.statuses(team("red"), team("red"), team("Red"), ALICE),
    shows: { without: [200, 429, 429, 429], with: [200, 429, 200, 200] },
  },
  {
    name: "a limit for addresses",
    without: { trustedProxies: ["127.0.0.1"], routes: open },
    with: {
      trustedProxies: ["127.0.0.1"],
      routes: open,
      limits: [tokens({ when: [{ type: "IP", values: ["192.0.2.0/24", "198.51.100.7"] }] })],
    },
    play: (world) =>
      world.statuses(...["192.0.2.9", "198.51.100.7", "203.0.113.1"].flatMap((ip) => [from(ip), from(ip)])),
    shows: { without: [200, 429, 200, 429, 200, 429], with: [200, 429, 200, 429, 200, 200] },
  },
  {
    name: "a limit for one model",
    without: {},
    with: { limits: [tokens({ when: [{ type: "Model", values: ["gpt-4o"] }] })] },
    play: (world) => world.statuses({ model: "gpt-4o" }, { model: "gpt-4o-mini" }, { model: "gpt-4o" }),
    shows: { without: [200, 429, 429], with: [200, 200, 429] },
  },
  {
    name: "a limit for one provider",
    without: { backends: { bedrock: { provider: "OpenAI" } } },
    with: {
      backends: { bedrock: { provider: "OpenAI" } },
      limits: [tokens({ when: [{ type: "Provider", values: ["openai"] }] })],
    },
    play: (world) => world.statuses({}, {}, OTHER, OTHER),
    shows: { without: [200, 429, 429, 429], with: [200, 200, 200, 429] },
  },
  {
    name: "a limit for one backend",
    without: {},
    with: { limits: [tokens({ when: [{ type: "Backend", values: ["bedrock"] }] })] },
    play: (world) => world.statuses({}, {}, OTHER, OTHER),
    shows: { without: [200, 429, 429, 429], with: [200, 200, 200, 429] },
  },
  {
    name: "all conditions must hold",
    without: { limits: [tokens({ when: [{ type: "Model", values: ["gpt-4o"] }] })] },
    with: {
      limits: [
        tokens({
          when: [
            { type: "Model", values: ["gpt-4o"] },
            { type: "Header", name: "x-team" },
          ],
        }),
      ],
    },
    play: (world) => world.statuses({}, {}, team("red"), team("red")),
    shows: { without: [200, 429, 429, 429], with: [200, 200, 200, 429] },
  },
  {
    name: "any of the values",
    without: { limits: [tokens({ when: [{ type: "Consumer", values: ["alice"] }] })] },
    with: { limits: [tokens({ when: [{ type: "Consumer", values: ["alice", "carol"] }] })] },
    play: (world) => world.statuses(BOB, BOB, CAROL, CAROL),
    shows: { without: [200, 200, 200, 200], with: [200, 200, 200, 429] },
  },
  {
    name: "a counter for each model",
    without: { limits: [tokens({ when: [{ type: "Model" }] })] },
    with: { limits: [tokens({ when: [{ type: "Model" }], per: [{ type: "Model" }] })] },
    play: (world) => world.statuses({ model: "a" }, { model: "b" }, { ...BOB, model: "a" }),
    shows: { without: [200, 429, 200], with: [200, 200, 429] },
  },
  {
    name: "a counter for each backend",
    without: {},
    with: { limits: [tokens({ per: [{ type: "Backend" }] })] },
    play: (world) => world.statuses({}, OTHER, { ...BOB, ...OTHER }),
    shows: { without: [200, 429, 200], with: [200, 200, 429] },
  },
  {
    name: "a policy for one consumer",
    without: {},
    with: { policy: { appliesTo: { consumers: ["alice"] } } },
    play: (world) => world.statuses(ALICE, ALICE, BOB, BOB),
    shows: { without: [200, 429, 200, 429], with: [200, 429, 200, 200] },
  },
  {
    name: "a policy for one consumer group",
    without: {},
    with: { policy: { appliesTo: { consumerGroups: ["gold"] } } },
    play: (world) => world.statuses(ALICE, ALICE, CAROL, CAROL),
    shows: { without: [200, 429, 200, 429], with: [200, 429, 200, 200] },
  },
  {
    name: "a policy for one route",
    without: {},
    with: { policy: { appliesTo: { routes: ["chat"] } } },
    play: (world) => world.statuses(OTHER, OTHER, {}, {}),
    shows: { without: [200, 429, 429, 429], with: [200, 200, 200, 429] },
  },
  {
    name: "a policy for one backend",
    without: {},
    with: { policy: { appliesTo: { backends: ["openai"] } } },
    play: (world) => world.statuses(OTHER, OTHER, {}, {}),
    shows: { without: [200, 429, 429, 429], with: [200, 200, 200, 429] },
  },
  {
    name: "of policies of which one is in force the most specific",
    without: {
      policy: { precedence: "Additive" },
      policies: { vip: { appliesTo: { consumers: ["alice"] }, limits: [tokens({ name: "vip", limit: 100 })] } },
    },
    with: {
      policy: { precedence: "MostSpecific" },
      policies: {
        vip: {
          precedence: "MostSpecific",
          appliesTo: { consumers: ["alice"] },
          limits: [tokens({ name: "vip", limit: 100 })],
        },
      },
    },
    play: (world) => world.statuses(ALICE, ALICE, BOB, BOB),
    shows: { without: [200, 429, 200, 429], with: [200, 200, 200, 429] },
  },
  {
    name: "every policy that matches is charged and enforced",
    without: {},
    with: {
      policies: { calls: { limits: [tokens({ name: "calls", unit: "Requests", limit: 2 })] } },
      limits: [tokens({ limit: 100 })],
    },
    play: (world) => world.statuses({}, {}, {}),
    shows: { without: [200, 429, 429], with: [200, 200, 429] },
  },
]);
