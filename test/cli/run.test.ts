import { rm, writeFile } from "node:fs/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { runCommand } from "../../cli/command.ts";
import { createFakePlatform, createTemporaryFolder, type FakePlatform, type TemporaryFolder } from "./fake-platform.ts";

let folder: TemporaryFolder;
beforeEach(async () => {
  folder = await createTemporaryFolder();
});
afterEach(() => folder.remove());

function backend(name: string, endpoint = "https://llm.example"): string {
  return `apiVersion: airatelimit.dev/v1alpha1\nkind: AIBackend\nmetadata: {name: ${name}}\nspec: {provider: OpenAICompatible, endpoint: "${endpoint}"}\n`;
}

const BROKEN = backend("main").replace("OpenAICompatible", "OpenIA");

interface Running {
  readonly fake: FakePlatform;
  readonly code: Promise<number>;
}

function run(...args: string[]): Running {
  const fake = createFakePlatform({ env: { HOST_NAME: "filled.example" } });
  return { fake, code: runCommand(["run", "-f", folder.at("a.yaml"), ...args], fake.platform) };
}

function names(objects: readonly { readonly name: string }[]): string[] {
  return objects.map(({ name }) => name);
}

test("[unit] applies the files, says where it listens, drains on a signal and ends with 0", async () => {
  await writeFile(folder.at("a.yaml"), backend("main"));
  const { fake, code } = run();
  expect(names(await fake.applied.next())).toEqual(["main"]);
  expect(await fake.out.next()).toBe("ai-rate-limit 1.2.3");
  fake.stop("SIGTERM");
  expect(await code).toBe(0);
  expect(fake.out.all.slice(1)).toEqual([
    "  traffic   http://127.0.0.1:1",
    "  admin     http://127.0.0.1:1 (/readyz, /livez, /metrics)",
    "  objects   1 AIBackend from 1 file",
    "  counters  in memory, lost when this process ends",
  ]);
  expect([fake.drains(), fake.logged.all]).toEqual([1, ["draining", "drained"]]);
});

test("[unit] hands every option to the gateway", async () => {
  await writeFile(folder.at("a.yaml"), backend("main"));
  const { fake, code } = run(
    ...["--listen", "0.0.0.0:81", "--admin", "[::1]:82", "--redis", "redis://u:p@r:6379/1", "--drain", "5s"],
    ...["--trusted-proxy", "10.0.0.0/8", "--trusted-proxy", "192.0.2.7", "--max-body", "1MiB", "--log-level", "silent"],
  );
  fake.stop("SIGINT");
  expect(await code).toBe(0);
  expect(fake.gatewayInputs).toMatchObject([
    {
      listen: { host: "0.0.0.0", port: 81 },
      admin: { host: "::1", port: 82 },
      redisUrl: "redis://u:p@r:6379/1",
      drainMs: 5_000,
      trustedProxies: ["10.0.0.0/8", "192.0.2.7"],
      maxBodyBytes: 1_048_576,
      systemNamespace: "default",
      log: { level: "silent" },
    },
  ]);
  expect(fake.out.all).toContain("  counters  in Redis at r:6379");
});

test("[unit] an override and the environment decide where a backend is", async () => {
  await writeFile(folder.at("a.yaml"), `${backend("one", "https://${HOST_NAME}")}---\n${backend("two")}`);
  const { fake, code } = run("--endpoint", "two=http://127.0.0.1:9000");
  fake.stop("SIGTERM");
  await code;
  expect(fake.applied.all[0]).toMatchObject([
    { origin: "https://filled.example" },
    { origin: "http://127.0.0.1:9000" },
  ]);
});

test.for([
  {
    name: "an object with an error",
    text: `${backend("good")}---\n${BROKEN}`,
    args: [],
    line: /a\.yaml:9: error: AIBackend default\/main spec\.provider: found "OpenIA"/,
  },
  {
    name: "a variable that is not set",
    text: backend("main", "https://${GONE}"),
    args: [],
    line: /a\.yaml:4: error: spec\.endpoint: found \$\{GONE\}/,
  },
  { name: "no objects", text: "# nothing\n", args: [], line: /found no objects, wanted at least one object to run/ },
  {
    name: "an override that meets nothing",
    text: backend("main"),
    args: ["--endpoint", "mian=http://127.0.0.1:1"],
    line: /^--endpoint: error: found mian=http/,
  },
])("[unit] starts nothing with $name and ends with 1", async ({ text, args, line }) => {
  await writeFile(folder.at("a.yaml"), text);
  const { fake, code } = run(...args);
  expect(await code).toBe(1);
  expect(fake.err.all.join("\n")).toMatch(new RegExp(line.source, "m"));
  expect(fake.err.all.at(-1)).toMatch(/^nothing is started: \d error/);
  expect(fake.gatewayInputs).toEqual([]);
});

test("[unit] an address that is taken is one line and exit code 1", async () => {
  await writeFile(folder.at("a.yaml"), backend("main"));
  const startError = Object.assign(new Error("listen EADDRINUSE"), {
    code: "EADDRINUSE",
    address: "127.0.0.1",
    port: 8080,
  });
  const fake = createFakePlatform({ startError });
  expect(await runCommand(["run", "-f", folder.at("a.yaml")], fake.platform)).toBe(1);
  expect(fake.err.all).toEqual(["error: cannot listen on 127.0.0.1:8080: the address is in use"]);
});

test("[unit] a broken edit keeps the last good configuration and says why; a mended one is applied", async () => {
  await writeFile(folder.at("a.yaml"), backend("first"));
  const { fake, code } = run();
  await fake.applied.next();
  await fake.out.next();
  await writeFile(folder.at("a.yaml"), BROKEN);
  expect(await fake.logged.next()).toBe("the change is not in force: the last good configuration stays");
  expect(fake.err.all.at(-1)).toMatch(
    /a\.yaml:4: error: AIBackend default\/main spec\.provider: found "OpenIA", wanted .*OpenAI/,
  );
  expect(fake.applied.all).toHaveLength(1);
  await writeFile(folder.at("a.yaml"), backend("second"));
  expect(names(await fake.applied.next())).toEqual(["second"]);
  expect(await fake.logged.next()).toBe("the configuration is mended and in force");
  fake.stop("SIGTERM");
  expect(await code).toBe(0);
});

test.for([
  { name: "emptied", change: () => writeFile(folder.at("a.yaml"), "") },
  { name: "removed", change: () => rm(folder.at("a.yaml")) },
])("[unit] a file that is $name leaves the last good configuration in force", async ({ change }) => {
  await writeFile(folder.at("a.yaml"), backend("first"));
  const { fake, code } = run();
  await fake.out.next();
  await change();
  expect(await fake.logged.next()).toBe("the change is not in force: the last good configuration stays");
  fake.stop("SIGTERM");
  await code;
  expect(fake.applied.all).toHaveLength(1);
});

test("[unit] SIGHUP reads the files again though nothing has changed", async () => {
  await writeFile(folder.at("a.yaml"), backend("first"));
  const { fake, code } = run();
  await fake.applied.next();
  await fake.out.next();
  fake.hangUp();
  expect(names(await fake.applied.next())).toEqual(["first"]);
  fake.stop("SIGTERM");
  await code;
});
