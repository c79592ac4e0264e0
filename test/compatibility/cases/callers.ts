// Callers without a key, and keys that are no longer any.

import { ALICE, type Ask, BOB, optionCases } from "../world.ts";

const GUEST = { guest: { username: "nobody" } };
const preflight: Ask = {
  key: "",
  method: "OPTIONS",
  headers: { origin: "https://app.example", "access-control-request-method": "POST" },
};

export const CALLER_CASES = optionCases([
  {
    name: "a consumer for callers without a key",
    without: { consumers: GUEST },
    with: {
      consumers: GUEST,
      routes: { chat: { authentication: { apiKey: {}, anonymousConsumer: "guest" } } },
      policy: { appliesTo: { consumers: ["guest"] } },
    },
    play: (world) => world.statuses({ key: "" }, { key: "wrong" }, ALICE),
    shows: { without: [401, 401, 200], with: [200, 429, 200] },
  },
  {
    name: "the realm of a 401",
    without: {},
    with: { routes: { chat: { authentication: { apiKey: {}, realm: "models" } } } },
    play: async (world) =>
      String((await world.ask({ key: "" })).headers["www-authenticate"]).includes('realm="models"'),
    shows: { without: false, with: true },
  },
  {
    name: "preflight requests without a key",
    without: {},
    with: { routes: { chat: { authentication: { apiKey: {}, runOnPreflight: false } } } },
    play: async (world) => (await world.statuses(preflight)).map((status) => status === 401),
    shows: { without: [true], with: [false] },
  },
  {
    name: "a credential that expires",
    without: {},
    with: {
      consumers: {
        bob: { credentials: [{ name: "main", apiKey: { value: "key-bob" }, expiresAt: "2020-01-01T00:00:00Z" }] },
      },
    },
    play: (world) => world.statuses(BOB),
    shows: { without: [200], with: [401] },
  },
]);
