// Mutations that know nothing of what the bytes mean.

import type { Random } from "./random.ts";

const TELLING_BYTES = [
  0, 9, 10, 13, 32, 34, 44, 45, 47, 48, 57, 58, 91, 92, 93, 123, 125, 127, 128, 192, 239, 255,
] as const;
const NUMBERS = [
  "0",
  "-0",
  "-1",
  "1e999",
  "1e-999",
  "9007199254740991",
  "9007199254740993",
  "18446744073709551616",
  "0.5",
  "1E+2",
  "00",
  "0x10",
  "007",
  "1.0000000000000000001",
  "2147483648",
  "4294967296",
  "NaN",
  "Infinity",
  "-9223372036854775809",
] as const;

export interface ByteMutations {
  readonly tokens: readonly string[];
  /** Another input, to take a part from. */
  readonly other: Buffer;
}

type Mutation = (input: Buffer, random: Random, around: ByteMutations) => Buffer;

const MUTATIONS: readonly [Mutation, ...Mutation[]] = [
  (input, random) => replaced(input, random.place(input.length), 1, Buffer.from([random.pick(TELLING_BYTES)])),
  (input, random) => replaced(input, random.place(input.length), 0, Buffer.from([random.int(256)])),
  flipBit,
  (input, random) => replaced(input, random.place(input.length), random.pick([1, 1, 2, 4, 16, 200]), Buffer.alloc(0)),
  insertToken,
  insertToken,
  (input, random) => replaced(input, random.place(input.length), random.int(6), token(random, NUMBERS)),
  duplicateRange,
  (input, random) => input.subarray(0, random.place(input.length)),
  spliceOther,
  swapRanges,
  changeNumber,
  changeCase,
  growRange,
];

export function mutateBytes(input: Buffer, random: Random, around: ByteMutations): Buffer {
  return random.pick(MUTATIONS)(input, random, around);
}

/** The bytes with `count` of them from `at` on replaced. */
function replaced(input: Buffer, at: number, count: number, by: Buffer): Buffer {
  return Buffer.concat([input.subarray(0, at), by, input.subarray(at + count)]);
}

function token(random: Random, tokens: readonly string[]): Buffer {
  return Buffer.from(tokens[random.int(tokens.length)] ?? "", "utf8");
}

function flipBit(input: Buffer, random: Random): Buffer {
  const at = random.place(input.length);
  return replaced(input, at, 1, Buffer.from([(input[at] ?? 0) ^ (1 << random.int(8))]));
}

function insertToken(input: Buffer, random: Random, { tokens }: ByteMutations): Buffer {
  return replaced(input, random.place(input.length), random.oneIn(3) ? random.int(8) : 0, token(random, tokens));
}

function someRange(input: Buffer, random: Random, longest: number): Buffer {
  const from = random.int(input.length);
  return input.subarray(from, from + 1 + random.int(longest));
}

function duplicateRange(input: Buffer, random: Random): Buffer {
  return replaced(input, random.place(input.length), 0, someRange(input, random, random.pick([4, 40, 400])));
}

function spliceOther(input: Buffer, random: Random, { other }: ByteMutations): Buffer {
  if (random.oneIn(2))
    return Buffer.concat([input.subarray(0, random.place(input.length)), other.subarray(random.place(other.length))]);
  return replaced(input, random.place(input.length), random.int(20), someRange(other, random, 200));
}

function swapRanges(input: Buffer, random: Random): Buffer {
  const [a = 0, b = 0, c = 0] = [0, 0, 0].map(() => random.int(input.length + 1)).sort((x, y) => x - y);
  return Buffer.concat([input.subarray(0, a), input.subarray(b, c), input.subarray(a, b), input.subarray(c)]);
}

function changeNumber(input: Buffer, random: Random): Buffer {
  const found = [...input.toString("latin1").matchAll(/-?\d+/g)];
  const match = found[random.int(found.length)];
  return match === undefined ? input : replaced(input, match.index, match[0].length, token(random, NUMBERS));
}

function changeCase(input: Buffer, random: Random): Buffer {
  const copy = Buffer.from(input);
  const from = random.int(copy.length);
  for (let i = from; i < Math.min(copy.length, from + 12); i++) {
    const byte = copy[i] ?? 0;
    if ((byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a && random.oneIn(2)) copy[i] = byte ^ 0x20;
  }
  return copy;
}

/** One piece very often: what is quadratic shows. */
function growRange(input: Buffer, random: Random): Buffer {
  const piece = someRange(input, random, random.pick([1, 2, 8, 64]));
  if (piece.length === 0) return input;
  const times = random.oneIn(60) ? Math.ceil(60_000 / piece.length) : random.pick([3, 10, 70, 300]);
  return replaced(input, random.place(input.length), 0, Buffer.alloc(piece.length * times, piece));
}
