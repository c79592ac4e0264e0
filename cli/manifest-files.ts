// Paths on the command line -> texts. Files, folders (all .yaml and .yml below them, sorted) and "-" for standard input.

import { createReadStream } from "node:fs";
import { readdir, realpath, stat } from "node:fs/promises";
import { extname, join } from "node:path";
import { errorText } from "./cli-error.ts";
import type { SourceFinding } from "./source-finding.ts";

export const MAX_FILE_BYTES = 64 * 1_048_576;
const MAX_FILES = 10_000;
const MAX_DEPTH = 32;

export interface SourceText {
  readonly file: string;
  readonly text: string;
}

export interface SourceTexts {
  readonly texts: readonly SourceText[];
  readonly findings: readonly SourceFinding[];
}

export interface ManifestFiles {
  /** Reads everything as it is now. */
  readonly read: () => Promise<SourceTexts>;
}

export interface FoundFiles {
  readonly files: readonly string[];
  readonly folders: readonly string[];
  readonly findings: readonly SourceFinding[];
}

export interface ManifestFilesOptions {
  readonly paths: readonly string[];
  readonly stdin: () => AsyncIterable<string | Uint8Array>;
}

/** What can be read only once (standard input, a pipe) is kept from the first reading. */
export function createManifestFiles({ paths, stdin }: ManifestFilesOptions): ManifestFiles {
  const kept = new Map<string, SourceText>();

  async function readOne(path: string): Promise<SourceText> {
    const earlier = kept.get(path);
    if (earlier !== undefined) return earlier;
    const once = path === "-" || !(await stat(path)).isFile();
    const bytes = await readLimited(path === "-" ? stdin() : createReadStream(path));
    const text = { file: path === "-" ? "<stdin>" : path, text: decode(bytes) };
    if (once) kept.set(path, text);
    return text;
  }

  return {
    read: async () => {
      const found = await findFiles(paths);
      const texts: SourceText[] = [];
      const findings = [...found.findings];
      for (const path of found.files) {
        try {
          texts.push(await readOne(path));
        } catch (error) {
          findings.push(unreadable(path, reason(error)));
        }
      }
      return { texts, findings };
    },
  };
}

/** Every file once, however often and by whatever name the paths reach it. */
export async function findFiles(paths: readonly string[]): Promise<FoundFiles> {
  const walk: Walk = { files: [], folders: [], findings: [], seen: new Set() };
  for (const path of paths) {
    if (path === "-") addOnce(walk, path, path);
    else await visit(walk, { path, depth: 0 });
  }
  return walk;
}

interface Walk {
  readonly files: string[];
  readonly folders: string[];
  readonly findings: SourceFinding[];
  /** Real paths, so that a link does not make a file's objects appear twice and a loop of links ends. */
  readonly seen: Set<string>;
}

/** What cannot be looked into is a finding, and the walk goes on. */
async function visit(walk: Walk, { path, depth }: { path: string; depth: number }): Promise<void> {
  try {
    const real = await realpath(path);
    if ((await stat(path)).isDirectory()) await visitFolder(walk, { path, real, depth });
    else addOnce(walk, path, real);
  } catch (error) {
    walk.findings.push(unreadable(path, reason(error)));
  }
}

async function visitFolder(walk: Walk, folder: { path: string; real: string; depth: number }): Promise<void> {
  const { path, real, depth } = folder;
  if (walk.seen.has(real)) return;
  walk.seen.add(real);
  walk.folders.push(path);
  if (depth >= MAX_DEPTH) throw new Error(`folders nested more than ${MAX_DEPTH} deep`);
  const before = walk.files.length + walk.findings.length;
  for (const name of (await readdir(path)).sort()) {
    if (await isManifest(path, name)) await visit(walk, { path: join(path, name), depth: depth + 1 });
  }
  if (depth === 0 && walk.files.length + walk.findings.length === before) {
    walk.findings.push({
      ...unreadable(path, "a folder without .yaml or .yml files"),
      wanted: "at least one manifest",
    });
  }
}

/** Names with a leading dot are passed over: editors' swap files, and the inner folders of a mounted ConfigMap. */
async function isManifest(folder: string, name: string): Promise<boolean> {
  if (name.startsWith(".")) return false;
  if ([".yaml", ".yml"].includes(extname(name).toLowerCase())) return true;
  return stat(join(folder, name)).then(
    (found) => found.isDirectory(),
    () => false, // gone since the folder was listed, or a link to nothing, and not named like a manifest
  );
}

function addOnce(walk: Walk, path: string, real: string): void {
  if (walk.seen.has(real)) return;
  if (walk.files.length >= MAX_FILES) throw new Error(`more than ${MAX_FILES} files in all`);
  walk.seen.add(real);
  walk.files.push(path);
}

async function readLimited(stream: AsyncIterable<string | Uint8Array>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    const buffer =
      typeof chunk === "string" ? Buffer.from(chunk) : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    bytes += buffer.length;
    if (bytes > MAX_FILE_BYTES) throw new Error(`larger than ${MAX_FILE_BYTES / 1_048_576} MiB`);
    chunks.push(buffer);
  }
  return Buffer.concat(chunks, bytes);
}

function decode(bytes: Buffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw new Error("not UTF-8 text", { cause: error });
  }
}

const REASONS = new Map([
  ["ENOENT", "no such file or folder"],
  ["EACCES", "permission denied"],
  ["ELOOP", "a link that leads to itself"],
]);

function reason(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return REASONS.get(code) ?? errorText(error);
}

function unreadable(path: string, found: string): SourceFinding {
  const file = path === "-" ? "<stdin>" : path;
  const wanted = `a UTF-8 YAML file of at most ${MAX_FILE_BYTES / 1_048_576} MiB, or a folder of them`;
  return { severity: "error", code: "Unreadable", file, field: "", found, wanted };
}
