// One control plane for all tests of this folder that need no more than a namespace of their own.

import type { TestProject } from "vitest/node";
import type { KubeAddress } from "../helpers/kube-cluster.ts";
import { startControlPlane } from "../helpers/kube-control-plane.ts";
import { findKubePrograms } from "../helpers/kube-programs.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** Where the control plane is, or what is missing to have one. */
    kubernetes: KubeAddress | { readonly missing: string };
  }
}

export default async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const found = findKubePrograms("control-plane");
  if ("missing" in found) {
    project.provide("kubernetes", found);
    return undefined;
  }
  const { url, ca, token, kubeconfig, programs, stop } = await startControlPlane(found.paths);
  project.provide("kubernetes", { url, ca, token, kubeconfig, programs });
  return stop;
}
