// Inputs on disk: test/fuzz/corpus/<target>/. What once was a finding stays there and is run first every time.

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type FuzzTarget, isFuzzTarget } from "./target.ts";

export function readCorpus(root: string, target: string): Buffer[] {
  const folder = join(root, target);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .sort()
    .map((file) => readFileSync(join(folder, file)));
}

/** Returns the file's path; one input has one name. */
export function saveInput(root: string, target: string, input: Buffer): string {
  const folder = join(root, target);
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `finding-${createHash("sha256").update(input).digest("hex").slice(0, 12)}`);
  writeFileSync(file, input);
  return file;
}

/** Every target of the folder, by name. */
export async function loadTargets(folder: string): Promise<FuzzTarget[]> {
  const files = readdirSync(folder).filter((file) => /\.[jt]s$/.test(file) && !file.endsWith(".d.ts"));
  const targets = await Promise.all(files.sort().map((file) => loadTarget(join(folder, file))));
  return targets.sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function loadTarget(file: string): Promise<FuzzTarget> {
  const module: unknown = await import(pathToFileURL(file).href);
  if (typeof module === "object" && module !== null && "target" in module && isFuzzTarget(module.target))
    return module.target;
  throw new TypeError(`${file} exports no fuzz target`);
}
