// Fixtures of every operation: the bytes of a response, and what is to be read from them.

import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { anthropicDialect } from "../../dataplane/providers/anthropic.ts";
import { openAiByBody } from "../../dataplane/providers/openai.ts";
import type { Operation } from "../../dataplane/providers/provider.ts";

const ROOT = fileURLToPath(new URL("../fixtures/providers/", import.meta.url));

export const OPERATION_OF: Readonly<Record<string, Operation>> = {
  openai: openAiByBody.chat,
  "openai-completions": openAiByBody.completions,
  "openai-embeddings": openAiByBody.embeddings,
  "openai-responses": openAiByBody.responses,
  "anthropic-messages": anthropicDialect.defaultOperation,
};

export interface FixtureCase {
  /** Folder and file, without extension. */
  readonly name: string;
  readonly operation: Operation;
  readonly contentType: string;
  readonly bytes: Buffer;
  /** What a client gets that did not ask for usage. */
  readonly stripped: Buffer;
  readonly expected: object;
}

export function fixtureFolders(): string[] {
  return readdirSync(ROOT, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));
}

export function fixtureCases(): FixtureCase[] {
  return Object.entries(OPERATION_OF).flatMap(([folder, operation]) => {
    const files = readdirSync(ROOT + folder);
    return files
      .filter((file) => /^[^.]+\.(json|sse)$/.test(file))
      .map((file) => readCase(`${folder}/${file}`, operation));
  });
}

function readCase(file: string, operation: Operation): FixtureCase {
  const [name = "", extension = ""] = file.split(".");
  const bytes = readFileSync(ROOT + file);
  const expected: unknown = JSON.parse(readFileSync(`${ROOT}${name}.expected.json`, "utf8"));
  if (typeof expected !== "object" || expected === null) throw new TypeError(`${name}: expected is no object`);
  const contentType = extension === "sse" ? "text/event-stream; charset=utf-8" : "application/json";
  return {
    name,
    operation,
    contentType,
    bytes,
    stripped: readStripped(`${name}.stripped.${extension}`) ?? bytes,
    expected,
  };
}

/** Absent where nothing is to be taken out. */
function readStripped(file: string): Buffer | undefined {
  const [folder = "", name = ""] = file.split("/");
  return readdirSync(ROOT + folder).includes(name) ? readFileSync(ROOT + file) : undefined;
}
