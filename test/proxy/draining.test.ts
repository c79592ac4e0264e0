// What clients see of a data plane that is about to end: nothing, but that their connections are not kept.

import { afterEach, expect, test } from "vitest";
import { eventually } from "../helpers/clock.ts";
import { type GatewayUnderTest, startGateway } from "../helpers/gateway-under-test.ts";
import { CHAT_BODY, call, STREAM_BODY } from "../helpers/http-call.ts";
import { basics } from "../helpers/manifests.ts";
import { openRawClient, type RawResponse, responsesIn } from "../helpers/raw-client.ts";
import {
  answersChat,
  type Script,
  type ScriptedUpstream,
  sseChunk,
  sseUsage,
  startScriptedUpstream,
} from "../helpers/scripted-upstream.ts";

const LIMITS = "  - {name: minute, limit: 100000, window: {duration: 60s, algorithm: Fixed}}";
const PATH = "/v1/chat/completions";
const USAGE = { prompt_tokens: 11, completion_tokens: 22, total_tokens: 33 };
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

/** A request of HTTP/1.1 that says nothing of its connection, which is thereby to be kept. */
function requestText(body: string): string {
  const head = ["Host: gateway", "apikey: key-alice", `Content-Length: ${String(Buffer.byteLength(body))}`];
  return `POST ${PATH} HTTP/1.1\r\n${head.join("\r\n")}\r\n\r\n${body}`;
}

function connectionOf({ headers }: RawResponse): string | undefined {
  return headers.get("connection");
}

/** Answers nothing until it is told to: each call of `next` ends the request that has waited longest. */
function held(): { readonly script: Script; readonly next: () => void } {
  const waiting: (() => void)[] = [];
  const script: Script = (received, res) => {
    if (!received.body.includes('"stream":true')) {
      waiting.push(() => answersChat()(received, res));
      return;
    }
    res.writeHead(200, { "content-type": "text/event-stream" });
    res.write(sseChunk({ content: "first" }));
    waiting.push(() => res.end(`${sseUsage(USAGE)}data: [DONE]\n\n`));
  };
  return { script, next: () => waiting.shift()?.() };
}

test("[proxy] withdrawn, it is not ready and serves on, but ends each connection with its answer", async () => {
  await start(answersChat());
  const client = await openRawClient(gateway.origin);
  client.write(requestText(CHAT_BODY));
  await client.seen('"usage"');
  gateway.gateway.withdraw();
  const ready = await fetch(`${gateway.adminOrigin}/readyz`);
  expect([ready.status, await ready.text()]).toEqual([503, "not ready: draining\n"]);
  client.write(requestText(CHAT_BODY));
  const answers = responsesIn(await client.closed);
  expect(answers.map(({ status }) => status)).toEqual([200, 200]);
  expect(answers.map(connectionOf)).toEqual(["keep-alive", "close"]);
  const another = await call(gateway.origin, { path: PATH, headers: { apikey: "key-alice" }, body: CHAT_BODY });
  expect(another.status).toBe(200);
});

test("[proxy] a request that is under way when it withdraws is answered, and the answer says that its connection ends", async () => {
  const { script, next } = held();
  await start(script);
  const client = await openRawClient(gateway.origin);
  client.write(requestText(CHAT_BODY));
  await eventually("it is under way", () => upstream.received.length === 1);
  gateway.gateway.withdraw();
  next();
  const [answer, ...more] = responsesIn(await client.closed);
  expect(answer && [answer.status, connectionOf(answer)]).toEqual([200, "close"]);
  expect(more).toEqual([]);
});

test.for([
  { name: "ends after the listener has closed", drainsFirst: true },
  { name: "ends just before the listener closes", drainsFirst: false },
])("[proxy] a stream that $name may be followed by one more request on its connection", async ({ drainsFirst }) => {
  const { script, next } = held();
  await start(script);
  const client = await openRawClient(gateway.origin);
  client.write(requestText(STREAM_BODY));
  await client.seen("first");
  gateway.gateway.withdraw();
  const early = drainsFirst ? gateway.gateway.drain() : undefined;
  next();
  await client.seen("0\r\n\r\n");
  const drained = early ?? gateway.gateway.drain();
  client.write(requestText(STREAM_BODY));
  await eventually("it is under way", () => upstream.received.length === 2);
  next();
  const answers = responsesIn(await client.closed);
  expect(answers.map(({ status, body }) => [status, body.includes("[DONE]")])).toEqual([
    [200, true],
    [200, true],
  ]);
  expect(answers.map(connectionOf)).toEqual(["keep-alive", "close"]);
  await drained;
});

test("[proxy] connections on which nothing is asked do not hold up the end", async () => {
  await start(answersChat());
  const [silent, used] = await Promise.all([openRawClient(gateway.origin), openRawClient(gateway.origin)]);
  used.write(requestText(CHAT_BODY));
  await used.seen('"usage"');
  await gateway.gateway.drain();
  await expect(openRawClient(gateway.origin)).rejects.toThrow("ECONNREFUSED");
  expect(await silent.closed).toBe("");
  expect(responsesIn(await used.closed)).toHaveLength(1);
});
