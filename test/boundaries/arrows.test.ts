// The import rules bite: each one reports an import planted against it, none reports what is allowed, and a real run
// reads every source file (a cruise that understands no TypeScript reads nothing and finds nothing wrong).

import { execFile } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";

const ROOT = resolve(".");
const CONFIG = join(ROOT, ".dependency-cruiser.mjs");
const CRUISER = join(ROOT, "node_modules/.bin/depcruise");
const FOLDERS = ["crds", "compiler", "controller", "dataplane", "cli", "settings", "test"];

/** One file against each rule. Targets named target.ts stand in every folder. */
const forbidden = [
  { rule: "core-imports-only-core", file: "dataplane/core/a.ts", text: `import "zod";` },
  { rule: "contract-imports-zod-crypto-and-core", file: "dataplane/contract/a.ts", text: `import "node:fs";` },
  { rule: "json-imports-only-json", file: "dataplane/json/a.ts", text: `import "../core/target.ts";` },
  { rule: "providers-import-core-and-json", file: "dataplane/providers/a.ts", text: `import "node:net";` },
  {
    rule: "upstream-imports-itself-and-sockets",
    file: "dataplane/upstream/a.ts",
    text: `import "../config/target.ts";`,
  },
  {
    rule: "downstream-imports-sockets-and-llhttp",
    file: "dataplane/downstream/a.ts",
    text: `import "../core/target.ts";`,
  },
  { rule: "redis-imports-ioredis-core-and-contract", file: "dataplane/redis/a.ts", text: `import "pino";` },
  { rule: "store-imports-only-core", file: "dataplane/store/a.ts", text: `import "../redis/target.ts";` },
  { rule: "identify-imports-core-and-contract", file: "dataplane/identify/a.ts", text: `import "../redis/target.ts";` },
  {
    rule: "identify-imports-core-and-contract-beyond-types",
    file: "dataplane/identify/b.ts",
    text: `import { target } from "../providers/target.ts"; console.log(target);`,
  },
  { rule: "respond-imports-core-and-contract", file: "dataplane/respond/a.ts", text: `import "../proxy/target.ts";` },
  {
    rule: "respond-imports-core-and-contract-beyond-types",
    file: "dataplane/respond/b.ts",
    text: `import { target } from "../providers/target.ts"; console.log(target);`,
  },
  {
    rule: "config-imports-core-contract-redis-and-identify",
    file: "dataplane/config/a.ts",
    text: `import "../proxy/target.ts";`,
  },
  {
    rule: "config-imports-core-contract-redis-and-identify-beyond-types",
    file: "dataplane/config/b.ts",
    text: `import { target } from "../upstream/target.ts"; console.log(target);`,
  },
  {
    rule: "metrics-imports-prom-client-and-core",
    file: "dataplane/metrics/a.ts",
    text: `import "../proxy/target.ts";`,
  },
  { rule: "proxy-imports-the-data-plane-folders", file: "dataplane/proxy/a.ts", text: `import "../redis/target.ts";` },
  {
    rule: "proxy-imports-the-data-plane-folders-beyond-types",
    file: "dataplane/proxy/b.ts",
    text: `import { pino } from "pino"; console.log(pino);`,
  },
  { rule: "dataplane-knows-no-kubernetes", file: "dataplane/a.ts", text: `import "@kubernetes/client-node";` },
  {
    rule: "dataplane-knows-no-kubernetes",
    file: "dataplane/b.ts",
    text: `import type {} from "../compiler/target.ts";`,
  },
  { rule: "settings-import-only-files", file: "settings/a.ts", text: `import "../dataplane/target.ts";` },
  { rule: "crds-import-zod-and-yaml", file: "crds/a.ts", text: `import "../compiler/target.ts";` },
  { rule: "only-crds-generate-writes-files", file: "crds/b.ts", text: `import "node:fs";` },
  { rule: "only-crds-generate-and-manifest-know-yaml", file: "crds/c.ts", text: `import "yaml";` },
  { rule: "compiler-is-pure", file: "compiler/a.ts", text: `import "ioredis";` },
  { rule: "compiler-is-pure", file: "compiler/b.ts", text: `import "node:fs";` },
  { rule: "cli-works-without-the-controller", file: "cli/a.ts", text: `import "../controller/target.ts";` },
  {
    rule: "controller-sees-only-the-contract-of-the-dataplane",
    file: "controller/a.ts",
    text: `import "../dataplane/core/target.ts";`,
  },
  { rule: "controller-status-is-pure", file: "controller/status/a.ts", text: `import "node:fs";` },
  {
    rule: "controller-status-is-pure-beyond-types",
    file: "controller/status/b.ts",
    text: `import { target } from "../kube/conditions.ts"; console.log(target);`,
  },
  {
    rule: "controller-certificates-are-pure",
    file: "controller/certificates/a.ts",
    text: `import "../kube/target.ts";`,
  },
  { rule: "kube-imports-client-node-and-crds", file: "controller/kube/a.ts", text: `import "ioredis";` },
  { rule: "only-kube-imports-client-node", file: "controller/b.ts", text: `import "@kubernetes/client-node";` },
  {
    rule: "controller-sees-only-the-contract-of-the-dataplane",
    file: "controller/c.ts",
    text: `import "../dataplane/redis/target.ts";`,
  },
  { rule: "only-admin-and-webhooks-import-express", file: "dataplane/server.ts", text: `import "express";` },
  { rule: "only-redis-and-controller-import-ioredis", file: "cli/b.ts", text: `import "ioredis";` },
  {
    rule: "only-expression-imports-cel",
    file: "dataplane/contract/b.ts",
    text: `import "@marcbachmann/cel-js";`,
  },
  { rule: "nothing-imports-test", file: "cli/c.ts", text: `import "../test/target.ts";` },
  { rule: "nothing-imports-a-main", file: "cli/d.ts", text: `import "../dataplane/main.ts";` },
  { rule: "no-cycle", file: "cli/e.ts", text: `import "./f.ts";` },
  { rule: "no-orphan", file: "cli/g.ts", text: `export const alone = 1;` },
  { rule: "product-needs-no-dev-dependency", file: "cli/h.ts", text: `import "vitest";` },
  { rule: "every-package-is-declared", file: "cli/i.ts", text: `import "brought-by-another";` },
  { rule: "every-import-resolves", file: "cli/j.ts", text: `import "./absent.ts";` },
];

