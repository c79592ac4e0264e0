// Meters a response that is one JSON document: every chunk passes as it came, usage is read on the way.

import type { ScanPlan } from "../json/scan-plan.ts";
import { JsonScanner } from "../json/scanner.ts";
import type { ReportedUsage, ResponseMeter } from "./provider.ts";

/** What a dialect makes of the values that its plan asked for. */
export type UsageIn = (scanner: JsonScanner) => ReportedUsage | undefined;

export class JsonMeter implements ResponseMeter {
  private readonly scanner: JsonScanner;
  private readonly usageIn: UsageIn;

  constructor(plan: ScanPlan, usageIn: UsageIn) {
    this.scanner = new JsonScanner(plan);
    this.usageIn = usageIn;
  }

  push(chunk: Buffer): Buffer {
    this.scanner.push(chunk);
    return chunk;
  }

  end(): undefined {
    this.scanner.end();
  }

  /** Also of a document that broke off or is malformed further on: the provider did say it. */
  usage(): ReportedUsage | undefined {
    return this.usageIn(this.scanner);
  }

  complete(): boolean {
    return this.scanner.isComplete;
  }

  textBytes(): number {
    return this.scanner.textBytes;
  }
}
