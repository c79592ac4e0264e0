// The product as the image holds it: nothing but what runs, and it runs from there.

import { execFileSync, spawnSync } from "node:child_process";
import {
  accessSync,
  constants,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { z } from "zod";
import { eventually } from "../helpers/clock.ts";
import { startProgram } from "../helpers/command-process.ts";
import { startFakeKubeApi } from "../helpers/fake-kube-api.ts";
import { startFakeUpstream } from "../helpers/fake-upstream.ts";
import { CHAT_BODY, call } from "../helpers/http-call.ts";
import { startRedis } from "../helpers/redis-server.ts";
import { type ImageTree, makeImageTree, RUNTIME_TREE } from "./image-tree.ts";

const MAINS = ["controller", "dataplane", "cli"];
const FIVE_MINUTES_MS = 300_000;
const lock = z.object({ packages: z.record(z.string(), z.looseObject({ dev: z.boolean().optional() })) });

let tree: ImageTree;
beforeAll(async () => {
  tree = await makeImageTree();
}, FIVE_MINUTES_MS);
afterAll(() => {
  tree.remove();
});

function packagesIn(path: string): string[] {
  const { packages } = lock.parse(JSON.parse(readFileSync(path, "utf8")));
  return Object.entries(packages)
    .filter(([name, { dev }]) => name !== "" && dev !== true)
    .map(([name]) => name)
    .toSorted();
}

test("[e2e] it has the built product, its packages and package.json", () => {
  expect(readdirSync(tree.app).toSorted()).toEqual(["dist", "node_modules", "package.json"]);
  const sources = ["cli", "compiler", "controller", "crds", "dataplane", "settings"];
  expect(readdirSync(join(tree.app, "dist")).toSorted()).toEqual(sources);
});

test("[e2e] it has exactly the packages that the lock file has for production", () => {
  const installed = join(tree.app, "node_modules/.package-lock.json");
  expect(packagesIn(installed)).toEqual(packagesIn("package-lock.json"));
  const { packages } = lock.parse(JSON.parse(readFileSync(installed, "utf8")));
  expect(Object.entries(packages).filter(([, { dev }]) => dev === true)).toEqual([]);
  for (const name of ["typescript", "vitest", "eslint", "@biomejs", "openai"]) {
    expect(readdirSync(join(tree.app, "node_modules"))).not.toContain(name);
  }
});

test("[e2e] it has nothing for compilers, debuggers or tests of the product", () => {
  const files = readdirSync(tree.app, { recursive: true, encoding: "utf8" });
  expect(files.filter((name) => /\.(?:map|d\.[cm]?ts)$/.test(name))).toEqual([]);
  const ours = files.filter((name) => name.startsWith("dist/") && statSync(join(tree.app, name)).isFile());
  expect(new Set(ours.map((name) => extname(name)))).toEqual(new Set([".js", ".lua"]));
  expect(ours.filter((name) => /test|bench|fuzz/.test(name))).toEqual([]);
});

test("[e2e] everybody may read it, and nobody but its owner may change it", () => {
  const modes = (test: string[]): string => execFileSync("find", [tree.app, "!", "-type", "l", ...test]).toString();
  expect(modes(["(", "-perm", "/022", "-o", "!", "-perm", "-444", ")"])).toBe("");
});

test.for(MAINS)("[e2e] %s starts by its own name and says its version", (name) => {
  const main = join(tree.app, "dist", name, "main.js");
  accessSync(main, constants.X_OK);
  const { stdout, stderr, status } = spawnSync(main, ["--version"], { encoding: "utf8", cwd: "/" });
  const { version } = z.object({ version: z.string() }).parse(JSON.parse(readFileSync("package.json", "utf8")));
  expect({ stdout, stderr, status }).toEqual({ stdout: `${version}\n`, stderr: "", status: 0 });
});

test("[e2e] scripts/runtime-tree.sh writes into no folder that has something in it", () => {
  const { status, stderr } = spawnSync(RUNTIME_TREE, [tree.app], { encoding: "utf8" });
  expect(status).toBe(2);
  expect(stderr).toContain("is not empty");
});

test("[e2e] a controller and a data plane from there enforce the quickstart", async () => {
  const folder = mkdtempSync(join(tmpdir(), "airl-run-"));
  const keyRing = join(folder, "keyring");
  writeFileSync(keyRing, `${Buffer.alloc(32, 9).toString("base64")}\n`);
  const [redis, upstream, api] = await Promise.all([startRedis(), startFakeUpstream(), startFakeKubeApi()]);
  const quickstart = readFileSync("examples/quickstart/quickstart.yaml", "utf8");
  for (const document of parseAllDocuments(quickstart.replace("http://127.0.0.1:9000", upstream.origin))) {
    const object = z
      .looseObject({ kind: z.string(), metadata: z.looseObject({ name: z.string() }) })
      .parse(document.toJS());
    const plural = object.kind === "AIRateLimitPolicy" ? "airatelimitpolicies" : `${object.kind.toLowerCase()}s`;
    api.put(plural, { ...object, metadata: { ...object.metadata, namespace: "ai", generation: 1 } });
  }
  const env = {
    AIRL_REDIS_URL: redis.url,
    AIRL_KEYRING_FILE: keyRing,
    AIRL_ADMIN_LISTEN: "127.0.0.1:0",
    AIRL_SYSTEM_NAMESPACE: "ai",
    NODE_ENV: "production",
  };
  const controller = startProgram(join(tree.app, "dist/controller/main.js"), [], {
    ...env,
    KUBECONFIG: api.kubeconfig,
  });
  const gateway = startProgram(join(tree.app, "dist/dataplane/main.js"), [], {
    ...env,
    AIRL_LISTEN: "127.0.0.1:0",
    AIRL_EGRESS_ALLOW: "127.0.0.0/8",
  });
  onTestFinished(async () => {
    await Promise.all([controller.stop(), gateway.stop()]);
    await Promise.all([redis.stop(), upstream.stop(), api.close()]);
    rmSync(folder, { recursive: true });
  });
  const [, port = ""] = await gateway.line(/"traffic":\{"host":"127.0.0.1","port":(\d+)\}/);
  const ask = (): ReturnType<typeof call> =>
    call(`http://127.0.0.1:${port}`, {
      path: "/v1/chat/completions",
      headers: { "content-type": "application/json", apikey: "alice-key" },
      body: CHAT_BODY.replace("gpt-4o", "demo-45"),
    });
  await eventually("the first request is let through", async () => (await ask()).status === 200);
  expect((await ask()).status).toBe(200);
  expect((await ask()).status).toBe(429);
});
