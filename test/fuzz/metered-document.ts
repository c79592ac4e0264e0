// What a meter makes of a response that is one JSON document, and the laws that hold for every dialect's.

import type { ReportedUsage, ResponseMeter } from "../../dataplane/providers/provider.ts";
import { checkAmounts, same, sameForAll } from "./laws.ts";
import type { Random } from "./random.ts";
import { waysToCut } from "./split.ts";

export interface MeteredDocument {
  readonly output: string;
  readonly usage: ReportedUsage | undefined;
  readonly textBytes: number;
  readonly complete: boolean;
}

/** Any cut gives the same, every byte passes, and amounts are such that a store takes them. */
export function meterDocument(input: Buffer, random: Random, createMeter: () => ResponseMeter): MeteredDocument {
  const read = (pieces: readonly Buffer[]): MeteredDocument => {
    const meter = createMeter();
    const output = pieces.map((piece) => (meter.push(piece) ?? Buffer.alloc(0)).toString("latin1")).join("");
    const rest = meter.end()?.toString("latin1") ?? "";
    return { output: output + rest, usage: meter.usage(), textBytes: meter.textBytes(), complete: meter.complete() };
  };
  const metered = sameForAll(waysToCut(input, random), read, "another cut gives another metering");
  same(metered.output, input.toString("latin1"), "every byte passes");
  checkAmounts(metered.usage);
  return metered;
}

/** The outcome in words. */
export function kindOfMetering({ usage, complete }: MeteredDocument): string {
  return `${String(usage?.source)} ${String(usage?.missing)} ${String(complete)}`;
}
