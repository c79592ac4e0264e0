// What `helm test` runs: the Pod's own command, against a gateway and against something else.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished } from "vitest";
import { z } from "zod";
import { startCommand } from "../helpers/command-process.ts";
import { find, type Helm, manifestsOf, render, test } from "./helm.ts";

const aPod = z.looseObject({
  spec: z.looseObject({
    containers: z.tuple([z.looseObject({ command: z.array(z.string()), args: z.array(z.string()) })]),
  }),
});

/** Its command line, with another URL. */
async function commandOf(helm: Helm, url: string): Promise<string[]> {
  const manifests = manifestsOf(await render(helm, ["--set", "redis.url=redis://redis:6379"]));
  const { command, args } = aPod.parse(find(manifests, "Pod/airl-ai-rate-limit-test")).spec.containers[0];
  expect(command[0]).toBe("node");
  expect(args.at(-1)).toBe("http://airl-ai-rate-limit.ai-rate-limit-system.svc:80/");
  return [...command.slice(1), ...args.slice(0, -1), url];
}

interface Ended {
  /** null when it was stopped. */
  readonly code: number | null;
  readonly text: string;
}

/** Stops it after the first line that it prints as an error: it goes on asking for half a minute. */
async function run(args: readonly string[]): Promise<Ended> {
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
  let text = "";
  child.stdout.on("data", (piece: Buffer) => {
    text += piece.toString();
  });
  child.stderr.on("data", (piece: Buffer) => {
    text += piece.toString();
    child.kill();
  });
  await once(child, "close");
  return { code: child.exitCode, text };
}

test("[e2e] helm test is content with a gateway, whatever it answers", async ({ helm }) => {
  const gateway = startCommand([
    "run",
    "-f",
    "examples/quickstart",
    "--listen",
    "127.0.0.1:0",
    "--admin",
    "127.0.0.1:0",
  ]);
  onTestFinished(async () => {
    await gateway.stop();
  });
  const [, origin = ""] = await gateway.line(/(http:\/\/127\.0\.0\.1:\d+)/);
  const { code, text } = await run(await commandOf(helm, `${origin}/`));
  expect(text).toMatch(/: 404, request \S+/);
  expect(code).toBe(0);
});

test("[e2e] helm test is not content with another server", async ({ helm }) => {
  const other = createServer((_, response) => response.end("hello"));
  other.listen(0, "127.0.0.1");
  await once(other, "listening");
  onTestFinished(() => {
    other.close();
  });
  const { port } = z.custom<AddressInfo>((value) => typeof value === "object").parse(other.address());
  const { text } = await run(await commandOf(helm, `http://127.0.0.1:${String(port)}/`));
  expect(text).toContain("200 from something that is not the gateway: hello");
});

test("[e2e] helm test says why nothing answers", async ({ helm }) => {
  const { text } = await run(await commandOf(helm, "http://127.0.0.1:1/"));
  expect(text).toMatch(/http:\/\/127\.0\.0\.1:1\/: fetch failed/);
});
