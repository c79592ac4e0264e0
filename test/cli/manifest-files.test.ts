import { mkdir, symlink, truncate, writeFile } from "node:fs/promises";
import { relative } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createManifestFiles, MAX_FILE_BYTES, type SourceTexts } from "../../cli/manifest-files.ts";
import { createTemporaryFolder, type TemporaryFolder } from "./fake-platform.ts";

let folder: TemporaryFolder;
beforeEach(async () => {
  folder = await createTemporaryFolder();
});
afterEach(() => folder.remove());

async function* noStdin(): AsyncIterable<string> {
  yield* [];
}

function read(...paths: string[]): Promise<SourceTexts> {
  return createManifestFiles({ paths, stdin: noStdin }).read();
}

function names({ texts }: SourceTexts): string[] {
  return texts.map(({ file }) => relative(folder.path, file));
}

test("[unit] a folder gives its .yaml and .yml files at every depth, sorted, and nothing else", async () => {
  await mkdir(folder.at("b/deep"), { recursive: true });
  await mkdir(folder.at(".hidden"));
  const files = ["z.yaml", "a.YML", "notes.txt", "b/deep/x.yaml", "b/c.yml", ".swap.yaml", ".hidden/y.yaml"];
  for (const file of files) await writeFile(folder.at(file), file);
  expect(names(await read(folder.path))).toEqual(["a.YML", "b/c.yml", "b/deep/x.yaml", "z.yaml"]);
});

test("[unit] a file is read whatever its name, in the order given", async () => {
  await writeFile(folder.at("b.conf"), "b");
  await writeFile(folder.at("a.yaml"), "a");
  expect(names(await read(folder.at("b.conf"), folder.at("a.yaml")))).toEqual(["b.conf", "a.yaml"]);
});

test("[unit] a file that is reached twice is read once, and a loop of links ends", async () => {
  await writeFile(folder.at("a.yaml"), "a");
  await symlink(folder.at("a.yaml"), folder.at("b.yaml"));
  await symlink(folder.path, folder.at("loop"));
  expect(names(await read(folder.at("a.yaml"), folder.path, folder.path))).toEqual(["a.yaml"]);
});

test("[unit] standard input is read once and kept for later readings", async () => {
  let reads = 0;
  const stdin = async function* (): AsyncIterable<string> {
    reads += 1;
    yield "kind: ";
    yield "A";
  };
  const files = createManifestFiles({ paths: ["-"], stdin });
  const expected = { texts: [{ file: "<stdin>", text: "kind: A" }], findings: [] };
  expect(await files.read()).toEqual(expected);
  expect(await files.read()).toEqual(expected);
  expect(reads).toBe(1);
});

test("[unit] what cannot be read is a finding, and the rest is read", async () => {
  await writeFile(folder.at("latin1.yaml"), Buffer.from([0x61, 0xe9, 0x0a]));
  await writeFile(folder.at("big.yaml"), "");
  await truncate(folder.at("big.yaml"), MAX_FILE_BYTES + 1);
  await symlink(folder.at("gone"), folder.at("dangling.yaml"));
  await writeFile(folder.at("good.yaml"), "kind: A");
  const result = await read(folder.path, folder.at("missing.yaml"));
  expect(names(result)).toEqual(["good.yaml"]);
  expect(result.findings.map(({ file, found }) => `${relative(folder.path, file)}: ${found}`).sort()).toEqual([
    "big.yaml: larger than 64 MiB",
    "dangling.yaml: no such file or folder",
    "latin1.yaml: not UTF-8 text",
    "missing.yaml: no such file or folder",
  ]);
});

test("[unit] a folder without manifests is a finding", async () => {
  await writeFile(folder.at("notes.txt"), "");
  expect(await read(folder.path)).toMatchObject({
    texts: [],
    findings: [{ found: "a folder without .yaml or .yml files" }],
  });
});
