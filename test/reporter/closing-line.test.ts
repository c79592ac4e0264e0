// The closing line, on real runs of vitest over small projects planted in a temporary folder.

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { closingLine } from "./closing-line.ts";

const REPORTER = resolve("test/reporter/closing-line.ts");
const RUNNER = resolve("scripts/test.sh");

const CONFIG = `
  import { ClosingLine } from ${JSON.stringify(REPORTER)};
  export default { test: { globals: true, include: ["*.test.ts"], reporters: ["default", new ClosingLine()] } };
`;

interface Run {
  readonly name: string;
  readonly files: Readonly<Record<string, string>>;
  readonly config?: string;
  readonly args?: readonly string[];
  readonly ci?: boolean;
  readonly line: string;
  readonly ok: boolean;
}

const PASSES = `test("a", () => {}); test("b", () => {});`;
const SKIPS = `test("a", () => {}); test.skip("needs redis-server", () => {});`;

const runs: readonly Run[] = [
  { name: "counts what passed", files: { "a.test.ts": PASSES }, line: "2 passed, 0 failed", ok: true },
  {
    name: "counts what failed",
    files: { "a.test.ts": PASSES, "b.test.ts": `test("c", () => { expect(1).toBe(2); });` },
    line: "2 passed, 1 failed",
    ok: false,
  },
  {
    name: "counts each file that cannot be loaded as one failed",
    files: { "a.test.ts": PASSES, "b.test.ts": `import "./absent.ts"; test("c", () => {});`, "c.test.ts": "}" },
    line: "2 passed, 2 failed",
    ok: false,
  },
  {
    name: "counts a file without a test as one failed",
    files: { "a.test.ts": PASSES, "b.test.ts": "" },
    line: "2 passed, 1 failed",
    ok: false,
  },
  {
    name: "counts a failed hook as one failed beside the tests that it kept from running",
    files: {
      "a.test.ts": `describe("s", () => { beforeAll(() => { throw new Error("x"); }); test("c", () => {}); });
      test("d", () => { expect(1).toBe(2); });`,
    },
    line: "0 passed, 2 failed, 1 skipped",
    ok: false,
  },
  {
    name: "counts an unhandled rejection as one failed",
    files: {
      "a.test.ts": `test("a", async () => { void Promise.reject(new Error("x")); });`,
      "b.test.ts": `test("c", () => { expect(1).toBe(2); });`,
    },
    line: "1 passed, 2 failed",
    ok: false,
  },
  {
    name: "counts a worker that dies as failed",
    files: { "a.test.ts": `test("a", () => { process.kill(process.pid, "SIGKILL"); });`, "b.test.ts": PASSES },
    line: "2 passed, 2 failed",
    ok: false,
  },
  {
    name: "counts skipped tests apart",
    files: { "a.test.ts": SKIPS },
    line: "1 passed, 0 failed, 1 skipped",
    ok: true,
  },
  {
    name: "counts a skipped test as failed when CI=true",
    files: { "a.test.ts": SKIPS },
    ci: true,
    line: "1 passed, 1 failed",
    ok: false,
  },
  {
    name: "lets -t leave tests out even when CI=true",
    files: { "a.test.ts": PASSES },
    ci: true,
    args: ["-t", "b"],
    line: "1 passed, 0 failed, 1 skipped",
    ok: true,
  },
  { name: "fails a run without a single test", files: {}, line: "0 passed, 1 failed", ok: false },
  {
    name: "counts what a run broken off left undone as failed",
    files: { "a.test.ts": `test("a", () => { expect(1).toBe(2); }); test("b", () => {});` },
    args: ["--bail=1"],
    line: "0 passed, 2 failed",
    ok: false,
  },
  {
    name: "fails a run whose process ends before it has",
    files: { "a.test.ts": PASSES },
    config: CONFIG.replace("new ClosingLine()", "new ClosingLine(), { onTestCaseResult: () => process.exit(0) }"),
    line: "1 passed, 1 failed",
    ok: false,
  },
  {
    name: "closes for a run whose configuration cannot be loaded",
    files: { "a.test.ts": PASSES },
    config: `throw new Error("broken");`,
    line: "0 passed, 1 failed",
    ok: false,
  },
];

let folder = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "airl-closing-line-"));
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

test.for(runs)("[unit] $name", async (run) => {
  writeFileSync(join(folder, "vitest.config.ts"), run.config ?? CONFIG);
  for (const [name, text] of Object.entries(run.files)) writeFileSync(join(folder, name), text);

  const { stdout, code } = await runTests(run);

  const last = stdout.trimEnd().split("\n").at(-1);
  expect({ last, succeeded: code === 0 }).toEqual({ last: run.line, succeeded: run.ok });
  expect(stdout.endsWith("\n")).toBe(true);
});

test("[unit] names the skipped tests when CI=true fails them", async () => {
  writeFileSync(join(folder, "vitest.config.ts"), CONFIG);
  writeFileSync(join(folder, "a.test.ts"), SKIPS);
  const { stdout } = await runTests({ ci: true });
  expect(stdout).toContain("Skipped here:\n  a.test.ts: needs redis-server\n");
});

test("[unit] says skipped only when something was", () => {
  expect(closingLine({ passed: 3, failed: 0, skipped: 0 })).toBe("3 passed, 0 failed");
  expect(closingLine({ passed: 3, failed: 1, skipped: 2 })).toBe("3 passed, 1 failed, 2 skipped");
});

function runTests(run: Pick<Run, "args" | "ci">): Promise<{ stdout: string; code: number | null }> {
  const env: NodeJS.ProcessEnv = { ...process.env, CI: run.ci === true ? "true" : "", NO_COLOR: "1" };
  // What this run's own workers carry would make the planted run believe that it is one of them.
  for (const name of Object.keys(env)) if (/^(VITEST|TEST$|NODE_ENV$|FORCE_COLOR$)/.test(name)) env[name] = undefined;
  const child = spawn(RUNNER, [...(run.args ?? [])], { cwd: folder, env, stdio: ["ignore", "pipe", "ignore"] });
  const pieces: Buffer[] = [];
  child.stdout.on("data", (piece: Buffer) => pieces.push(piece));
  return new Promise((done, fail) => {
    child.once("error", fail);
    child.once("close", (code) => {
      done({ stdout: Buffer.concat(pieces).toString("utf8"), code });
    });
  });
}
