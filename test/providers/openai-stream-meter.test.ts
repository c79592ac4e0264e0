import * as fc from "fast-check";
import { expect, test } from "vitest";
import { OpenAiStreamMeter } from "../../dataplane/providers/openai-stream-meter.ts";
import { anyCuts, cutAt, cutInBytes, replay } from "./replay.ts";

interface Event {
  readonly text: string;
  readonly usage: "absent" | "null" | "number" | "object";
  readonly id: string;
  readonly role: boolean;
  readonly ascii: boolean;
}

const event: fc.Arbitrary<Event> = fc.record({
  text: fc.oneof(
    fc.string({ unit: "grapheme", maxLength: 12 }),
    fc.constantFrom("", "data:", "data:x", '"', "\\", "\n", "é", "x".repeat(300)),
  ),
  usage: fc.constantFrom("absent", "absent", "absent", "absent", "null", "number", "object"),
  id: fc.constantFrom("c1", "c1", "c1", "c1", "c2"),
  role: fc.constantFrom(false, false, false, true),
  ascii: fc.boolean(),
});
const eol = fc.constantFrom("\n", "\r\n");

/** Frames as they come, and as a client gets them that did not ask for usage. */
function write(events: readonly Event[], end: string): { readonly bytes: Buffer; readonly stripped: Buffer } {
  const values = { absent: undefined, null: null, number: 7, object: { prompt_tokens: 3, completion_tokens: 1 } };
  const frames = events.map(({ text, usage, id, role, ascii }) => {
    const delta = role ? { role: "assistant", content: text } : { content: text };
    const chunk = { id, choices: [{ index: 0, delta, finish_reason: null }] };
    const line = (value: object): string => `data: ${escape(JSON.stringify(value), ascii)}${end}${end}`;
    return { sent: line({ ...chunk, usage: values[usage] }), stripped: line(chunk) };
  });
  return {
    bytes: Buffer.from(frames.map((frame) => frame.sent).join("")),
    stripped: Buffer.from(frames.map((frame) => frame.stripped).join("")),
  };
}

