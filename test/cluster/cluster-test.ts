// `test` with the installed product as `cluster`. A test that fails tells what the cluster looked like.

import { test as base, inject } from "vitest";
import { type Cluster, reach } from "./installed.ts";

export const test = base.extend<{ cluster: Cluster }>({
  cluster: async ({ onTestFailed }, use) => {
    const cluster = reach(inject("installed"));
    onTestFailed(async () => {
      console.error(await describeState(cluster));
    });
    await use(cluster);
  },
});

async function describeState({ kubectl, namespace, release }: Cluster): Promise<string> {
  const logs = ["logs", "-n", namespace, "-l", `app.kubernetes.io/instance=${release}`, "--tail=15", "--prefix"];
  const parts = [
    ["get", "pods", "-A", "-o", "wide"],
    ["get", "ai", "-A"],
    ["get", "events", "-n", namespace],
    logs,
  ].map((args) => kubectl(args).catch(String));
  return (await Promise.all(parts)).join("\n");
}
