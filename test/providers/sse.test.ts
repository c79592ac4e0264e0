import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type SseFrame, SseSplitter } from "../../dataplane/providers/sse.ts";
import { anyCuts, cutAt, cutEvery, cutInBytes } from "./replay.ts";

interface Seen {
  readonly kind: SseFrame["kind"];
  readonly raw: string;
  readonly data: string | undefined;
}

function split(pieces: readonly Buffer[], maxFrameBytes = 1000): Seen[] {
  const seen: Seen[] = [];
  const splitter = new SseSplitter(maxFrameBytes, {
    takeFrame: ({ kind, buffer, from, to, data }) => {
      const lines = data.map((line) => buffer.toString("latin1", line.from, line.to));
      seen.push({
        kind,
        raw: buffer.toString("latin1", from, to),
        data: lines.length === 0 ? undefined : lines.join("\n"),
      });
    },
    takeKnown: (_, from) => from,
  });
  for (const piece of pieces) splitter.push(piece);
  splitter.end();
  return seen;
}

/** Joins what splits of one stream may give in different portions: pieces of unread frames, and late line feeds. */
function settle(seen: readonly Seen[]): Seen[] {
  const settled: Seen[] = [];
  for (const frame of seen) {
    const last = settled.at(-1);
    const continues =
      frame.kind === "lineFeed" || (frame.kind === "unread" && last?.kind === "unread" && !endsFrame(last.raw));
    if (last !== undefined && continues) settled[settled.length - 1] = { ...last, raw: last.raw + frame.raw };
    else settled.push(frame);
  }
  return settled;
}

function endsFrame(raw: string): boolean {
  return /(\r\n|\n|\r(?!\n))(\r\n|\n|\r)$/.test(raw);
}

describe("frames", () => {
  test.for([
    { name: "LF", text: "data: a\n\ndata: b\n\n", data: ["a", "b"] },
    { name: "CRLF", text: "data: a\r\n\r\ndata: b\r\n\r\n", data: ["a", "b"] },
    { name: "CR", text: "data: a\r\rdata: b\r\r", data: ["a", "b"] },
    {
      name: "mixed line ends",
      text: "data: a\r\n\ndata: b\n\r\ndata: c\r\r\ndata: d\n\rdata: e\r\n\r\n",
      data: ["a", "b", "c", "d", "e"],
    },
    { name: "data without a space, or with two", text: "data:a\n\ndata:  b\n\n", data: ["a", " b"] },
    { name: "several data lines", text: "data: a\ndata:b\ndata:\n\n", data: ["a\nb\n"] },
    {
      name: "other fields and comments",
      text: ": c\nevent: e\nid: 1\ndata: a\nretry: 5\ndatum: x\nbata: y\n\n",
      data: ["a"],
    },
    { name: "a comment alone", text: ": keep-alive\n\n", data: [undefined] },
    { name: "blank lines between frames", text: "data: a\n\n\n\ndata: b\n\n", data: ["a", undefined, undefined, "b"] },
    {
      name: "a byte order mark at the start only",
      text: "\xef\xbb\xbfdata: a\n\n\xef\xbb\xbfdata: b\n\n",
      data: ["a", undefined],
    },
    { name: "a frame that nothing ends", text: "data: a\n\ndata: b\n", data: ["a", "b"] },
    { name: "a line that nothing ends", text: "data: a\n\ndata: b", data: ["a", "b"] },
    { name: "empty data", text: "data:\n\ndata\n\n", data: ["", undefined] },
  ])("[unit] splits $name", ({ text, data }) => {
    const bytes = Buffer.from(text, "latin1");
    for (const pieces of [[bytes], cutInBytes(bytes), cutEvery(bytes, 3)]) {
      const seen = settle(split(pieces));
      expect(seen.map((frame) => frame.data)).toEqual(data);
      expect(seen.map((frame) => frame.raw).join("")).toBe(text);
    }
  });

  test("[unit] gives a frame at its blank line, before anything follows", () => {
    for (const text of ["data: a\n\n", "data: a\r\n\r\n", "data: a\r\r", "data: a\r\n\r"]) {
      const seen: string[] = [];
      const splitter = new SseSplitter(1000, {
        takeFrame: (frame) => seen.push(frame.kind),
        takeKnown: (_, from) => from,
      });
      splitter.push(Buffer.from(text));
      expect(seen).toEqual(["event"]);
    }
  });

  test("[unit] gives a frame that nothing ended as cut", () => {
    expect(split([Buffer.from("data: a\n\ndata: b\n")]).map((frame) => frame.kind)).toEqual(["event", "cut"]);
  });
});

