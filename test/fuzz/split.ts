// Cuts an input into pieces, each with memory of its own: readers may write into what they are given.

import type { Random } from "./random.ts";

export function whole(input: Buffer): Buffer[] {
  return [Buffer.from(input)];
}

export function byteByByte(input: Buffer): Buffer[] {
  return Array.from(input, (byte) => Buffer.from([byte]));
}

/** Random cuts; empty pieces among them. */
export function anyhow(input: Buffer, random: Random): Buffer[] {
  const pieces: Buffer[] = [];
  const longest = random.pick([2, 7, 40, 400, 5000]);
  let at = 0;
  while (at < input.length) {
    const end = Math.min(input.length, at + random.int(longest + 1));
    pieces.push(Buffer.from(input.subarray(at, end)));
    at = end;
  }
  return pieces;
}

/** Longer inputs are not read byte by byte: it would take most of the time. */
const BYTE_BY_BYTE_UP_TO = 2048;

/** Ways to cut that must all give the same result; the first is not to cut. */
export function waysToCut(input: Buffer, random: Random): Buffer[][] {
  const ways = [whole(input), anyhow(input, random), anyhow(input, random)];
  return input.length <= BYTE_BY_BYTE_UP_TO ? [...ways, byteByByte(input)] : ways;
}
