// A control plane of the test's own with a helm that reaches it: releases own things that belong to no namespace.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type KubeControlPlane, startControlPlane } from "../../helpers/kube-control-plane.ts";
import { findKubePrograms } from "../../helpers/kube-programs.ts";
import { createHelm, type Helm } from "../helm.ts";

export interface HelmCluster {
  readonly cluster: KubeControlPlane;
  readonly helm: Helm;
  stop(): Promise<void>;
}

/** Throws where there are no programs for it, and says what is missing. */
export async function startHelmCluster(): Promise<HelmCluster> {
  const found = findKubePrograms("control-plane");
  if ("missing" in found) throw new Error(`needs ${found.missing}`);
  const home = await mkdtemp(join(tmpdir(), "airl-helm-"));
  const cluster = await startControlPlane(found.paths);
  const program = found.paths.get("helm") ?? "helm";
  return {
    cluster,
    helm: createHelm({ program, home, kubeconfig: cluster.kubeconfig }),
    async stop() {
      cluster.close();
      await cluster.stop();
      await rm(home, { recursive: true });
    },
  };
}
