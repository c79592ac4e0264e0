// What the image has in /app, made by the same steps as in the Dockerfile from the same files: those that .dockerignore
// lets into the build.

import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";

export const RUNTIME_TREE = join("scripts", "runtime-tree.sh");

export interface ImageTree {
  /** The folder that is /app. */
  readonly app: string;
  remove(): void;
}

/** Names at the repository's root that .dockerignore lets in. Throws when it says more than "nothing but these". */
export function buildContext(): readonly string[] {
  const lines = readFileSync(".dockerignore", "utf8")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));
  const [everything, ...names] = lines;
  if (everything !== "*" || names.some((name) => !/^![\w.-]+$/.test(name))) {
    throw new Error(`.dockerignore: found ${lines.join(" ")}, wanted * and then names with !`);
  }
  return names.map((name) => name.slice(1));
}

export async function makeImageTree(): Promise<ImageTree> {
  const folder = mkdtempSync(join(tmpdir(), "airl-image-"));
  const source = join(folder, "src");
  const app = join(folder, "app");
  for (const name of buildContext()) cpSync(name, join(source, name), { recursive: true });
  // As `npm ci` installs them, but for the memory of earlier builds.
  mkdirSync(join(source, "node_modules"));
  for (const name of readdirSync("node_modules").filter((found) => found !== ".cache")) {
    symlinkSync(resolve("node_modules", name), join(source, "node_modules", name));
  }
  mkdirSync(join(source, "node_modules/.cache"));
  await promisify(execFile)(RUNTIME_TREE, [app], { cwd: source });
  return {
    app,
    remove() {
      rmSync(folder, { recursive: true });
    },
  };
}
