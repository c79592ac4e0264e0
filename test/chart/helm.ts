// Helm as a user calls it, on the chart of this repository. Where it is not there, tests are skipped and say what is
// missing.

import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test as base } from "vitest";
import { parseAllDocuments } from "yaml";
import { z } from "zod";
import { isRecord } from "../../compiler/is-record.ts";
import type { Manifest } from "../compiler/manifest-builders.ts";
import { findKubePrograms, type KubePrograms } from "../helpers/kube-programs.ts";

export const CHART = "charts/ai-rate-limit";
export const RELEASE = "airl";
export const NAMESPACE = "ai-rate-limit-system";

/** Resolves with stdout; rejects with an Error whose message is all that it printed. */
export type Helm = (args: readonly string[]) => Promise<string>;

interface HelmOptions {
  readonly program: string;
  /** Where its caches lie. */
  readonly home: string;
  /** Undefined: without a cluster. */
  readonly kubeconfig?: string;
}

export function createHelm({ program, home, kubeconfig = "/nowhere" }: HelmOptions): Helm {
  const env = { PATH: "/usr/bin:/bin", HOME: home, KUBECONFIG: kubeconfig };
  return (args) =>
    new Promise((resolve, reject) => {
      execFile(program, args, { env, maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
        if (error) reject(new Error(`${stdout}${stderr}`.trimEnd()));
        else resolve(stdout);
      });
    });
}

let programs: KubePrograms | undefined;

export const test = base.extend<{ helm: Helm }>({
  helm: async ({ skip }, use) => {
    programs ??= findKubePrograms("control-plane");
    if ("missing" in programs) return skip(`needs ${programs.missing}`);
    const home = await mkdtemp(join(tmpdir(), "airl-helm-"));
    await use(createHelm({ program: programs.paths.get("helm") ?? "helm", home }));
    await rm(home, { recursive: true });
  },
});

/** `helm template` as text; the definitions are left out unless `args` ask for them. */
export function render(helm: Helm, args: readonly string[]): Promise<string> {
  return helm(["template", RELEASE, CHART, "--namespace", NAMESPACE, "--set", "crds.install=false", ...args]);
}

export function manifestsOf(yaml: string): Manifest[] {
  return parseAllDocuments(yaml)
    .map((document) => z.unknown().parse(document.toJS()))
    .filter(isRecord);
}

/** The one object with this kind and name. */
export function find(manifests: readonly Manifest[], what: string): Manifest {
  const found = manifests.filter((manifest) => idOf(manifest) === what);
  const [first] = found;
  if (first === undefined || found.length > 1) {
    throw new Error(`${String(found.length)} of ${what} among ${manifests.map(idOf).join(", ")}`);
  }
  return first;
}

/** "Deployment/airl-ai-rate-limit-controller". */
export function idOf({ kind, metadata }: Manifest): string {
  return `${String(kind)}/${String(isRecord(metadata) ? metadata["name"] : undefined)}`;
}
