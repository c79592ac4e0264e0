// What is counted.

import type { Manifest } from "../../compiler/manifest-builders.ts";
import { answersChat } from "../../helpers/scripted-upstream.ts";
import { type OptionCase, optionCases, type Scene, tokens } from "../world.ts";

const remaining =
  (label: string): OptionCase["play"] =>
  async (world) => {
    await world.ask();
    return world.header(`x-ai-ratelimit-remaining-minute-${label}`);
  };

const window = { duration: "60s", algorithm: "Fixed" };

function counting(unit: string, changes: Manifest = {}): Scene {
  return { limits: [tokens({ unit, limit: 100, window, ...changes })] };
}

const priced = (input: string, output: string): NonNullable<Scene["backends"]> => ({
  openai: { models: [{ name: "gpt-4o", prices: { inputPer1M: input, outputPer1M: output, currency: "USD" } }] },
});

export const UNIT_CASES = optionCases([
  {
    name: "prompt and completion tokens",
    without: counting("PromptTokens"),
    with: counting("TotalTokens"),
    play: remaining("l"),
    shows: { without: "95", with: "88" },
  },
  {
    name: "prompt tokens",
    without: counting("TotalTokens"),
    with: counting("PromptTokens"),
    play: remaining("l"),
    shows: { without: "88", with: "95" },
  },
  {
    name: "completion tokens",
    without: counting("TotalTokens"),
    with: counting("CompletionTokens"),
    play: remaining("l"),
    shows: { without: "88", with: "93" },
  },
  {
    name: "money",
    without: { ...counting("TotalTokens"), backends: priced("0.15", "0.60") },
    with: { ...counting("Cost", { limit: "1" }), backends: priced("0.15", "0.60") },
    play: remaining("l"),
    shows: { without: "88", with: "0.99999505" },
  },
  {
    name: "the price of prompt tokens",
    without: { ...counting("Cost", { limit: "1" }), backends: priced("0", "0.60") },
    with: { ...counting("Cost", { limit: "1" }), backends: priced("0.15", "0.60") },
    play: remaining("l"),
    shows: { without: "0.9999958", with: "0.99999505" },
  },
  {
    name: "the price of completion tokens",
    without: { ...counting("Cost", { limit: "1" }), backends: priced("0.15", "0") },
    with: { ...counting("Cost", { limit: "1" }), backends: priced("0.15", "0.60") },
    play: remaining("l"),
    shows: { without: "0.99999925", with: "0.99999505" },
  },
  {
    name: "a formula over the provider's own fields",
    without: {
      ...counting("TotalTokens"),
      script: answersChat({ input_tokens: 20, output_tokens: 5, cache_creation_input_tokens: 30 }),
    },
    with: {
      ...counting("Expression", { expression: "input_tokens + cache_creation_input_tokens + output_tokens * 2" }),
      script: answersChat({ input_tokens: 20, output_tokens: 5, cache_creation_input_tokens: 30 }),
    },
    play: remaining("l"),
    shows: { without: "75", with: "40" },
  },
]);
