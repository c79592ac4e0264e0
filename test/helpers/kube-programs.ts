// The Kubernetes programs of this machine, as scripts/control-plane.sh finds or builds them.

import { spawnSync } from "node:child_process";
import { join } from "node:path";

export type KubeSet = "control-plane" | "clients";

/** Name -> path of every program of a set; or why they cannot be had here, in words that say what would help. */
export type KubePrograms = { readonly paths: ReadonlyMap<string, string> } | { readonly missing: string };

const SCRIPT = join("scripts", "control-plane.sh");
const CANNOT_BE_BUILT = 3;

/** Builds what is missing, which takes minutes the first time; tells its progress on stderr. */
export function findKubePrograms(set: KubeSet): KubePrograms {
  const { status, stdout, stderr, error } = spawnSync(SCRIPT, [set], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (status === CANNOT_BE_BUILT)
    return { missing: `the ${set} programs of Kubernetes: run make kubernetes to see why` };
  if (status !== 0) throw new Error(`${SCRIPT} failed: ${error?.message ?? stderr}`);
  const pairs = stdout
    .trim()
    .split("\n")
    .map((line): [string, string] => {
      const [name = "", ...path] = line.split(" ");
      return [name, path.join(" ")];
    });
  return { paths: new Map(pairs) };
}
