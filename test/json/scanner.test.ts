import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ScanPlan } from "../../dataplane/json/scan-plan.ts";
import { JsonScanner } from "../../dataplane/json/scanner.ts";
import { anyCuts, cutAt, cutEvery, cutInBytes } from "../providers/replay.ts";

const MAX_CAPTURE_BYTES = 64;
const PATHS = [["a"], ["b"], ["in", "a"], ["in", "deep", "c"]] as const;
const PLAN = new ScanPlan({
  paths: PATHS,
  textKeys: ["text", "content"],
  ambiguousKeys: "refuse",
  maxCaptureBytes: MAX_CAPTURE_BYTES,
  maxDepth: 16,
});
const LENIENT = new ScanPlan({ ...PLAN.wishes, ambiguousKeys: "last", maxDepth: 512, maxCaptureBytes: 4096 });

interface Scanned {
  readonly fault: string | undefined;
  readonly values: readonly (string | undefined)[];
  readonly textBytes: number;
  readonly complete: boolean;
}

function scan(pieces: readonly Buffer[], plan: ScanPlan = PLAN): Scanned {
  const scanner = new JsonScanner(plan);
  for (const piece of pieces) scanner.push(piece);
  const complete = scanner.isComplete;
  scanner.end();
  return {
    fault: scanner.fault?.reason,
    values: plan.wishes.paths.map((_, index) => scanner.captured(index)?.raw()?.toString()),
    textBytes: scanner.textBytes,
    complete,
  };
}

/** Scans whole and byte by byte, which must agree. */
function scanText(text: string, plan: ScanPlan = PLAN): Scanned {
  const bytes = Buffer.from(text);
  const whole = scan([bytes], plan);
  expect(scan(cutInBytes(bytes), plan)).toEqual(whole);
  return whole;
}

describe("faults", () => {
  test.for([
    { text: "", fault: "found the end of the text, wanted a value, at byte 0" },
    { text: "  ", fault: "found the end of the text, wanted a value, at byte 2" },
    { text: '{"x":}', fault: "found `}`, wanted a value, at byte 5" },
    { text: '{"x" 1}', fault: "found `1`, wanted `:`, at byte 5" },
    { text: '{"x":1,}', fault: "found `}`, wanted a key, at byte 7" },
    { text: "{x:1}", fault: "found `x`, wanted a key or `}`, at byte 1" },
    { text: '{"x":1 "y":2}', fault: 'found `"`, wanted `,` or `}`, at byte 7' },
    { text: '{"x":1]', fault: "found `]`, wanted `,` or `}`, at byte 6" },
    { text: "[1}", fault: "found `}`, wanted `,` or `]`, at byte 2" },
    { text: "[1,]", fault: "found `]`, wanted a value, at byte 3" },
    { text: "[", fault: "found the end of the text, wanted a value or `]`, at byte 1" },
    { text: "[1", fault: "found the end of the text, wanted `,` or `]`, at byte 2" },
    { text: "[01]", fault: "found `1`, wanted `,` or `]`, at byte 2" },
    { text: "[-]", fault: "found `]`, wanted a digit, at byte 2" },
    { text: "[1.]", fault: "found `]`, wanted a digit, at byte 3" },
    { text: "[1e]", fault: "found `]`, wanted a digit, at byte 3" },
    { text: "[truE]", fault: "found `E`, wanted the rest of `true`, at byte 4" },
    { text: "[nul", fault: "found the end of the text, wanted the rest of `null`, at byte 4" },
    { text: "[fals\0]", fault: "found byte 0x00, wanted the rest of `false`, at byte 5" },
    { text: '["abc', fault: 'found the end of the text, wanted `"`, at byte 5' },
    { text: '["\\x"]', fault: "found `x`, wanted the rest of an escape, at byte 3" },
    { text: '["\\u12g4"]', fault: "found `g`, wanted the rest of an escape, at byte 6" },
    { text: "{} x", fault: "found `x`, wanted nothing after the document, at byte 3" },
    { text: "{}\ufeff", fault: "found byte 0xef, wanted nothing after the document, at byte 2" },
    { text: " \ufeff{}", fault: "found byte 0xef, wanted a value, at byte 1" },
    { text: "[".repeat(17), fault: "nested deeper than 16, at byte 16" },
    { text: '{"a":1,"a":2}', fault: "duplicate key `a`, at byte 7" },
    { text: '{"a":1,"\\u0061":2}', fault: "duplicate key `a`, at byte 7" },
    { text: '{"in":{"a":1,"x":2,"a":1}}', fault: "duplicate key `a`, at byte 19" },
    { text: '{"in":{},"x":[{}],"in":{}}', fault: "duplicate key `in`, at byte 18" },
    { text: '{"A":1}', fault: "found a key that differs from `a` only in case, at byte 1" },
    { text: '{"x":1,"\\u0041":1}', fault: "found a key that differs from `a` only in case, at byte 7" },
    { text: '{"\u0131n":1}', fault: "found a key that differs from `in` only in case, at byte 1" },
  ])("[unit] refuses $text", ({ text, fault }) => {
    expect(scanText(text).fault).toBe(fault);
  });

  test.for([
    { why: "a byte order mark before it", text: "\ufeff {}" },
    { why: "blanks around it", text: "\r\n\t {} \n" },
    { why: "a wanted key twice in different objects", text: '{"a":{"a":1},"in":{"a":2}}' },
    { why: "other keys twice", text: '{"x":1,"x":2,"X":3}' },
    { why: "case variants where the key is not wanted", text: '{"deep":1,"x":{"A":1},"Text":1}' },
    { why: "nesting up to the bound", text: "[".repeat(16) + "]".repeat(16) },
    { why: "raw control characters in strings", text: '["\n"]' },
    { why: "a number alone", text: "12" },
  ])("[unit] accepts $why", ({ text }) => {
    expect(scanText(text).fault).toBeUndefined();
  });

  test("[unit] takes the last of duplicate keys when so planned, and no other spelling", () => {
    const text = '{"a":1,"A":2,"a":3,"in":{"a":4},"in":{"a":5}}';
    expect(scanText(text, LENIENT)).toMatchObject({ fault: undefined, values: ["3", undefined, "5", undefined] });
  });
});

