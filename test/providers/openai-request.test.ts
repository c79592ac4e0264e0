import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { openAiDialect } from "../../dataplane/providers/openai.ts";
import type { RequestInfo } from "../../dataplane/providers/provider.ts";
import { anyCuts, cutAt, cutEvery, cutInBytes } from "./replay.ts";

const chat = openAiDialect.defaultOperation;

function read(pieces: readonly Buffer[]): RequestInfo {
  const reader = chat.readRequest();
  for (const piece of pieces) reader.push(piece);
  return reader.end();
}

/** Reads whole and byte by byte, which must agree. */
function readText(text: string | Buffer): RequestInfo {
  const bytes = Buffer.from(text);
  const whole = read([bytes]);
  expect(read(cutInBytes(bytes))).toEqual(whole);
  return whole;
}

function inject(pieces: readonly Buffer[], info: RequestInfo = read(pieces)): string | undefined {
  const injected = chat.injectUsage(pieces, info);
  return injected === undefined ? undefined : Buffer.concat(injected).toString();
}

describe("readRequest", () => {
  test.for([
    { body: '{"model":"gpt-4o","messages":[]}', model: "gpt-4o", stream: false },
    { body: '{"stream":true,"model":"m"}', model: "m", stream: true },
    { body: '{"stream":null,"model":""}', model: "", stream: false },
    { body: '{"stream":false}', model: undefined, stream: false },
    { body: '{"model":"ft:gpt-4o:a\\/b\\u00e9","x":{"model":1,"stream":2}}', model: "ft:gpt-4o:a/bé", stream: false },
    { body: '\ufeff\n{"mod\\u0065l":"m"}', model: "m", stream: false },
    { body: "{}", model: undefined, stream: false },
  ])("[unit] reads $body", ({ body, model, stream }) => {
    expect(readText(body)).toMatchObject({ model, stream, malformed: undefined });
  });

  test.for([
    { body: "", malformed: "found the end of the text, wanted a value, at byte 0" },
    { body: '{"model":}', malformed: "found `}`, wanted a value, at byte 9" },
    { body: '[{"model":"m"}]', malformed: "found a body that is not an object, wanted an object, at byte 0" },
    { body: ' "m"', malformed: "found a body that is not an object, wanted an object, at byte 1" },
    { body: '{"model":null}', malformed: "model: found null, wanted a string, at byte 9" },
    { body: '{"model":["m"]}', malformed: "model: found an array, wanted a string, at byte 9" },
    { body: '{"model":12}', malformed: "model: found a number, wanted a string, at byte 9" },
    {
      body: '{"model":"a\tb"}',
      malformed: "model: found a string with raw control characters, wanted a string, at byte 9",
    },
    {
      body: Buffer.from('{"model":"a\xff"}', "latin1"),
      malformed: "model: found a string that is not UTF-8, wanted a string, at byte 9",
    },
    { body: `{"model":"${"m".repeat(9000)}"}`, malformed: "model: found 9002 bytes, wanted at most 8192, at byte 9" },
    { body: '{"stream":"true"}', malformed: "stream: found a string, wanted true or false, at byte 10" },
    { body: '{"stream":1}', malformed: "stream: found a number, wanted true or false, at byte 10" },
    {
      body: `{"stream":[${"1,".repeat(5000)}1]}`,
      malformed: "stream: found a value that is too long, wanted true or false, at byte 10",
    },
    { body: '{"model":"a","model":"b"}', malformed: "duplicate key `model`, at byte 13" },
    { body: '{"model":"a","Model":"b"}', malformed: "found a key that differs from `model` only in case, at byte 13" },
    { body: '{"\u017ftream":true}', malformed: "found a key that differs from `stream` only in case, at byte 1" },
    { body: '{"stream_options":[]}', malformed: "stream_options: found an array, wanted an object, at byte 18" },
    {
      body: '{"stream_options":{"include_usage":1}}',
      malformed: "stream_options.include_usage: found a number, wanted true or false, at byte 35",
    },
    {
      body: '{"stream_options":{"include_usage":true,"include_usage":false}}',
      malformed: "stream_options: duplicate key `include_usage`, at byte 22 of its value",
    },
    {
      body: `{"stream_options":{"x":"${"y".repeat(9000)}"}}`,
      malformed: "stream_options: found 9008 bytes, wanted at most 8192, at byte 18",
    },
    { body: "[".repeat(600), malformed: "nested deeper than 512, at byte 512" },
  ])("[unit] says $malformed", ({ body, malformed }) => {
    expect(readText(body).malformed).toBe(malformed);
  });

  test("[unit] counts the text of messages and tools, and no images, files or sound", () => {
    const body = {
      model: "gpt-4o",
      messages: [
        { role: "system", content: "Be brief." },
        {
          role: "user",
          content: [
            { type: "text", text: "Ünï" },
            { type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } },
          ],
        },
        { role: "user", content: [{ type: "input_audio", input_audio: { data: "UklGRg==", format: "wav" } }] },
        {
          role: "user",
          content: [{ type: "file", file: { file_data: "data:application/pdf;base64,AAAA", filename: "a.pdf" } }],
        },
        { role: "assistant", tool_calls: [{ id: "call_1", function: { name: "f", arguments: '{"a":1}' } }] },
        { role: "tool", tool_call_id: "call_1", content: "42" },
      ],
      tools: [{ type: "function", function: { name: "f", description: "Adds", parameters: { type: "object" } } }],
    };
    const text = ["Be brief.", "Ünï", "f", '{"a":1}', "42", "f", "Adds"].join("");
    expect(readText(JSON.stringify(body)).promptTextBytes).toBe(Buffer.byteLength(text));
  });
});

