import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { afterEach, beforeEach, expect, test } from "vitest";
import { runCommand } from "../../cli/command.ts";
import { compileFiles } from "../../cli/compile-files.ts";
import { tryIt } from "../../cli/demo/try-it.ts";
import { createManifestFiles } from "../../cli/manifest-files.ts";
import { type FakeUpstream, startFakeUpstream } from "../helpers/fake-upstream.ts";
import { createFakePlatform } from "./fake-platform.ts";

let upstream: FakeUpstream | undefined;
beforeEach(() => {
  upstream = undefined;
});
afterEach(() => upstream?.stop());

const CHAT = { model: "demo-10000", messages: [{ role: "user", content: "Who is Jimi Hendrix?" }], stream: true };

test("[unit] a stream whose client leaves is charged what had been sent", async () => {
  upstream = await startFakeUpstream({ paceMs: 1 });
  const call = request(`${upstream.origin}/v1/chat/completions`, { method: "POST" });
  call.on("error", () => {}); // its own end
  call.end(JSON.stringify(CHAT));
  const response = await new Promise<IncomingMessage>((resolve) => call.once("response", resolve));
  await once(response, "data");
  call.destroy();
  await expect.poll(() => upstream?.stats().aborted.requests, { interval: 5 }).toBe(1);
  const { completion_tokens: sent, ...rest } = upstream.stats();
  expect(sent).toBeGreaterThan(0);
  expect(sent).toBeLessThan(10_000);
  expect(rest).toEqual({
    requests: 1,
    prompt_tokens: 5,
    aborted: { requests: 1, prompt_tokens: 5, completion_tokens: sent },
  });
});

test("[unit] a stream is paced token by token", async () => {
  upstream = await startFakeUpstream({ paceMs: 5 });
  const started = performance.now();
  await (
    await fetch(`${upstream.origin}/v1/chat/completions`, {
      method: "POST",
      body: JSON.stringify({ ...CHAT, model: "demo-20" }),
    })
  ).text();
  expect(performance.now() - started).toBeGreaterThanOrEqual(20 * 4);
});

test("[unit] what was charged can be asked without a key", async () => {
  upstream = await startFakeUpstream({ requireKey: true });
  expect(await (await fetch(`${upstream.origin}/demo/stats`)).json()).toEqual({
    requests: 0,
    prompt_tokens: 0,
    completion_tokens: 0,
    aborted: { requests: 0, prompt_tokens: 0, completion_tokens: 0 },
  });
});

test("[unit] demo alone says where the provider is, and ends on a signal", async () => {
  const fake = createFakePlatform();
  const code = runCommand(["demo", "--listen", "0"], fake.platform);
  const line = await fake.out.next();
  const origin = /^fake LLM provider at (http:\/\/127\.0\.0\.1:\d+) /.exec(line)?.[1] ?? "";
  expect((await fetch(`${origin}/demo/stats`)).status).toBe(200);
  fake.stop("SIGINT");
  expect(await code).toBe(0);
  await expect(fetch(`${origin}/demo/stats`)).rejects.toThrow();
});

test("[unit] demo -f reaches every backend at the provider, and prints the first request", async () => {
  const fake = createFakePlatform();
  const code = runCommand(["demo", "-f", "examples/workshop", "--upstream", "0"], fake.platform);
  const applied = await fake.applied.next();
  fake.stop("SIGINT");
  expect(await code).toBe(0);
  const out = fake.out.all.join("\n");
  const origin = /provider {2}(\S+)/.exec(out)?.[1];
  expect(applied.find(({ kind }) => kind === "AIBackend")).toMatchObject({ origin });
  expect(out).toContain("curl -i 'http://127.0.0.1:1/bedrock-route'");
});

test("[unit] a provider's address that is taken is one line", async () => {
  upstream = await startFakeUpstream();
  const fake = createFakePlatform();
  const address = upstream.origin.replace("http://", "");
  expect(await runCommand(["demo", "--listen", address], fake.platform)).toBe(1);
  expect(fake.err.all).toEqual([`error: cannot listen on ${address}: the address is in use`]);
});

