import { request } from "node:http";
import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";
import { afterEach, expect, test } from "vitest";
import { type GatewayUnderTest, startGateway } from "../helpers/gateway-under-test.ts";
import { CHAT_BODY, call, STREAM_BODY } from "../helpers/http-call.ts";
import { basics } from "../helpers/manifests.ts";
import {
  chatCompletion,
  type Script,
  type ScriptedUpstream,
  sseChunk,
  sseUsage,
  startScriptedUpstream,
} from "../helpers/scripted-upstream.ts";

const LIMITS = "  - {name: minute, limit: 100000, window: {duration: 60s, algorithm: Fixed}}";
const COMPLETION = chatCompletion({ prompt_tokens: 11, completion_tokens: 22, total_tokens: 33 });
/** zstd frame of one raw block (RFC 8878): magic, single segment with a 2-byte size, last raw block. */
function zstdRaw(text: string): Buffer {
  const body = Buffer.from(text);
  const head = Buffer.alloc(10);
  head.writeUInt32LE(0xfd2fb528, 0);
  head.writeUInt8(0b0110_0000, 4);
  head.writeUInt16LE(body.length - 256, 5);
  head.writeUIntLE((body.length << 3) | 1, 7, 3);
  return Buffer.concat([head, body]);
}

let gateway: GatewayUnderTest;
let upstream: ScriptedUpstream;

async function start(script: Script): Promise<void> {
  upstream = await startScriptedUpstream(script);
  gateway = await startGateway(basics({ endpoint: upstream.origin, limits: LIMITS }));
}

afterEach(async () => {
  await gateway.stop();
  await upstream.close();
});

const post = (body: string): ReturnType<typeof call> =>
  call(gateway.origin, { path: "/v1/chat/completions", headers: { apikey: "key-alice" }, body });

test.for([
  { coding: "gzip", bytes: gzipSync(COMPLETION) },
  { coding: "br", bytes: brotliCompressSync(COMPLETION) },
  { coding: "deflate", bytes: deflateSync(COMPLETION) },
  { coding: "zstd", bytes: zstdRaw(COMPLETION) },
])(
  "[proxy] usage of a $coding body is read, and the client gets it plain (kong trap 13)",
  async ({ coding, bytes }) => {
    await start((_request, res) => {
      res.writeHead(200, { "content-type": "application/json", "content-encoding": coding, etag: '"x"' });
      // In pieces: decoding must not depend on how the bytes arrive.
      for (const byte of bytes) res.write(Buffer.from([byte]));
      res.end();
    });
    const answer = await post(CHAT_BODY);
    expect(answer.body).toBe(COMPLETION);
    expect(answer.headers["content-encoding"]).toBeUndefined();
    expect(answer.headers.etag).toBeUndefined();
    expect(upstream.received[0]?.headers["accept-encoding"]).toBe("identity");
    expect(await gateway.nextRequestLine()).toMatchObject({
      promptTokens: 11,
      completionTokens: 22,
      usageSource: "reported",
    });
  },
);

test("[proxy] a compressed stream loses the usage that was asked for on the client's behalf", async () => {
  const usage = { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 };
  const frames = `${sseChunk({ content: "Hi" }, { usage: null })}${sseUsage(usage)}data: [DONE]\n\n`;
  await start((_request, res) => {
    res.writeHead(200, { "content-type": "text/event-stream", "content-encoding": "gzip" });
    res.end(gzipSync(frames));
  });
  expect((await post(STREAM_BODY)).body).toBe(`${sseChunk({ content: "Hi" })}data: [DONE]\n\n`);
  expect(await gateway.nextRequestLine()).toMatchObject({
    promptTokens: 3,
    completionTokens: 4,
    usageSource: "reported",
  });
});

test.for([
  { name: "is cut short", bytes: gzipSync(COMPLETION).subarray(0, 60) },
  { name: "is not what it says", bytes: Buffer.from("this is no gzip") },
])("[proxy] a compressed body that $name is broken for the client, and charged by estimate", async ({ bytes }) => {
  await start((_request, res) => {
    res.writeHead(200, { "content-type": "application/json", "content-encoding": "gzip" });
    res.end(bytes);
  });
  // Where nothing could be decoded the connection ends before an answer's head.
  const broken = await post(CHAT_BODY).then(
    (answer) => answer.broken,
    () => true,
  );
  expect(broken).toBe(true);
  expect(await gateway.nextRequestLine()).toMatchObject({ outcome: "upstream_failed", promptTokens: 5 });
});

test.for([204, 304, 404])("[proxy] a %i without a body passes, whatever coding its head names", async (status) => {
  await start((_request, res) => {
    res.writeHead(status, { "content-encoding": "gzip" });
    res.end();
  });
  expect(await post(CHAT_BODY)).toMatchObject({ status, body: "", broken: false });
  expect(await gateway.nextRequestLine()).toMatchObject({ outcome: "forwarded", status });
});

test("[proxy] a small body that swells to 60 MB passes a client that reads without being held whole", async () => {
  const swollen = gzipSync(Buffer.alloc(60_000_000, 0x20));
  await start((_request, res) => {
    res.writeHead(200, { "content-type": "application/json", "content-encoding": "gzip" });
    res.end(swollen);
  });
  const before = process.memoryUsage().arrayBuffers;
  let most = 0;
  let bytes = 0;
  await new Promise<void>((resolve, reject) => {
    const url = `${gateway.origin}/v1/chat/completions`;
    const req = request(url, { method: "POST", headers: { apikey: "key-alice" } }, (res) => {
      res.on("data", (piece: Buffer) => {
        bytes += piece.length;
        most = Math.max(most, process.memoryUsage().arrayBuffers - before);
      });
      res.on("end", resolve);
    });
    req.on("error", reject);
    req.end(CHAT_BODY);
  });
  expect(bytes).toBe(60_000_000);
  expect(most).toBeLessThan(40_000_000);
});
