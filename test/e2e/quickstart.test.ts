// What README.md promises a newcomer, done word by word with the built command; only the ports are the test's own.

import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type CommandProcess, startCommand } from "../helpers/command-process.ts";
import { CHAT_BODY, call } from "../helpers/http-call.ts";
import { runReadmeCurl } from "../helpers/readme-curl.ts";

let command: CommandProcess | undefined;
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "airl-quickstart-"));
  await cp("examples/quickstart", folder, { recursive: true });
});

afterEach(async () => {
  await command?.stop();
  await rm(folder, { recursive: true });
});

/** Where `demo -f` says that clients send their traffic. */
async function startDemo(): Promise<{ readonly process: CommandProcess; readonly origin: string }> {
  const ports = [
    "--listen",
    "127.0.0.1:0",
    "--admin",
    "127.0.0.1:0",
    "--upstream",
    "127.0.0.1:0",
    "--log-level",
    "info",
  ];
  const process = startCommand(["demo", "-f", folder, ...ports]);
  command = process;
  const [, origin = ""] = await process.line(/traffic +(http:\/\/\S+)/);
  return { process, origin };
}

test("[e2e] the README's curl is answered 200 with limit headers, and 429 once the limit is used up", async () => {
  const { origin } = await startDemo();
  const first = await runReadmeCurl(origin);
  const second = await runReadmeCurl(origin);
  const third = await runReadmeCurl(origin);
  expect(first).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
  expect(first).toContain("X-AI-RateLimit-Limit-minute-budget: 100\r\n");
  expect(first).toContain("X-AI-RateLimit-Remaining-minute-budget: 100\r\n");
  expect(second).toContain("X-AI-RateLimit-Remaining-minute-budget: 50\r\n");
  expect(third).toMatch(/^HTTP\/1\.1 429 Too Many Requests\r\n/);
  expect(third).toMatch(/\r\nRetry-After: \d+\r\n/);
  expect(third).toContain('"code":"rate_limit_exceeded"');
});

test("[e2e] an edit takes effect without losing counters; a broken one keeps the last good and says why", async () => {
  const { process, origin } = await startDemo();
  const file = join(folder, "quickstart.yaml");
  const text = await readFile(file, "utf8");
  const chat = (): ReturnType<typeof call> =>
    call(origin, { path: "/v1/chat/completions", headers: { apikey: "alice-key" }, body: CHAT_BODY });
  const used = 100 - Number((await chat(), await chat()).headers["x-ai-ratelimit-remaining-minute-budget"]);
  expect(used).toBeGreaterThan(0);

  await writeFile(file, text.replace("limit: 100", "limit: lots"));
  await process.line(/spec\.limits\[0\]\.limit: found "lots"/);
  expect((await chat()).headers["x-ai-ratelimit-limit-minute-budget"]).toBe("100");

  await writeFile(file, text.replace("limit: 100", "limit: 1000"));
  await process.line(/the configuration is mended and in force/);
  const after = await chat();
  expect(after.headers["x-ai-ratelimit-limit-minute-budget"]).toBe("1000");
  expect(Number(after.headers["x-ai-ratelimit-remaining-minute-budget"])).toBeLessThan(1000);
});

test("[e2e] SIGTERM drains and ends with 0; no line that was printed holds a key or a prompt", async () => {
  const { process, origin } = await startDemo();
  await call(origin, { path: "/v1/chat/completions", headers: { apikey: "alice-key" }, body: CHAT_BODY });
  await call(origin, { path: "/v1/chat/completions", headers: { apikey: "planted-wrong-key" }, body: CHAT_BODY });
  await process.line(/"status":401/);
  expect(await process.stop()).toBe(0);
  const printed = process.lines.filter((line) => line.startsWith("{")).join("\n");
  expect(printed).toContain('"consumer":"default/alice"');
  for (const secret of ["alice-key", "planted-wrong-key", "provider-key", "Jimi"])
    expect(printed).not.toContain(secret);
});