/** Imports as they should be; no rule may speak of these files. */
const allowed = [
  { file: "dataplane/contract/expression/compile.ts", text: `import "@marcbachmann/cel-js";` },
  { file: "dataplane/contract/ok.ts", text: `import "zod"; import "node:crypto"; import "../core/target.ts";` },
  { file: "dataplane/providers/ok.ts", text: `import "../core/target.ts"; import "../json/target.ts";` },
  { file: "dataplane/upstream/ok.ts", text: `import "node:net"; import "node:tls"; import "node:dns/promises";` },
  { file: "dataplane/redis/ok.ts", text: `import "ioredis"; import "../contract/target.ts"; import "node:fs";` },
  {
    file: "dataplane/identify/ok.ts",
    text: `import type { Target } from "../providers/target.ts"; export type A = Target;`,
  },
  { file: "dataplane/metrics/ok.ts", text: `import "prom-client";` },
  {
    file: "dataplane/proxy/ok.ts",
    text: `import type { Logger } from "pino"; import "../upstream/target.ts"; export type A = Logger;`,
  },
  { file: "dataplane/admin.ts", text: `import "express"; import "prom-client";` },
  { file: "dataplane/main.ts", text: `import "pino"; import "./proxy/target.ts"; import "./redis/target.ts";` },
  { file: "dataplane/settings.ts", text: `import "../settings/target.ts";` },
  { file: "settings/ok.ts", text: `import "node:fs"; import "node:net";` },
  { file: "crds/generate.ts", text: `import "zod"; import "yaml"; import "node:fs";` },
  {
    file: "compiler/ok.ts",
    text: `import "../crds/target.ts"; import "../dataplane/contract/target.ts"; import "node:net";`,
  },
  {
    file: "cli/main.ts",
    text: `import "../compiler/target.ts"; import "../dataplane/proxy/target.ts"; import "yaml";`,
  },
  { file: "controller/webhook.ts", text: `import "express"; import "ioredis"; import "./kube/target.ts";` },
  { file: "controller/certificates/ok.ts", text: `import "node:crypto";` },
  { file: "controller/kube/conditions.ts", text: `export const target = 1; export type Target = typeof target;` },
  {
    file: "controller/status/ok.ts",
    text: `import type { Target } from "../kube/conditions.ts"; export type A = Target;`,
  },
  {
    file: "controller/kube/ok.ts",
    text: `import "@kubernetes/client-node"; import "zod"; import "../../crds/target.ts"; import "node:https";`,
  },
  {
    file: "controller/ok.ts",
    text: `import "../dataplane/redis/connection.ts"; import "../dataplane/contract/target.ts";`,
  },
  { file: "dataplane/redis/connection.ts", text: `import "ioredis";` },
  { file: "test/ok.ts", text: `import "vitest"; import "../dataplane/redis/target.ts";` },
];

