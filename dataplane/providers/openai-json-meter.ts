// Meters for OpenAI's answers that are one JSON document: chat, completions, embeddings and responses.

import { ScanPlan } from "../json/scan-plan.ts";
import { ScannerPool } from "../json/scanner-pool.ts";
import { JsonMeter } from "./json-meter.ts";
import { GENERATED_TEXT_KEYS } from "./openai-text.ts";
import { OpenAiUsage } from "./openai-usage.ts";
import type { ReportedUsage, ResponseMeter } from "./provider.ts";

const USAGE = 0;
const SCANNERS = createScanners(GENERATED_TEXT_KEYS);
const SCANNERS_WITHOUT_TEXT = createScanners([]);

export function createOpenAiJsonMeter(): ResponseMeter {
  return createMeter(SCANNERS, (reported) => reported.resolve());
}

/** Of an answer without generated text, such as embeddings. */
export function createPromptOnlyMeter(): ResponseMeter {
  return createMeter(SCANNERS_WITHOUT_TEXT, (reported) => reported.resolvePromptOnly());
}

function createMeter(
  scanners: ScannerPool,
  resolve: (reported: OpenAiUsage) => ReportedUsage | undefined,
): ResponseMeter {
  return new JsonMeter(scanners, (scanner) => {
    const reported = new OpenAiUsage();
    reported.read(scanner.captured(USAGE)?.raw());
    return resolve(reported);
  });
}

function createScanners(textKeys: readonly string[]): ScannerPool {
  const plan = { paths: [["usage"]], textKeys, maxCaptureBytes: 8192, maxDepth: 512 };
  return new ScannerPool(new ScanPlan({ ...plan, ambiguousKeys: "last" }));
}
