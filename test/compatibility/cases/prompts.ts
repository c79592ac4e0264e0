// What is counted before the answer, and money by a formula.

import type { Manifest } from "../../compiler/manifest-builders.ts";
import { type Ask, MINUTE_MS, optionCases, type Scene, tokens } from "../world.ts";

const window = { duration: "60s", algorithm: "Fixed" };
/** 40 bytes: an estimate of 10 tokens. */
const FORTY: Ask = { text: "x".repeat(40) };

function counting(unit: string, changes: Manifest = {}): Scene {
  return { limits: [tokens({ unit, limit: 25, window, ...changes })] };
}

const priced = {
  openai: { models: [{ name: "gpt-4o", prices: { inputPer1M: "1", outputPer1M: "2", currency: "USD" } }] },
};

export const PROMPT_CASES = optionCases([
  {
    name: "what prompts count for, before they are sent on",
    without: counting("Requests"),
    with: counting("RequestPrompt"),
    play: async (world) => [...(await world.statuses(FORTY, FORTY, FORTY)), world.received.length],
    shows: { without: [200, 200, 200, 3], with: [200, 200, 429, 2] },
  },
  {
    name: "what a prompt counts for is told",
    without: counting("Requests"),
    with: counting("RequestPrompt"),
    play: (world) => world.header("x-ai-ratelimit-query-cost", FORTY),
    shows: { without: undefined, with: "10" },
  },
  {
    name: "a formula for prompts",
    without: counting("RequestPrompt"),
    with: counting("RequestPrompt", { expression: 'double(headers["x-weight"]) * message_count' }),
    play: (world) => {
      const heavy = { ...FORTY, headers: { "x-weight": "20" } };
      return world.statuses(heavy, heavy, FORTY);
    },
    shows: { without: [200, 200, 429], with: [200, 429, 200] },
  },
  {
    name: "refused requests that count",
    without: { limits: [tokens({ unit: "RequestPrompt", limit: 10 })] },
    with: { limits: [tokens({ unit: "RequestPrompt", limit: 10, chargeRefused: true })] },
    play: async (world) => {
      await world.statuses(FORTY, FORTY, FORTY, FORTY);
      world.advance(MINUTE_MS + 50_000);
      // 10 of the window before are down to 1.7; 40 are down to 6.7.
      return world.statuses({ text: "x".repeat(20) });
    },
    shows: { without: [200], with: [429] },
  },
  {
    name: "money by a formula",
    without: { ...counting("Cost", { limit: "1" }), backends: priced },
    with: { ...counting("Cost", { limit: "1", expression: "cost * 2 + 0.25" }), backends: priced },
    play: async (world) => {
      await world.ask();
      return world.header("x-ai-ratelimit-remaining-minute-l");
    },
    // (5 * 1 + 7 * 2) / 1e6 = 0.000019
    shows: { without: "0.999981", with: "0.749962" },
  },
  {
    name: "an estimate at the check that is corrected to the truth",
    without: counting("TotalTokens", { limit: 100 }),
    with: { ...counting("TotalTokens", { limit: 100 }), policy: { admission: { estimate: "Prompt" } } },
    play: async (world) => [
      await world.header("x-ai-ratelimit-remaining-minute-l", FORTY),
      await world.header("x-ai-ratelimit-remaining-minute-l", { text: "" }),
    ],
    shows: { without: ["100", "88"], with: ["90", "88"] },
  },
]);