const DEPENDENCIES = [
  "zod",
  "yaml",
  "ioredis",
  "express",
  "pino",
  "prom-client",
  "@kubernetes/client-node",
  "@marcbachmann/cel-js",
];
const DEV_DEPENDENCIES = ["vitest"];

const report = z.object({
  modules: z.array(z.object({ source: z.string() })),
  summary: z.object({
    totalCruised: z.number(),
    violations: z.array(z.object({ from: z.string(), rule: z.object({ name: z.string() }) })),
  }),
});
type Report = z.infer<typeof report>;

describe("in a planted tree", () => {
  let folder = "";
  let planted: Report;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "airl-boundaries-"));
    plantTree(folder);
    planted = await cruise(folder, FOLDERS);
  });

  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  test.for(forbidden)("[unit] $rule reports $file", ({ rule, file }) => {
    expect(rulesAgainst(planted, file)).toContain(rule);
  });

  test.for(allowed)("[unit] nothing is reported of $file", ({ file }) => {
    expect(planted.modules.map((module) => module.source)).toContain(file);
    expect(rulesAgainst(planted, file)).toEqual([]);
  });

  test("[unit] every rule has a planted violation", async () => {
    const { default: config } = z
      .object({
        default: z.object({ forbidden: z.array(z.object({ name: z.string(), comment: z.string().min(20) })) }),
      })
      .parse(await import(CONFIG));
    const names = config.forbidden.map((rule) => rule.name);
    expect(new Set(forbidden.map((row) => row.rule))).toEqual(new Set(names));
  });
});

test("[unit] a real run reads every source file", async () => {
  const present = FOLDERS.filter((folder) => existsSync(join(ROOT, folder)));
  const sources = present.flatMap((folder) => sourcesIn(folder));

  const real = await cruise(ROOT, present);

  const cruised = new Set(real.modules.map((module) => module.source));
  expect(sources.filter((source) => !cruised.has(source))).toEqual([]);
  expect(real.summary.totalCruised).toBeGreaterThan(50);
});

function sourcesIn(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
    .map((name) => `${folder}/${name}`)
    .filter((name) => name.endsWith(".ts") && !/^test\/(fixtures|golden)\//.test(name));
}

function rulesAgainst({ summary }: Report, file: string): string[] {
  return summary.violations.filter((violation) => violation.from === file).map((violation) => violation.rule.name);
}

function plantTree(folder: string): void {
  cpSync(join(ROOT, "tsconfig.json"), join(folder, "tsconfig.json"));
  const versions = (names: readonly string[]): object => Object.fromEntries(names.map((name) => [name, "1.0.0"]));
  const manifest = { dependencies: versions(DEPENDENCIES), devDependencies: versions(DEV_DEPENDENCIES) };
  write(folder, "package.json", JSON.stringify({ name: "planted", type: "module", ...manifest }));
  for (const name of [...DEPENDENCIES, ...DEV_DEPENDENCIES, "brought-by-another"]) {
    write(folder, `node_modules/${name}/package.json`, JSON.stringify({ name, version: "1.0.0", main: "index.js" }));
    write(folder, `node_modules/${name}/index.js`, "");
  }
  const parts = ["core", "contract", "json", "providers", "upstream", "redis", "store", "identify", "respond"];
  const inDataplane = [...parts, "config", "metrics", "proxy"].map((part) => `dataplane/${part}`);
  for (const place of [...FOLDERS, ...inDataplane, "controller/kube"]) {
    write(folder, `${place}/target.ts`, "export interface Target { readonly a: string }\nexport const target = 1;\n");
  }
  write(folder, "cli/f.ts", `import "./e.ts";`);
  for (const { file, text } of [...forbidden, ...allowed]) write(folder, file, `${text}\n`);
}

function write(folder: string, file: string, text: string): void {
  const path = join(folder, file);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

/** The command that `make boundaries` runs, with its answer as data. It exits with the number of errors found. */
function cruise(folder: string, places: readonly string[]): Promise<Report> {
  const args = ["--config", CONFIG, "--output-type", "json", ...places];
  return new Promise((done, fail) => {
    execFile(CRUISER, args, { cwd: folder, maxBuffer: 64 * 1024 * 1024 }, (error, stdout) => {
      if (stdout === "") fail(error ?? new Error("dependency-cruiser printed nothing"));
      else done(report.parse(JSON.parse(stdout)));
    });
  });
}