function escape(text: string, ascii: boolean): string {
  return ascii ? text.replace(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`) : text;
}

test("[unit] counts the same text and strips the same bytes whether events repeat or not, whatever the split", () => {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 25 }), eol, anyCuts(3000), fc.boolean(), (events, end, cuts, strips) => {
      const { bytes, stripped } = write(events, end);
      const texts = events.map(({ text }) => (text.startsWith("data:") ? "" : text));
      const metered = replay(new OpenAiStreamMeter({ stripInjectedUsage: strips }), cutAt(bytes, cuts));
      expect(metered.output.toString()).toBe((strips ? stripped : bytes).toString());
      expect(metered.textBytes).toBe(Buffer.byteLength(texts.join("")));
      expect(metered.reported !== undefined).toBe(events.some(({ usage }) => usage === "object"));
    }),
    { numRuns: 400 },
  );
});

test("[unit] reads a chunk anew when its buffer is used again for other bytes", () => {
  const texts = ["x".repeat(200), "z".repeat(200), `${"y".repeat(98)}\\n${"y".repeat(100)}`, "\\n".repeat(100)];
  for (const stripInjectedUsage of [false, true]) {
    for (const ids of ["aaaa", "abcd"]) {
      const frame = (index: number): string => `data: {"id":"${ids[index]}","text":"${texts[index]}"}\n\n`;
      const meter = new OpenAiStreamMeter({ stripInjectedUsage });
      const shared = Buffer.alloc(frame(0).length);
      for (const index of texts.keys()) {
        shared.write(frame(index));
        meter.push(shared);
      }
      expect(meter.textBytes()).toBe(200 + 200 + 199 + 100);
    }
  }
});

test.for([
  { name: "a raw line feed in its text", odd: 'data: {"text":"b\nc"}\n\n', bytes: 1 },
  { name: "a text that goes on", odd: 'data: {"text":"bc\\""}\n\n', bytes: 3 },
  { name: "a data URL for a text", odd: 'data: {"text":"data:c"}\n\n', bytes: 0 },
  { name: "another end", odd: 'data: {"text":"bc"]\n\n', bytes: 2 },
  { name: "no end", odd: 'data: {"text":"bc"}\n', bytes: 2 },
])("[unit] does not take an event with $name for one it knows", ({ odd, bytes }) => {
  const known = 'data: {"text":"a"}\n\n';
  const metered = replay(new OpenAiStreamMeter({ stripInjectedUsage: false }), [Buffer.from(known.repeat(5) + odd)]);
  expect(metered.textBytes).toBe(5 + bytes);
});

test("[unit] counts events that come in several data lines each time", () => {
  const event = 'data: {"text":\ndata: "ab"}\n\n';
  const metered = replay(new OpenAiStreamMeter({ stripInjectedUsage: true }), [Buffer.from(event.repeat(6))]);
  expect(metered.textBytes).toBe(12);
});

test("[unit] lets a usage that comes again after another one count as the last", () => {
  const events = [5, 9, 5].map((tokens) => `data: {"text":"a","usage":{"completion_tokens":${String(tokens)}}}\n\n`);
  const metered = replay(new OpenAiStreamMeter({ stripInjectedUsage: false }), [Buffer.from(events.join(""))]);
  expect(metered.reported?.usage.completion).toBe(5);
});

test("[unit] tells the end mark from data that only look like it", () => {
  const frames = (...data: string[]): Buffer => Buffer.from(data.map((line) => `data: ${line}\n\n`).join(""));
  const meter = new OpenAiStreamMeter({ stripInjectedUsage: false });
  meter.push(frames('{"choices":[{"delta":{"content":"[DONE]"}}]}', "DONE", "[DONE]x", '"[DONE]"'));
  expect(meter.complete()).toBe(false);
  meter.push(frames("[DONE]"));
  expect(meter.complete()).toBe(true);
});

test("[unit] passes whole frames on at once and holds back only the beginning of the next", () => {
  const meter = new OpenAiStreamMeter({ stripInjectedUsage: true });
  const whole = 'data: {"choices":[{"delta":{"content":"a"}}]}\n\n';
  expect(meter.push(Buffer.from(whole))?.toString()).toBe(whole);
  expect(meter.push(Buffer.from(`${whole}data: {"cho`))?.toString()).toBe(whole);
  expect(meter.push(Buffer.from('ices":[]'))).toBeUndefined();
  expect(meter.push(Buffer.from(',"usage":{"prompt_tokens":1}}\n'))).toBeUndefined();
  expect(meter.push(Buffer.from("\n"))).toBeUndefined();
  expect(meter.usage()?.usage.prompt).toBe(1);
  expect(meter.push(Buffer.from("data: [DO"))).toBeUndefined();
  expect(meter.end()?.toString()).toBe("data: [DO");
  expect(meter.end()).toBeUndefined();
});

test("[unit] passes the very buffer on while there is nothing to take out", () => {
  const meter = new OpenAiStreamMeter({ stripInjectedUsage: true });
  for (const text of ["a", "b", "c", "d"]) {
    const chunk = Buffer.from(`data: {"choices":[{"delta":{"content":"${text}"}}]}\n\n`.repeat(3));
    expect(meter.push(chunk)).toBe(chunk);
  }
});

test("[unit] passes a frame beyond a mebibyte unread, strips what follows it, and reads on", () => {
  const long = `data: {"choices":[{"delta":{"content":"${"x".repeat(1_100_000)}"}}],"usage":null}\n\n`;
  const next = 'data: {"choices":[{"delta":{"content":"ab"}}],"usage":{"prompt_tokens":1,"completion_tokens":2}}\n\n';
  const stripped = 'data: {"choices":[{"delta":{"content":"ab"}}]}\n\n';
  const bytes = Buffer.from(long + next);
  for (const pieces of [[bytes], cutAt(bytes, [10, 500_000, 1_090_000, 1_100_060])]) {
    const metered = replay(new OpenAiStreamMeter({ stripInjectedUsage: true }), pieces);
    expect(metered.output.equals(Buffer.from(long + stripped))).toBe(true);
    expect(metered).toMatchObject({ textBytes: 2, reported: { usage: { prompt: 1, completion: 2 } } });
  }
});

test("[unit] passes any bytes without throwing, and the same in pieces", () => {
  const part = fc.oneof(
    fc.uint8Array({ maxLength: 12 }),
    fc
      .constantFrom(
        "data:",
        "\n\n",
        "\r\n",
        "\r",
        "{",
        '"usage":null',
        '"choices":[]',
        "}",
        ",",
        '{"usage":{},"choices":[]}',
      )
      .map((text) => Buffer.from(text)),
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 20 }), fc.boolean(), (parts, stripInjectedUsage) => {
      const bytes = Buffer.concat(parts);
      const whole = replay(new OpenAiStreamMeter({ stripInjectedUsage }), [bytes]);
      expect(replay(new OpenAiStreamMeter({ stripInjectedUsage }), cutInBytes(bytes))).toEqual(whole);
      if (!stripInjectedUsage) expect(whole.output.equals(bytes)).toBe(true);
    }),
    { numRuns: 500 },
  );
});
