// `test` with the shared control plane as `cluster`. Where there is none, tests are skipped and say what is missing.

import { test as base, inject } from "vitest";
import { connectCluster, type KubeCluster } from "../helpers/kube-cluster.ts";

export const test = base.extend<{ cluster: KubeCluster }>({
  cluster: async ({ skip }, use) => {
    const address = inject("kubernetes");
    if ("missing" in address) return skip(`needs ${address.missing}`);
    const cluster = connectCluster(address);
    await use(cluster);
    cluster.close();
  },
});
