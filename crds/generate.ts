// Writes crds/*.yaml and docs/api.md below the current directory, which is the repository's root. With --check it writes
// nothing and exits 1 when a file differs. Run from the build: node dist/crds/generate.js

import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { apiReference } from "./api-reference.ts";
import { KINDS } from "./index.ts";
import { manifestFileName, manifestYaml } from "./manifest.ts";

/** Path from the repository's root -> content, of every generated file. */
export function generatedFiles(): ReadonlyMap<string, string> {
  const manifests = KINDS.map((kind) => [`crds/${manifestFileName(kind)}`, manifestYaml(kind)] as const);
  return new Map([...manifests, ["docs/api.md", apiReference()]]);
}

/** One line for each file that is missing, differs, or is a manifest of a kind that no longer exists. */
export function differences(root: string): readonly string[] {
  const files = generatedFiles();
  const changed = [...files].filter(([path, content]) => readText(join(root, path)) !== content).map(([path]) => path);
  return [...changed, ...staleManifests(root)];
}

function staleManifests(root: string): readonly string[] {
  const present = readdirSync(join(root, "crds")).filter((name) => name.endsWith(".yaml"));
  const files = generatedFiles();
  return present.map((name) => `crds/${name}`).filter((path) => !files.has(path));
}

/** Undefined when there is no such file. */
function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

function write(root: string): void {
  for (const path of staleManifests(root)) rmSync(join(root, path));
  for (const [path, content] of generatedFiles()) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  }
}

function main(): void {
  const root = process.cwd();
  if (!process.argv.includes("--check")) {
    write(root);
    return;
  }
  const different = differences(root);
  if (different.length === 0) return;
  process.stderr.write(`Not as generated; run make generate:\n${different.map((path) => `  ${path}\n`).join("")}`);
  process.exitCode = 1;
}

const started = process.argv[1];
if (started !== undefined && import.meta.url === pathToFileURL(started).href) main();