describe("values", () => {
  test.for([
    { text: '{"a":1,"b":true}', values: ["1", "true", undefined, undefined] },
    { text: '{"a": {"a":[1,"}"]} ,"b":"\\"" }', values: ['{"a":[1,"}"]}', '"\\""', undefined, undefined] },
    { text: '{"in":{"a":null,"b":2,"deep":{"c":-1.5e3}}}', values: [undefined, undefined, "null", "-1.5e3"] },
    { text: '{"x":{"a":1},"y":[{"a":2}],"in":[{"a":3}]}', values: [undefined, undefined, undefined, undefined] },
    { text: '[{"a":1}]', values: [undefined, undefined, undefined, undefined] },
    { text: '{"\\u0061":1,"\\u0062":2}', values: ["1", "2", undefined, undefined] },
  ])("[unit] captures the wanted values of $text", ({ text, values }) => {
    expect(scanText(text).values).toEqual(values);
  });

  test("[unit] locates a value beyond the cap without keeping it", () => {
    const value = `"${"x".repeat(MAX_CAPTURE_BYTES)}"`;
    const bytes = Buffer.from(`{"b": ${value} }`);
    for (const pieces of [[bytes], cutInBytes(bytes)]) {
      const scanner = new JsonScanner(PLAN);
      for (const piece of pieces) scanner.push(piece);
      const capture = scanner.captured(1);
      expect(capture).toMatchObject({ keyAt: 1, start: 6, end: 6 + value.length, tooLong: true });
      expect(capture?.raw()).toBeUndefined();
    }
  });

  test("[unit] gives no value that has not ended", () => {
    expect(scanText('{"a":{"x":1').values[0]).toBeUndefined();
    expect(scanText('{"a":"x').values[0]).toBeUndefined();
  });
});