async function tryText(text: string): Promise<ReturnType<typeof tryIt>> {
  const { platform } = createFakePlatform({ stdin: text });
  const files = createManifestFiles({ paths: ["-"], stdin: platform.terminal.stdin });
  return tryIt(await compileFiles({ files, env: {}, ringFor: platform.ringFor, nowMs: platform.nowMs }), "http://gw");
}

function manifest(kind: string, spec: string): string {
  return `---\napiVersion: airatelimit.dev/v1alpha1\nkind: ${kind}\nmetadata: {name: x}\nspec: ${spec}\n`;
}

const BACKEND = manifest("AIBackend", "{provider: OpenAICompatible, endpoint: 'http://127.0.0.1:1'}");
const CONSUMER = manifest("Consumer", `{credentials: [{name: c, apiKey: {value: "it's"}}]}`);
const route = (match: string, more = ""): string =>
  manifest("AIRoute", `{matches: [{${match}}], backendRefs: [{name: x}]${more}}`);
const POLICY = manifest("AIRateLimitPolicy", "{limits: [{name: day, limit: 100, window: {duration: 24h}}]}");

test.for([
  {
    name: "a prefix is followed by the API's path",
    match: "path: {type: PathPrefix, value: /}",
    url: "http://gw/v1/chat/completions",
  },
  {
    name: "a prefix that ends in /v1 has half of it",
    match: "path: {type: PathPrefix, value: /a/v1}",
    url: "http://gw/a/v1/chat/completions",
  },
  { name: "an exact path is taken as it is", match: "path: {type: Exact, value: /b}", url: "http://gw/b" },
])("[unit] in the request to try $name", async ({ match, url }) => {
  expect((await tryText(CONSUMER + BACKEND + route(match)))?.curl).toContain(`curl -i '${url}' \\\n`);
});

test("[unit] the request to try is quoted for a shell, names its host, and uses up the limit with the second", async () => {
  const text = CONSUMER + BACKEND + route("path: {type: Exact, value: /b}, hostnames: [ai.example]") + POLICY;
  expect(await tryText(text)).toEqual({
    curl: [
      "curl -i 'http://gw/b'",
      "-H 'apikey: it'\\''s'",
      "-H 'Host: ai.example'",
      "-H 'Content-Type: application/json'",
      `-d '{"model":"demo-45","messages":[{"role":"user","content":"Who is Jimi Hendrix?"}]}'`,
    ].join(" \\\n    "),
    expected: [
      "X-AI-RateLimit-Limit-day-day: 100",
      "X-AI-RateLimit-Remaining-day-day: what is left, before this request",
      "and once 100 TotalTokens per 86400 s are used up: status 429 with Retry-After",
    ],
  });
});

test.for([
  { response: "{headers: {formats: [IETF]}}", end: "status 429 with Retry-After" },
  { response: "{headers: {hide: Quota}, statusCode: 200}", end: "status 200" },
])("[unit] the request to try tells of no header that $response leaves out", async ({ response, end }) => {
  const policy = POLICY.replace("spec: {", `spec: {response: ${response}, `);
  const text = CONSUMER + BACKEND + route("path: {type: Exact, value: /b}") + policy;
  expect((await tryText(text))?.expected).toEqual([`and once 100 TotalTokens per 86400 s are used up: ${end}`]);
});

test.for([
  { name: "no route", text: CONSUMER + BACKEND },
  { name: "no consumer with a key in the files", text: BACKEND + route("path: {type: Exact, value: /b}") },
])("[unit] with $name there is nothing to try", async ({ text }) => {
  expect(await tryText(text)).toBeUndefined();
});

test("[unit] without identification no key is sent", async () => {
  const text = BACKEND + route("path: {type: Exact, value: /b}", ", authentication: {none: {}}");
  expect((await tryText(text))?.curl).not.toMatch(/apikey|Authorization/i);
});
