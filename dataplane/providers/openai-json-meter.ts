// Meters for OpenAI's answers that are one JSON document: chat, completions, embeddings and responses.

import { ScanPlan } from "../json/scan-plan.ts";
import { JsonMeter } from "./json-meter.ts";
import { GENERATED_TEXT_KEYS } from "./openai-text.ts";
import { OpenAiUsage } from "./openai-usage.ts";
import type { ReportedUsage, ResponseMeter } from "./provider.ts";

const USAGE = 0;
const PLAN = createPlan(GENERATED_TEXT_KEYS);
const PLAN_WITHOUT_TEXT = createPlan([]);

export function createOpenAiJsonMeter(): ResponseMeter {
  return createMeter(PLAN, (reported) => reported.resolve());
}

/** Of an answer without generated text, such as embeddings. */
export function createPromptOnlyMeter(): ResponseMeter {
  return createMeter(PLAN_WITHOUT_TEXT, (reported) => reported.resolvePromptOnly());
}

function createMeter(plan: ScanPlan, resolve: (reported: OpenAiUsage) => ReportedUsage | undefined): ResponseMeter {
  return new JsonMeter(plan, (scanner) => {
    const reported = new OpenAiUsage();
    reported.read(scanner.captured(USAGE)?.raw());
    return resolve(reported);
  });
}

function createPlan(textKeys: readonly string[]): ScanPlan {
  return new ScanPlan({ paths: [["usage"]], textKeys, ambiguousKeys: "last", maxCaptureBytes: 8192, maxDepth: 512 });
}