describe("text", () => {
  test.for([
    { text: '{"text":"abc"}', bytes: 3 },
    { text: '{"content":["a",["b"],{"x":"no","text":"c"},"d"]}', bytes: 4 },
    { text: '{"content":{"x":["no"]},"y":"no"}', bytes: 0 },
    { text: '{"text":"a\\n\\"\\\\\\/"}', bytes: 5 },
    { text: '{"text":"\\u0041\\u00e9\\u20ac\\ud83d\\ude00"}', bytes: 10 },
    { text: '{"text":"é€😀"}', bytes: 9 },
    { text: '{"text":"data:image/png;base64,AAAA","content":"data"}', bytes: 4 },
    { text: '{"Text":"no","\\u0074ext":"yes"}', bytes: 3 },
    { text: '{"text":"cut of', bytes: 6 },
    { text: '["no","text"]', bytes: 0 },
    { text: `{"${escaped("content")}":"yes","${escaped("content")}x":"no"}`, bytes: 3 },
  ])("[unit] counts $bytes bytes of text in $text", ({ text, bytes }) => {
    expect(scanText(text).textBytes).toBe(bytes);
  });
});

const jsonKey = fc.oneof(
  fc.constantFrom("a", "b", "in", "deep", "c", "text", "content"),
  fc.string({ unit: "grapheme", maxLength: 8 }),
);
const jsonTree = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5 },
    fc.constantFrom<unknown>(null, true, false, {}, [], "data:x", 1e300, -0.5),
    fc.string({ unit: "grapheme" }),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(jsonKey, tie("value"), { maxKeys: 5 }),
  ),
})).value;
const jsonText = fc.tuple(jsonTree, fc.constantFrom("", " ", "\n\t"), fc.boolean()).map(([value, space, escapes]) => {
  const text = JSON.stringify(value, undefined, space);
  return escapes
    ? text.replace(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
    : text;
});

test("[unit] captures what JSON.parse finds at the wanted paths, and counts the same text", () => {
  fc.assert(
    fc.property(jsonText, fc.array(fc.nat(2000), { maxLength: 20 }), (text, cuts) => {
      const bytes = Buffer.from(text);
      const scanned = scan(cutAt(bytes, cuts), LENIENT);
      const parsed: unknown = JSON.parse(text);
      expect(scanned.fault).toBeUndefined();
      PATHS.forEach((path, index) => {
        const raw = scanned.values[index];
        const value: unknown = raw === undefined ? undefined : JSON.parse(raw);
        expect(value).toEqual(valueAt(parsed, path));
      });
      expect(scanned.textBytes).toBe(textBytesOf(parsed, false));
      expect(scan([bytes], LENIENT)).toEqual({ ...scanned });
    }),
    { numRuns: 400 },
  );
});

test("[unit] accepts and refuses what JSON.parse does when a text is damaged", () => {
  const damage = fc.tuple(fc.nat(), fc.nat(2), fc.constantFrom(...'{}[],:"\\0123eE+-. truefalsn/u'.split("")));
  fc.assert(
    fc.property(jsonText, fc.array(damage, { minLength: 1, maxLength: 3 }), anyCuts(300), (text, damages, cuts) => {
      // A damaged quote may put blanks into a string, where only JSON.parse minds line feeds.
      let damaged = text.replace(/[\n\t]/g, " ");
      for (const [at, removed, inserted] of damages) {
        const index = at % (damaged.length + 1);
        damaged = damaged.slice(0, index) + inserted + damaged.slice(index + removed);
      }
      const bytes = Buffer.from(damaged);
      const fault = scan(cutAt(bytes, cuts), LENIENT).fault;
      expect(fault === undefined).toBe(parses(bytes.toString()));
      expect(scan([bytes], LENIENT).fault).toBe(fault);
    }),
    { numRuns: 1500 },
  );
});

describe("hostile texts", () => {
  const million = 1_000_000;
  test.for([
    { name: "a million open brackets", text: "[".repeat(million) },
    { name: "a million open objects", text: '{"a":'.repeat(million) },
    { name: "a key of a megabyte", text: `{"${"k".repeat(million)}":1,"a":1}` },
    { name: "a key of a megabyte of escapes", text: `{"${"\\u0061".repeat(million / 6)}":1,"a":1}` },
    { name: "a string that never ends", text: `{"text":"${"x".repeat(million)}` },
    { name: "a megabyte of escaped quotes", text: `{"text":"${'\\"'.repeat(million / 2)}"}` },
    { name: "a megabyte of backslashes", text: `{"text":"${"\\\\".repeat(million / 2)}"}` },
    { name: "a megabyte of digits", text: `{"a":${"9".repeat(million)}}` },
    { name: "a hundred thousand keys", text: `{${'"x":1,'.repeat(100_000)}"a":1}` },
    { name: "a megabyte of short strings", text: `{"text":[${'"\\n",'.repeat(million / 5)}""]}` },
  ])("[unit] reads $name in linear time and the same in pieces", ({ text }) => {
    const bytes = Buffer.from(text);
    const whole = scan([bytes], LENIENT);
    expect(scan(cutEvery(bytes, 997), LENIENT)).toEqual(whole);
  });

  test("[unit] reads any bytes without throwing, and the same in pieces", () => {
    const piece = fc.oneof(
      fc.uint8Array({ maxLength: 20 }),
      fc.constantFrom('{"a":', '"', '\\"', "[", "]", "}", ",", '"text":').map((text) => Buffer.from(text)),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), anyCuts(200), (pieces, cuts) => {
        const bytes = Buffer.concat(pieces);
        expect(scan(cutAt(bytes, cuts), LENIENT)).toEqual(scan([bytes], LENIENT));
      }),
      { numRuns: 500 },
    );
  });
});

