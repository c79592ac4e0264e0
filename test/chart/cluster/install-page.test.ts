// The commands of docs/install.md, one block after another on a real API server. Those that need Pods to run are left out.

import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type HelmCluster, startHelmCluster } from "./helm-cluster.ts";

const NEEDS_PODS = /^(?:helm test|kubectl wait|kubectl port-forward|curl) /;

// Each call of helm or kubectl is a process, and the API server has other work.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let at: HelmCluster;
let folder: string;

beforeAll(async () => {
  at = await startHelmCluster();
  folder = await mkdtemp(join(tmpdir(), "airl-install-"));
  for (const name of ["charts", "crds"]) await symlink(resolve(name), join(folder, name));
});
afterAll(async () => {
  await at.stop();
  await rm(folder, { recursive: true });
});

/** Commands of the page's shell blocks: lines that belong together in one. */
async function blocks(): Promise<string[][]> {
  const page = await readFile("docs/install.md", "utf8");
  return [...page.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block = ""]) => commands(block));
}

function commands(block: string): string[] {
  const found: string[] = [];
  let isOpen = false;
  let until: string | undefined;
  for (const line of block.trimEnd().split("\n")) {
    if (isOpen || until !== undefined) found.push(`${found.pop() ?? ""}\n${line}`);
    else found.push(line);
    if (until === undefined) until = /<<'(\w+)'/.exec(line)?.[1];
    else if (line === until) until = undefined;
    isOpen = line.endsWith("\\");
  }
  return found;
}

async function run(command: string): Promise<string> {
  const { kubectl = "", helm = "" } = at.cluster.programs;
  const PATH = [kubectl, helm].map(dirname).concat("/usr/bin", "/bin").join(delimiter);
  const env = { PATH, HOME: folder, KUBECONFIG: at.cluster.kubeconfig };
  const { stdout } = await promisify(execFile)("bash", ["-euo", "pipefail", "-c", command], { env, cwd: folder });
  return stdout;
}

test("[kubernetes] the commands of docs/install.md work, in their order", async () => {
  const all = (await blocks()).flat();
  const runnable = all.filter((command) => !NEEDS_PODS.test(command));
  expect(all.filter((command) => NEEDS_PODS.test(command)).map((command) => command.split(" ", 2).join(" "))).toEqual([
    "helm test",
    "kubectl wait",
    "kubectl port-forward",
    "curl -i",
  ]);
  for (const command of runnable) {
    if (command.startsWith("helm uninstall")) expect(await run("kubectl get consumers -A -o name")).toContain("alice");
    await run(command).catch((error: unknown) => {
      throw new Error(`${command}\n${String(error)}`);
    });
  }
  expect(runnable.map((command) => /^helm \w+/.exec(command)?.[0]).filter((verb) => verb !== undefined)).toEqual([
    "helm install",
    "helm upgrade",
    "helm upgrade",
    "helm upgrade",
    "helm rollback",
    "helm uninstall",
  ]);
  expect(await run("kubectl get crd -o name")).toBe("");
});
