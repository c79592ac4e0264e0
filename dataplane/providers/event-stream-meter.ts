// Meters a stream of typed JSON events that passes as it comes. Which events say what is the dialect's to know.

import type { ScanPlan } from "../json/scan-plan.ts";
import { JsonScanner } from "../json/scanner.ts";
import type { ReportedUsage, ResponseMeter } from "./provider.ts";
import { SseDataSplitter } from "./sse-data.ts";

export interface EventReader {
  /** What to look for in each event's data. */
  readonly plan: ScanPlan;
  /** Takes an event as far as it could be read; true when it is the dialect's end mark. */
  takeEvent(scanner: JsonScanner): boolean;
  usage(): ReportedUsage | undefined;
}

export class EventStreamMeter implements ResponseMeter {
  private readonly reader: EventReader;
  private readonly scanner: JsonScanner;
  private readonly splitter: SseDataSplitter;
  private text = 0;
  private isComplete = false;

  constructor(reader: EventReader) {
    this.reader = reader;
    this.scanner = new JsonScanner(reader.plan);
    this.splitter = new SseDataSplitter({
      takeData: (buffer, from, to) => {
        this.scanner.pushPart(buffer, from, to);
      },
      endEvent: () => {
        this.endEvent();
      },
    });
  }

  push(chunk: Buffer): Buffer {
    this.scanner.forgetBuffer();
    this.splitter.push(chunk);
    return chunk;
  }

  end(): undefined {
    this.splitter.end();
  }

  usage(): ReportedUsage | undefined {
    return this.reader.usage();
  }

  complete(): boolean {
    return this.isComplete;
  }

  /** Of the event now read too: a client that leaves has seen that much of it. */
  textBytes(): number {
    return this.text + this.scanner.textBytes;
  }

  private endEvent(): void {
    this.scanner.end();
    this.text += this.scanner.textBytes;
    if (this.reader.takeEvent(this.scanner)) this.isComplete = true;
    this.scanner.reset();
  }
}
