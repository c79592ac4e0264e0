// Headers of answers, and texts of refusals that say less.

import type { Manifest } from "../../compiler/manifest-builders.ts";
import { limitHeaders, type OptionCase, optionCases, type Scene, tokens } from "../world.ts";

const bedrock = tokens({ label: "bedrock" });
const MESSAGE = { bodyFormat: "Message" };
const KONG = { ...MESSAGE, headers: { formats: ["Window"] } };

function answering(response: Manifest): Scene {
  return { limits: [bedrock], policy: { response } };
}

const refusedBody: OptionCase["play"] = async (world) => {
  await world.ask();
  return (await world.ask()).body;
};

const shownOn =
  (...names: readonly string[]): OptionCase["play"] =>
  async (world) => {
    const headers = [limitHeaders(await world.ask()), limitHeaders(await world.ask())];
    return headers.map((told) => names.filter((name) => told[name] !== undefined));
  };

const LIMIT = "x-ai-ratelimit-limit-minute-bedrock";
const RESET = "x-ai-ratelimit-reset-minute-bedrock";

export const HEADER_CASES = optionCases([
  {
    name: "the message without labels",
    without: answering(MESSAGE),
    with: answering({ ...MESSAGE, message: "Too much.", hideDetails: true }),
    play: refusedBody,
    shows: {
      without: '{"message":"AI token rate limit exceeded for provider(s): bedrock"}',
      with: '{"message":"Too much."}',
    },
  },
  {
    name: "no limits and no remainders in headers, but resets",
    without: answering(KONG),
    with: answering({ ...MESSAGE, headers: { formats: ["Window"], hide: "Quota" } }),
    play: shownOn(LIMIT, RESET),
    shows: {
      without: [[LIMIT], [LIMIT, RESET]],
      with: [[], [RESET]],
    },
  },
  {
    name: "no limit headers at all",
    without: answering({ headers: { formats: ["Instance"] } }),
    with: answering({ headers: { formats: ["Instance"], hide: "All" } }),
    play: shownOn("x-ai-ratelimit-limit-bedrock", "x-ai-ratelimit-reset-bedrock", "retry-after"),
    shows: {
      without: [
        ["x-ai-ratelimit-limit-bedrock", "x-ai-ratelimit-reset-bedrock"],
        ["x-ai-ratelimit-limit-bedrock", "x-ai-ratelimit-reset-bedrock", "retry-after"],
      ],
      with: [[], ["retry-after"]],
    },
  },
  {
    name: "headers by label alone",
    without: answering({ headers: { formats: ["Window"] } }),
    with: answering({ headers: { formats: ["Instance"] } }),
    play: async (world) => Object.keys(limitHeaders(await world.ask())).toSorted(),
    shows: {
      without: [LIMIT, "x-ai-ratelimit-remaining-minute-bedrock"],
      with: ["x-ai-ratelimit-limit-bedrock", "x-ai-ratelimit-remaining-bedrock", "x-ai-ratelimit-reset-bedrock"],
    },
  },
  {
    name: "headers by rule",
    without: answering({ headers: { formats: ["Instance"] } }),
    with: answering({ headers: { formats: ["Rule"] } }),
    play: async (world) => Object.keys(limitHeaders(await world.ask())).toSorted(),
    shows: {
      without: ["x-ai-ratelimit-limit-bedrock", "x-ai-ratelimit-remaining-bedrock", "x-ai-ratelimit-reset-bedrock"],
      with: ["x-ai-bedrock-ratelimit-limit", "x-ai-bedrock-ratelimit-remaining", "x-ai-bedrock-ratelimit-reset"],
    },
  },
  {
    name: "the body error_msg",
    without: answering({ bodyFormat: "ErrorMsg", statusCode: 429 }),
    with: answering({ bodyFormat: "ErrorMsg", statusCode: 429, message: "Slow down." }),
    play: refusedBody,
    shows: { without: "Too Many Requests\n", with: '{"error_msg":"Slow down."}\n' },
  },
  {
    name: "waits that differ from client to client",
    without: answering({ headers: { formats: ["Window"] } }),
    with: answering({ headers: { formats: ["Window"] }, retryAfterJitter: "1h" }),
    play: async (world) => {
      await world.ask();
      const waits = new Set<string>();
      const resets = new Set<string>();
      for (let i = 0; i < 8; i += 1) {
        const { headers } = await world.ask();
        waits.add(String(headers["retry-after"]));
        resets.add(String(headers["x-ai-ratelimit-reset"]));
      }
      return { waits: waits.size > 1, resets: resets.size > 1 };
    },
    shows: { without: { waits: false, resets: false }, with: { waits: true, resets: false } },
  },
]);
