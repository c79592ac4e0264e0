import { readFile, writeFile } from "node:fs/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { runCommand } from "../../cli/command.ts";
import { createFileGateway } from "../../cli/data-plane.ts";
import { type FakeUpstream, startFakeUpstream } from "../helpers/fake-upstream.ts";
import { createFakePlatform, createTemporaryFolder, type FakePlatform, type TemporaryFolder } from "./fake-platform.ts";

let folder: TemporaryFolder;
let upstream: FakeUpstream;
let fake: FakePlatform;
let code: Promise<number>;
let origin: string;
beforeEach(async () => {
  folder = await createTemporaryFolder();
  upstream = await startFakeUpstream({ requireKey: true });
  fake = createFakePlatform();
});
afterEach(async () => {
  fake.stop("SIGTERM");
  expect(await code).toBe(0);
  await upstream.stop();
  await folder.remove();
});

/** `run` on a copy of an example, with its own gateway, at the middle of a window so that none ends during the test. */
async function runExample(name: string): Promise<string> {
  const text = await readFile(`examples/${name}/${name}.yaml`, "utf8");
  await writeFile(folder.at("a.yaml"), text);
  const platform = {
    ...fake.platform,
    createGateway: (input: Parameters<typeof createFileGateway>[0]) =>
      createFileGateway(input, () => 1_700_000_010_000),
  };
  const args = ["run", "-f", folder.at("a.yaml"), "--listen", "0", "--admin", "0"];
  code = runCommand([...args, "--endpoint", `OpenAICompatible=${upstream.origin}`], platform);
  await fake.out.next();
  origin = /http:\S+/.exec(await fake.out.next())?.[0] ?? "";
  return text;
}

interface Answer {
  readonly status: number;
  readonly limit: string | null;
  readonly remaining: string | null;
  readonly body: string;
}

async function ask(path: string, key: string, label: string): Promise<Answer> {
  const body = JSON.stringify({ model: "demo-570", messages: [{ role: "user", content: "Who is Jimi Hendrix?" }] });
  const response = await fetch(`${origin}${path}`, { method: "POST", headers: { apikey: key }, body });
  return {
    status: response.status,
    limit: response.headers.get(`x-ai-ratelimit-limit-minute-${label}`),
    remaining: response.headers.get(`x-ai-ratelimit-remaining-minute-${label}`),
    body: await response.text(),
  };
}

test("[proxy] the workshop: each consumer has its own budget, and the refusal is the documented one", async () => {
  await runExample("workshop");
  expect(await ask("/bedrock-route", "123456", "bedrock")).toMatchObject({
    status: 200,
    limit: "500",
    remaining: "500",
  });
  expect(await ask("/bedrock-route", "123456", "bedrock")).toEqual({
    status: 429,
    limit: "500",
    remaining: "0",
    body: '{"message":"AI token rate limit exceeded for provider(s): bedrock"}',
  });
  expect(await ask("/bedrock-route", "987654", "bedrock")).toMatchObject({
    status: 200,
    limit: "10000",
    remaining: "10000",
  });
  expect(await ask("/bedrock-route", "987654", "bedrock")).toMatchObject({ status: 200, remaining: "9425" });
  expect((await ask("/bedrock-route", "unknown", "bedrock")).status).toBe(401);
  expect(upstream.stats()).toMatchObject({ requests: 3, prompt_tokens: 15, completion_tokens: 1710 });
});

test("[proxy] a good edit keeps the counters, a broken one keeps the configuration", async () => {
  const text = await runExample("quickstart");
  expect(await ask("/v1/chat/completions", "alice-key", "budget")).toMatchObject({ status: 200, remaining: "100" });
  expect(await ask("/v1/chat/completions", "alice-key", "budget")).toMatchObject({ status: 429, limit: "100" });
  await writeFile(folder.at("a.yaml"), text.replace("limit: 100", "limit: 1000"));
  while ((await fake.logged.next()) !== "the changed configuration is in force");
  expect(await ask("/v1/chat/completions", "alice-key", "budget")).toMatchObject({
    status: 200,
    limit: "1000",
    remaining: "425",
  });
  await writeFile(folder.at("a.yaml"), text.replace("limit: 100", "limit: none"));
  while (!(await fake.logged.next()).startsWith("the change is not in force"));
  expect(await ask("/v1/chat/completions", "alice-key", "budget")).toMatchObject({ status: 429, limit: "1000" });
});
