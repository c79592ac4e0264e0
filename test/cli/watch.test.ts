import { mkdir, rename, rm, symlink, writeFile } from "node:fs/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createWatcher, type Watcher } from "../../cli/watch.ts";
import { type Arrivals, createArrivals, createTemporaryFolder, type TemporaryFolder } from "./fake-platform.ts";

let folder: TemporaryFolder;
let watcher: Watcher | undefined;
let changes: Arrivals<string>;
beforeEach(async () => {
  folder = await createTemporaryFolder();
  changes = createArrivals();
});
afterEach(async () => {
  watcher?.close();
  await folder.remove();
});

async function watch(paths: readonly string[], pollMs = 60_000): Promise<void> {
  watcher = createWatcher({ paths, onChange: () => changes.push("changed"), settleMs: 10, pollMs });
  await watcher.start();
}

test.for<{ name: string; change: () => Promise<void> }>([
  { name: "a file is written", change: () => writeFile(folder.at("a.yaml"), "longer than before") },
  {
    name: "an editor replaces a file",
    change: async () => {
      await writeFile(folder.at("a.yaml~"), "after");
      await rename(folder.at("a.yaml~"), folder.at("a.yaml"));
    },
  },
  { name: "a file is added", change: () => writeFile(folder.at("b.yml"), "new") },
  { name: "a file is removed", change: () => rm(folder.at("a.yaml")) },
  {
    name: "a file is written in a folder below",
    change: () => writeFile(folder.at("deep/c.yaml"), "other"),
  },
])("[unit] tells when $name in a watched folder", async ({ change }) => {
  await writeFile(folder.at("a.yaml"), "before");
  await mkdir(folder.at("deep"));
  await writeFile(folder.at("deep/c.yaml"), "c");
  await watch([folder.path]);
  await change();
  expect(await changes.next()).toBe("changed");
});

test("[unit] tells of a second replacement of a single file too", async () => {
  await writeFile(folder.at("a.yaml"), "1");
  await watch([folder.at("a.yaml")]);
  for (const text of ["22", "333"]) {
    await writeFile(folder.at("new"), text);
    await rename(folder.at("new"), folder.at("a.yaml"));
    expect(await changes.next()).toBe("changed");
  }
});

test("[unit] a new folder is watched like those before it", async () => {
  await watch([folder.path]);
  await mkdir(folder.at("later"));
  await writeFile(folder.at("later/a.yaml"), "1");
  await changes.next();
  await writeFile(folder.at("later/a.yaml"), "22");
  expect(await changes.next()).toBe("changed");
});

test("[unit] the slow comparison finds what sends no event: a mount that changes behind its links", async () => {
  await mkdir(folder.at("..v1"));
  await mkdir(folder.at("..v2"));
  await mkdir(folder.at("mount"));
  await writeFile(folder.at("..v1/a.yaml"), "one");
  await writeFile(folder.at("..v2/a.yaml"), "two");
  await symlink("..v1", folder.at("..data"));
  await symlink(folder.at("..data/a.yaml"), folder.at("mount/a.yaml"));
  await watch([folder.at("mount")], 20);
  await symlink("..v2", folder.at("..tmp"));
  await rename(folder.at("..tmp"), folder.at("..data"));
  expect(await changes.next()).toBe("changed");
});

test("[unit] other files of the folder of a single file are no change", async () => {
  await writeFile(folder.at("a.yaml"), "1");
  await watch([folder.at("a.yaml")], 20);
  await writeFile(folder.at("b.yaml"), "other");
  await writeFile(folder.at("a.yaml"), "22");
  await changes.next();
  expect(changes.all).toHaveLength(1);
});