describe("injectUsage", () => {
  test.for([
    { body: '{"stream":true}', out: '{"stream_options":{"include_usage":true},"stream":true}' },
    { body: '\ufeff { "stream" : true }', out: '\ufeff {"stream_options":{"include_usage":true}, "stream" : true }' },
    {
      body: '{"stream":true,"stream_options": null }',
      out: '{"stream":true,"stream_options": {"include_usage":true} }',
    },
    { body: '{"stream":true,"stream_options":{}}', out: '{"stream":true,"stream_options":{"include_usage":true}}' },
    { body: '{"stream_options":{ },"stream":true}', out: '{"stream_options":{"include_usage":true },"stream":true}' },
    {
      body: '{"stream":true,"stream_options":{"include_obfuscation":false}}',
      out: '{"stream":true,"stream_options":{"include_usage":true,"include_obfuscation":false}}',
    },
    {
      body: '{"stream":true,"stream_options":{"x":{"include_usage":true},"include_usage" : false , "y":[1]}}',
      out: '{"stream":true,"stream_options":{"x":{"include_usage":true},"include_usage" : true , "y":[1]}}',
    },
    {
      body: '{"stream":true,"stream_options":{"include_usage":null}}',
      out: '{"stream":true,"stream_options":{"include_usage":true}}',
    },
    { body: '{"stream":true,"stream_options":{"include_usage":true}}', out: undefined },
    { body: '{"stream":true,"str\\u0065am_options":{"include\\u005fusage":true}}', out: undefined },
    { body: '{"stream":false}', out: undefined },
    { body: '{"stream":null,"stream_options":null}', out: undefined },
    { body: "{}", out: undefined },
    { body: '{"stream":true', out: undefined },
    { body: '{"stream":true,"model":1}', out: undefined },
  ])("[unit] makes of $body what reports usage", ({ body, out }) => {
    const bytes = Buffer.from(body);
    expect(inject([bytes])).toBe(out);
    expect(inject(cutInBytes(bytes))).toBe(out);
  });

  const options = fc.oneof(
    fc.constantFrom(undefined, null),
    fc.record(
      { include_usage: fc.constantFrom(true, false, null), include_obfuscation: fc.boolean(), other: fc.jsonValue() },
      { requiredKeys: [] },
    ),
  );
  const body = fc.record(
    {
      model: fc.string({ unit: "grapheme" }),
      messages: fc.array(fc.record({ role: fc.constant("user"), content: fc.string({ unit: "grapheme" }) })),
      stream_options: options,
      seed: fc.jsonValue(),
    },
    { requiredKeys: ["model"] },
  );

  test("[unit] changes nothing of a streaming body but include_usage (apisix trap 28)", () => {
    fc.assert(
      fc.property(body, fc.nat(3), fc.constantFrom("", "  "), anyCuts(400), (value, place, space, cuts) => {
        const members = Object.entries(value);
        members.splice(place, 0, ["stream", true]);
        const streaming: unknown = Object.fromEntries(members);
        const bytes = Buffer.from(JSON.stringify(streaming, undefined, space));
        const injected = inject(cutAt(bytes, cuts));
        const wanted = {
          ...Object.fromEntries(members),
          stream_options: { ...value.stream_options, include_usage: true },
        };
        if (value.stream_options?.include_usage === true) expect(injected).toBeUndefined();
        else expect(JSON.parse(injected ?? "")).toEqual(JSON.parse(JSON.stringify(wanted)));
        if (injected !== undefined) expect(injected.match(/"stream_options"/g)).toHaveLength(1);
      }),
      { numRuns: 300 },
    );
  });

  test("[unit] shares memory with the body: no long piece is copied", () => {
    const text = JSON.stringify({ messages: [{ content: "x".repeat(100_000) }], stream: true, stream_options: null });
    const pieces = cutEvery(Buffer.from(text), 16_384);
    const injected = chat.injectUsage(pieces, read(pieces)) ?? [];
    const foreign = injected.filter((part) => !pieces.some((piece) => piece.buffer === part.buffer));
    expect(Buffer.concat(foreign).length).toBeLessThan(100);
  });

  test("[unit] reads the body again when the info comes from elsewhere", () => {
    const pieces = [Buffer.from('{"stream":true}')];
    expect(inject(pieces, { ...read(pieces) })).toBe('{"stream_options":{"include_usage":true},"stream":true}');
  });
});
