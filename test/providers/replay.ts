// Replays bytes into a meter or reader in pieces, and random ways to cut them.

import * as fc from "fast-check";
import type { ReportedUsage, ResponseMeter } from "../../dataplane/providers/provider.ts";

/** `bytes` cut at these offsets; each piece is a buffer of its own, as sockets give them. */
export function cutAt(bytes: Buffer, offsets: readonly number[]): Buffer[] {
  const inside = offsets.map((offset) => Math.min(offset, bytes.length));
  const sorted = [0, ...inside.sort((a, b) => a - b), bytes.length];
  return sorted.slice(1).map((to, index) => Buffer.from(bytes.subarray(sorted[index], to)));
}

export function cutEvery(bytes: Buffer, size: number): Buffer[] {
  return cutAt(
    bytes,
    Array.from({ length: Math.floor(bytes.length / size) }, (_, index) => index * size),
  );
}

export function cutInBytes(bytes: Buffer): Buffer[] {
  return cutEvery(bytes, 1);
}

/** Offsets to cut a text of this length at, few or many. */
export function anyCuts(length: number): fc.Arbitrary<number[]> {
  return fc.array(fc.nat({ max: length }), { maxLength: 40 });
}

export interface Metered {
  readonly output: Buffer;
  readonly reported: ReportedUsage | undefined;
  readonly textBytes: number;
  readonly complete: boolean;
}

export function replay(meter: ResponseMeter, pieces: readonly Buffer[]): Metered {
  const output: Buffer[] = [];
  for (const piece of pieces) output.push(meter.push(piece) ?? Buffer.alloc(0));
  output.push(meter.end() ?? Buffer.alloc(0));
  return {
    output: Buffer.concat(output),
    reported: meter.usage(),
    textBytes: meter.textBytes(),
    complete: meter.complete(),
  };
}
