// Statuses, bodies and headers of refusals.

import type { Manifest } from "../../compiler/manifest-builders.ts";
import { limitHeaders, type OptionCase, optionCases, type Scene, tokens } from "../world.ts";

const bedrock = tokens({ when: [{ type: "Backend", values: ["openai"] }], label: "bedrock" });

function answering(response: Manifest, limits: readonly Manifest[] = [bedrock]): Scene {
  return { limits, policy: { response } };
}

const refusedBody: OptionCase["play"] = async (world) => {
  await world.ask();
  return (await world.ask()).body;
};

const refusedHeaders: OptionCase["play"] = async (world) => {
  await world.ask();
  return Object.keys(limitHeaders(await world.ask())).toSorted();
};

const MESSAGE = { bodyFormat: "Message" };
const KONG = { ...MESSAGE, headers: { formats: ["Window"] } };

export const ANSWER_CASES = optionCases([
  {
    name: "the status of a refusal",
    without: {},
    with: answering({ statusCode: 403 }),
    play: (world) => world.statuses({}, {}),
    shows: { without: [200, 429], with: [200, 403] },
  },
  {
    name: "the message and the labels of what is exhausted",
    without: answering(MESSAGE),
    with: answering({ ...MESSAGE, message: "Too much for: " }, [bedrock, tokens({ name: "m", label: "cohere" })]),
    play: refusedBody,
    shows: {
      without: '{"message":"AI token rate limit exceeded for provider(s): bedrock"}',
      with: '{"message":"Too much for: bedrock, cohere"}',
    },
  },
  {
    name: "headers by window and label",
    without: answering({ headers: { formats: [] } }),
    with: answering(KONG),
    play: refusedHeaders,
    shows: {
      without: ["retry-after"],
      with: [
        "retry-after",
        "x-ai-ratelimit-limit-minute-bedrock",
        "x-ai-ratelimit-remaining-minute-bedrock",
        "x-ai-ratelimit-reset",
        "x-ai-ratelimit-reset-minute-bedrock",
        "x-ai-ratelimit-retry-after",
        "x-ai-ratelimit-retry-after-minute-bedrock",
      ],
    },
  },
  {
    name: "the label is the provider's",
    without: { limits: [tokens()] },
    with: { limits: [tokens({ when: [{ type: "Provider", values: ["openaicompatible"] }] })] },
    play: async (world) => Object.keys(limitHeaders(await world.ask())).filter((name) => name.includes("limit-limit-")),
    shows: { without: ["x-ai-ratelimit-limit-minute-l"], with: ["x-ai-ratelimit-limit-minute-openaicompatible"] },
  },
]);