const line = fc.constantFrom(
  "data: a",
  "data:b",
  "data",
  ": c",
  "event: e",
  "x",
  "\xe9\xa9",
  "",
  "",
  "data: 0123456789",
);
const end = fc.constantFrom("\n", "\r", "\r\n");
const stream = fc.array(fc.tuple(line, end), { maxLength: 25 }).map((lines) => lines.flat().join(""));

test("[unit] agrees with a plain reading of the whole stream, whatever the split", () => {
  fc.assert(
    fc.property(stream, anyCuts(200), (text, cuts) => {
      const bytes = Buffer.from(text, "latin1");
      const seen = settle(split(cutAt(bytes, cuts)));
      expect(seen.map((frame) => frame.raw).join("")).toBe(text);
      expect(seen).toEqual(settle(split([bytes])));
      const events = seen.filter((frame) => frame.kind === "event");
      expect(events.map((frame) => frame.data ?? "")).toEqual(plainEvents(text));
    }),
    { numRuns: 500 },
  );
});

describe("long frames", () => {
  const longest = `data: ${"x".repeat(93)}\n\n`;
  const tooLong = `data: ${"x".repeat(94)}\n\n`;
  test.for([
    { name: "reads a frame as long as the cap", text: `${longest}data: b\n\n`, kinds: ["event", "event"] },
    {
      name: "passes a longer one unread",
      text: `data: a\n\n${tooLong}data: b\n\n`,
      kinds: ["event", "unread", "event"],
    },
    {
      name: "passes two longer ones unread",
      text: `${tooLong}${tooLong}data: b\n\n`,
      kinds: ["unread", "unread", "event"],
    },
    {
      name: "passes many lines without a blank one unread",
      text: `${"data: y\n".repeat(50)}\ndata: b\n\n`,
      kinds: ["unread", "event"],
    },
    { name: "passes a long line that nothing ends unread", text: "x".repeat(500), kinds: ["unread"] },
  ])("[unit] $name", ({ text, kinds }) => {
    const bytes = Buffer.from(text);
    for (const pieces of [[bytes], cutInBytes(bytes), cutEvery(bytes, 7), cutEvery(bytes, 100)]) {
      const seen = split(pieces, 100);
      expect(seen.map((frame) => frame.raw).join("")).toBe(text);
      expect(settle(seen).map((frame) => frame.kind)).toEqual(kinds);
    }
  });

  test("[unit] holds no more than the cap of a frame that never ends", () => {
    const piece = Buffer.alloc(100, "x");
    let passed = 0;
    const splitter = new SseSplitter(1000, {
      takeFrame: ({ from, to }) => {
        passed += to - from;
      },
      takeKnown: (_, from) => from,
    });
    for (let pushed = 100; pushed <= 100_000; pushed += 100) {
      splitter.push(piece);
      expect(pushed - passed).toBeLessThanOrEqual(1000);
    }
  });

  test("[unit] reads a frame of a mebibyte that comes byte by byte in linear time", () => {
    const bytes = Buffer.from(`data: ${"x".repeat(1_000_000)}\n\n`);
    const seen = split(cutInBytes(bytes), 1_048_576);
    expect(seen.map((frame) => frame.data?.length)).toEqual([1_000_000]);
  });
});

/** Data of each block that a blank line ends, read as the specification's algorithm does. */
function plainEvents(text: string): string[] {
  const events: string[] = [];
  let data: string[] = [];
  const lines = text.split(/\r\n|\n|\r/);
  for (const field of lines.slice(0, -1)) {
    if (field === "") {
      events.push(data.join("\n"));
      data = [];
    } else if (field.startsWith("data:")) {
      data.push(field.slice(5).replace(/^ /, ""));
    }
  }
  return events;
}