test("[unit] reads two texts one after the other as if each were the first", () => {
  const scanner = new JsonScanner(PLAN);
  for (const text of ['{"a":1,"x":["t', '{"text":"abc","b":[2]}', "nul", '{"in":{"a":"x"}}']) {
    scanner.reset();
    scanner.push(Buffer.from(text));
    scanner.end();
    const fresh = scan([Buffer.from(text)]);
    expect(scanner.fault?.reason).toBe(fresh.fault);
    expect(scanner.textBytes).toBe(fresh.textBytes);
    expect(PATHS.map((_, index) => scanner.captured(index)?.raw()?.toString())).toEqual(fresh.values);
  }
});

test("[unit] sees the changed bytes of a buffer that is pushed again", () => {
  const scanner = new JsonScanner(PLAN);
  const shared = Buffer.from(`["${"x".repeat(200)}", "b"]`);
  scanner.push(shared);
  scanner.reset();
  shared.fill("x", 2, 206);
  scanner.push(shared);
  scanner.end();
  expect(scanner.fault).toBeUndefined();
});

test.for([
  { why: "one path goes on below another", paths: [["a"], ["a", "b"]], textKeys: [] },
  { why: "two keys differ only in case", paths: [["a"]], textKeys: ["A"] },
  { why: "a key is too long", paths: [["k".repeat(40)]], textKeys: [] },
])("[unit] refuses a plan in which $why", ({ paths, textKeys }) => {
  expect(() => new ScanPlan({ ...PLAN.wishes, paths, textKeys })).toThrow(RangeError);
});

function escaped(text: string): string {
  return text.replace(/./g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function valueAt(value: unknown, path: readonly string[]): unknown {
  let found = value;
  for (const key of path) {
    if (typeof found !== "object" || found === null || Array.isArray(found) || !Object.hasOwn(found, key))
      return undefined;
    found = Reflect.get(found, key);
  }
  return found;
}

function textBytesOf(value: unknown, isText: boolean): number {
  if (typeof value === "string") return isText && !value.startsWith("data:") ? Buffer.byteLength(value) : 0;
  if (Array.isArray(value)) return value.reduce<number>((sum, item) => sum + textBytesOf(item, isText), 0);
  if (typeof value !== "object" || value === null) return 0;
  const members = Object.entries(value);
  return members.reduce((sum, [key, item]) => sum + textBytesOf(item, key === "text" || key === "content"), 0);
}
