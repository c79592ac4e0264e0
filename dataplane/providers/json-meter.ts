// Meters a response that is one JSON document: every chunk passes as it came, usage is read on the way.

import type { JsonScanner } from "../json/scanner.ts";
import type { ScannerPool } from "../json/scanner-pool.ts";
import type { ReportedUsage, ResponseMeter } from "./provider.ts";

/** What a dialect makes of the values that its plan asked for. */
export type UsageIn = (scanner: JsonScanner) => ReportedUsage | undefined;

export class JsonMeter implements ResponseMeter {
  private readonly scanners: ScannerPool;
  private readonly usageIn: UsageIn;
  /** Until the end; then what it has read is kept, and not the scanner. */
  private scanner: JsonScanner | undefined;
  private reported: ReportedUsage | undefined;
  private isComplete = false;
  private text = 0;

  constructor(scanners: ScannerPool, usageIn: UsageIn) {
    this.scanners = scanners;
    this.scanner = scanners.take();
    this.usageIn = usageIn;
  }

  push(chunk: Buffer): Buffer {
    this.scanner?.push(chunk);
    return chunk;
  }

  end(): undefined {
    const { scanner } = this;
    if (scanner === undefined) return;
    scanner.end();
    this.reported = this.usageIn(scanner);
    this.isComplete = scanner.isComplete;
    this.text = scanner.textBytes;
    this.scanner = undefined;
    this.scanners.giveBack(scanner);
  }

  /** Also of a document that broke off or is malformed further on: the provider did say it. */
  usage(): ReportedUsage | undefined {
    return this.scanner === undefined ? this.reported : this.usageIn(this.scanner);
  }

  complete(): boolean {
    return this.scanner?.isComplete ?? this.isComplete;
  }

  textBytes(): number {
    return this.scanner?.textBytes ?? this.text;
  }
}
