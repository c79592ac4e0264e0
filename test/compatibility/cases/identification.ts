// Who calls.

import type { Manifest } from "../../compiler/manifest-builders.ts";
import { type Ask, BOB, optionCases, type Scene } from "../world.ts";

function asking(apiKey: Manifest): Scene {
  return { routes: { chat: { authentication: { apiKey } } } };
}

const inHeader = (name: string): Ask => ({ key: "", headers: { [name]: "key-alice" } });
const inQuery = (name: string): Ask => ({ key: "", path: `/v1/chat/completions?${name}=key-bob` });

export const IDENTIFICATION_CASES = optionCases([
  {
    name: "the headers of the key",
    without: {},
    with: asking({ headers: ["x-team-key"] }),
    play: (world) => world.statuses(inHeader("X-Team-Key"), inHeader("apikey")),
    shows: { without: [401, 200], with: [200, 401] },
  },
  {
    name: "the query parameters of the key",
    without: {},
    with: asking({ query: ["team"] }),
    play: (world) => world.statuses(inQuery("team"), inQuery("apikey")),
    shows: { without: [401, 200], with: [200, 401] },
  },
  {
    name: "keys in headers only",
    without: {},
    with: asking({ headers: ["apikey"] }),
    play: (world) => world.statuses(inQuery("apikey"), inHeader("apikey")),
    shows: { without: [200, 200], with: [401, 200] },
  },
  {
    name: "keys in the query only",
    without: {},
    with: asking({ query: ["apikey"] }),
    play: (world) => world.statuses(inQuery("apikey"), inHeader("apikey")),
    shows: { without: [200, 200], with: [200, 401] },
  },
  {
    name: "the key is kept from the provider",
    without: asking({ headers: ["x-k"], hideCredentials: false }),
    with: asking({ headers: ["x-k"], hideCredentials: true }),
    play: async (world) => {
      await world.ask(inHeader("x-k"));
      return world.received[0]?.headers["x-k"];
    },
    shows: { without: "key-alice", with: undefined },
  },
  {
    name: "a key identifies its consumer",
    without: { consumers: { bob: { credentials: [] } } },
    with: {},
    play: (world) => world.statuses(BOB),
    shows: { without: [401], with: [200] },
  },
  {
    name: "several keys of a consumer",
    without: {},
    with: {
      consumers: {
        bob: {
          credentials: [
            { name: "old", apiKey: { value: "key-bob" } },
            { name: "new", apiKey: { value: "key-bob-2" } },
          ],
        },
      },
    },
    play: (world) => world.statuses(BOB, { key: "key-bob-2" }),
    shows: { without: [200, 401], with: [200, 429] },
  },
]);
