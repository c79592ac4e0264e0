// A real server takes the configuration of the trial Redis, and lets in who has the password.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect, onTestFinished } from "vitest";
import { asRecord } from "../compiler/manifest-builders.ts";
import { find, manifestsOf, render, test } from "./helm.ts";

/** Answers to inline commands, one line each. */
async function ask(socket: string, commands: readonly string[]): Promise<string[]> {
  const connection = createConnection(socket);
  const answers: string[] = [];
  connection.write(commands.map((command) => `${command}\r\n`).join(""));
  for await (const line of createInterface({ input: connection })) {
    answers.push(line);
    if (answers.length === commands.length) break;
  }
  connection.destroy();
  return answers;
}

test("[redis] the trial Redis asks for the password that clients are given, and keeps an append-only file", async ({
  helm,
}) => {
  const manifests = manifestsOf(await render(helm, ["--values", "test/chart/values/trial.yaml"]));
  const data = asRecord(find(manifests, "Secret/airl-ai-rate-limit-redis")["data"]);
  const text = (key: string): string => Buffer.from(String(data[key]), "base64").toString();
  const folder = mkdtempSync(join(tmpdir(), "airl-trial-redis-"));
  const [file, socket] = [join(folder, "redis.conf"), join(folder, "socket")];
  writeFileSync(file, text("redis.conf").replace("dir /data", `dir ${folder}`));
  const server = spawn("redis-server", [file, "--port", "0", "--unixsocket", socket]);
  const ended = once(server, "close");
  onTestFinished(async () => {
    server.kill();
    await ended;
    rmSync(folder, { recursive: true });
  });
  for await (const line of createInterface({ input: server.stdout })) {
    if (line.includes("ready to accept connections")) break;
  }
  server.stdout.resume();
  expect(await ask(socket, ["PING"])).toEqual(["-NOAUTH Authentication required."]);
  expect(await ask(socket, [`AUTH ${text("password")}`, "PING"])).toEqual(["+OK", "+PONG"]);
  expect(readdirSync(folder)).toContain("appendonlydir");
});
