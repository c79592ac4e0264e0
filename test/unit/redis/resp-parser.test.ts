// Replies as bytes: the same values in the same order however the bytes are split, and no bytes that throw.

import fc from "fast-check";
import { expect, test } from "vitest";
import { BulkCache } from "../../../dataplane/redis/bulk-cache.ts";
import { RespError, RespParser, type RespValue } from "../../../dataplane/redis/resp-parser.ts";

interface Read {
  readonly values: RespValue[];
  readonly isWhole: boolean;
}

function read(...chunks: readonly Buffer[]): Read {
  const values: RespValue[] = [];
  const parser = new RespParser((value) => void values.push(value));
  const isWhole = chunks.map((chunk) => parser.push(chunk)).every(Boolean);
  return { values, isWhole };
}

function encode(value: RespValue): string {
  if (value === null) return "$-1\r\n";
  if (typeof value === "number") return `:${String(value)}\r\n`;
  if (typeof value === "string") return `$${String(value.length)}\r\n${value}\r\n`;
  if (value instanceof RespError) return `-${value.message}\r\n`;
  return `*${String(value.length)}\r\n${value.map(encode).join("")}`;
}

function split(bytes: Buffer, at: readonly number[]): Buffer[] {
  const cuts = [...new Set(at.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...cuts].map((from, i) => bytes.subarray(from, cuts[i] ?? bytes.length));
}

const byte = fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code));
const { value: anyValue } = fc.letrec<{ value: RespValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.maxSafeInteger().map((number) => (number === 0 ? 0 : number)),
    fc.string({ unit: byte, maxLength: 40 }),
    fc.constant(null),
    fc.stringMatching(/^[A-Z]{1,9} [a-z ]{0,20}$/).map((message) => new RespError(message)),
    fc.array(tie("value"), { maxLength: 4 }),
  ),
}));

test("[unit] any split of the bytes gives the same values in the same order", () => {
  fc.assert(
    fc.property(fc.array(anyValue, { maxLength: 8 }), fc.array(fc.nat(2000), { maxLength: 12 }), (values, cuts) => {
      const bytes = Buffer.from(values.map(encode).join(""), "latin1");
      expect(read(...split(bytes, cuts))).toEqual({ values, isWhole: true });
    }),
  );
});

test("[unit] a reply that comes byte by byte is read once it is whole", () => {
  const values = [[12, null, "a\r\nb", new RespError("ERR x")], "", -7, [], new RespError("OOM no")];
  const bytes = Buffer.from(values.map(encode).join(""), "latin1");
  expect(read(...[...bytes].map((each) => Buffer.from([each])))).toEqual({ values, isWhole: true });
});

test("[unit] random bytes never throw, and nothing is read after a fault", () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 60 }),
    fc
      .string({ unit: fc.constantFrom("*", "$", ":", "+", "-", "\r\n", "0", "1", "2"), maxLength: 60 })
      .map((text) => Buffer.from(text)),
  );
  fc.assert(
    fc.property(fc.array(bytes, { maxLength: 6 }), (chunks) => {
      const values: RespValue[] = [];
      const parser = new RespParser((value) => void values.push(value));
      let isBroken = false;
      for (const chunk of chunks) {
        const before = values.length;
        const isRead = parser.push(Buffer.from(chunk));
        if (isBroken) expect([isRead, values.length]).toEqual([false, before]);
        isBroken ||= !isRead;
      }
    }),
  );
});

test.for([
  { name: "an unknown type", text: "_\r\n" },
  { name: "a length that is no number", text: "$x\r\n" },
  { name: "a length below -1", text: "$-2\r\n" },
  { name: "a count below -1", text: "*-2\r\n" },
  { name: "an integer without digits", text: ":\r\n" },
  { name: "an integer without end", text: `:${"1".repeat(30)}` },
  { name: "a line that ends with CR alone", text: "+OK\rx" },
  { name: "a text that is longer than it says", text: "$1\r\nabc" },
  { name: "a text that is said to be huge", text: "$999999999\r\n" },
  { name: "a list that is said to be huge", text: "*999999999\r\n" },
  { name: "lists within lists without end", text: "*1\r\n".repeat(50) },
  { name: "a line without end", text: `+${"x".repeat(5_000_000)}` },
])("[unit] $name is a fault", ({ text }) => {
  expect(read(Buffer.from(`:1\r\n${text}`), Buffer.from(":2\r\n"))).toEqual({ values: [1], isWhole: false });
});

test.for([0, 1, 9_007_199_254_740_991, -9_007_199_254_740_991])("[unit] the integer %d is read exactly", (value) => {
  expect(read(Buffer.from(`:${String(value)}\r\n`)).values).toEqual([value]);
});

test("[unit] an argument is counted in bytes, not in characters", () => {
  const bulks = new BulkCache();
  expect(bulks.of("plain")).toBe("$5\r\nplain\r\n");
  expect(bulks.isAscii).toBe(true);
  expect(bulks.of("naïve")).toBe("$6\r\nnaïve\r\n");
  expect(bulks.of("naïve and longer")).toBe("$17\r\nnaïve and longer\r\n");
});

test.for(["ü", "a key that is longer than an amount: ü"])("[unit] %j is no text that latin1 can stand for", (text) => {
  const bulks = new BulkCache();
  bulks.of(text);
  expect(bulks.isAscii).toBe(false);
});
