import * as fc from "fast-check";
import { expect, test } from "vitest";
import { StringSkipper } from "../../dataplane/json/string-skipper.ts";
import { cutAt } from "../providers/replay.ts";

interface Skipped {
  /** Offset of the closing quote. */
  readonly end: number;
  readonly utf8Bytes: number;
}

/** Skips a string whose opening quote has been read. */
function skip(pieces: readonly Buffer[]): Skipped {
  const skipper = new StringSkipper();
  skipper.begin();
  let offset = 0;
  for (const piece of pieces) {
    const end = skipper.skip(piece, 0, piece.length);
    if (end < piece.length) return { end: offset + end, utf8Bytes: skipper.utf8Bytes };
    offset += piece.length;
  }
  return { end: offset, utf8Bytes: skipper.utf8Bytes };
}

const fragment = fc.oneof(
  { weight: 6, arbitrary: fc.string({ unit: fc.constantFrom("a", " ", "é", "\n", '"', "\\", "😀"), maxLength: 60 }) },
  { weight: 2, arbitrary: fc.nat(3000).map((length) => "x".repeat(length)) },
  { weight: 2, arbitrary: fc.nat(300).map((length) => "\\".repeat(length)) },
  { weight: 1, arbitrary: fc.nat(300).map((length) => '"'.repeat(length)) },
);
const longText = fc.array(fragment, { maxLength: 60 }).map((parts) => parts.join(""));

test("[unit] finds the closing quote of any string, walking or leaping, whatever the split", () => {
  fc.assert(
    fc.property(longText, fc.array(fc.nat(60_000), { maxLength: 12 }), (text, cuts) => {
      const raw = Buffer.from(`${JSON.stringify(text).slice(1)}, "more"`);
      const whole = skip([raw]);
      expect(whole.end).toBe(raw.length - ', "more"'.length - 1);
      expect(skip(cutAt(raw, cuts))).toEqual(whole);
    }),
    { numRuns: 300 },
  );
});

test.for([
  { kind: "prose", text: "The quick brown fox\njumps over the lazy dog. " },
  { kind: "code", text: '  if (x === "abc") {\n    return "\\t";\n  }\n' },
  { kind: "plain ASCII", text: "x" },
])("[unit] counts long $kind to within 2 %", ({ text }) => {
  const long = text.repeat(Math.ceil(200_000 / text.length));
  const { utf8Bytes } = skip([Buffer.from(JSON.stringify(long).slice(1))]);
  expect(Math.abs(utf8Bytes / Buffer.byteLength(long) - 1)).toBeLessThan(0.02);
});

test("[unit] counts at least half the raw bytes where it leaps, however the walked parts are written", () => {
  const raw = Buffer.from(`${"\\u0061".repeat(200)}${"x".repeat(15_000)}"`);
  const { utf8Bytes } = skip([raw]);
  expect(utf8Bytes).toBeGreaterThan(7500);
});

test("[unit] counts exactly up to the first leap", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", maxLength: 120 }), (text) => {
      const raw = Buffer.from(JSON.stringify(text).slice(1));
      fc.pre(raw.length < 1024);
      expect(skip([raw])).toEqual({ end: raw.length - 1, utf8Bytes: Buffer.byteLength(text) });
    }),
  );
});

test("[unit] sees the changed bytes of a buffer that it was told to forget", () => {
  const skipper = new StringSkipper();
  const buffer = Buffer.alloc(300, "x");
  buffer[250] = 0x22;
  skipper.begin();
  expect(skipper.skip(buffer, 0, 300)).toBe(250);
  buffer.fill("x");
  buffer[200] = 0x22;
  skipper.begin();
  skipper.forgetBuffer();
  expect(skipper.skip(buffer, 0, 300)).toBe(200);
});
