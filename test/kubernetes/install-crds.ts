import type { KubeCluster } from "../helpers/kube-cluster.ts";

const installed = new Map<string, Promise<void>>();

/** Applies crds/ and waits until the kinds are served: once in a process, and harmless when another has done it. */
export function installCrds(cluster: KubeCluster): Promise<void> {
  const known = installed.get(cluster.url);
  if (known !== undefined) return known;
  const done = install(cluster);
  installed.set(cluster.url, done);
  return done;
}

async function install({ kubectl }: Pick<KubeCluster, "kubectl">): Promise<void> {
  await kubectl(["apply", "--server-side", "--force-conflicts", "-f", "crds/"]);
  await kubectl(["wait", "--for=condition=Established", "--timeout=30s", "-f", "crds/"]);
}
