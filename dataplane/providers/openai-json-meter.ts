// Meters an OpenAI response that is one JSON document: every chunk passes as it came, usage is read on the way.

import { ScanPlan } from "../json/scan-plan.ts";
import { JsonScanner } from "../json/scanner.ts";
import { GENERATED_TEXT_KEYS } from "./openai-text.ts";
import { OpenAiUsage } from "./openai-usage.ts";
import type { ReportedUsage, ResponseMeter } from "./provider.ts";

const USAGE = 0;
const PLAN = new ScanPlan({
  paths: [["usage"]],
  textKeys: GENERATED_TEXT_KEYS,
  ambiguousKeys: "last",
  maxCaptureBytes: 8192,
  maxDepth: 512,
});

export class OpenAiJsonMeter implements ResponseMeter {
  private readonly scanner = new JsonScanner(PLAN);

  push(chunk: Buffer): Buffer {
    this.scanner.push(chunk);
    return chunk;
  }

  end(): undefined {
    this.scanner.end();
  }

  /** Also of a document that broke off or is malformed further on: the provider did say it. */
  usage(): ReportedUsage | undefined {
    const raw = this.scanner.captured(USAGE)?.raw();
    if (raw === undefined) return undefined;
    const reported = new OpenAiUsage();
    reported.read(raw);
    return reported.resolve();
  }

  complete(): boolean {
    return this.scanner.isComplete;
  }

  textBytes(): number {
    return this.scanner.textBytes;
  }
}
