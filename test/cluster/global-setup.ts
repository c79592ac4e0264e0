// Installs the chart once for all tests of this folder, on the cluster that KUBECONFIG names, and removes it afterwards.
// What an earlier run has left there is removed first.

import type { TestProject } from "vitest/node";
import { findKubePrograms } from "../helpers/kube-programs.ts";
import { type Cluster, type Installed, reach } from "./installed.ts";
import { SCENE_LABEL } from "./scene.ts";

declare module "vitest" {
  interface ProvidedContext {
    installed: Installed;
  }
}

const NAME = "ai-rate-limit";
const NAMESPACE = "ai-rate-limit-e2e";
const CHART = "charts/ai-rate-limit";
/** Its Pods must be ready by then, images pulled. */
const INSTALL_TIMEOUT = "180s";

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const kubeconfig = process.env["KUBECONFIG"];
  if (kubeconfig === undefined || kubeconfig === "") throw new Error("these tests need a cluster: see make e2e");
  const found = findKubePrograms("clients");
  if ("missing" in found) throw new Error(`these tests need ${found.missing}`);
  const programs = Object.fromEntries(found.paths);
  const place = { kubeconfig, programs, namespace: NAMESPACE, release: NAME, fullname: NAME };
  const cluster = reach({ ...place, image: "" });
  await remove(cluster);
  await install(cluster);
  const image = await cluster.kubectl([
    ...["get", "deployment", `${NAME}-dataplane`, "-n", NAMESPACE],
    ...["-o", "jsonpath={.spec.template.spec.containers[0].image}"],
  ]);
  project.provide("installed", { ...place, image });
  return () => remove(cluster);
}

/** The namespace admits only Pods that pass Pod Security "restricted". */
async function install({ kubectl, helm }: Cluster): Promise<void> {
  await kubectl(["create", "namespace", NAMESPACE]);
  await kubectl(["label", "namespace", NAMESPACE, "pod-security.kubernetes.io/enforce=restricted"]);
  const files = ["test/cluster/values.yaml", ...(process.env["AIRL_E2E_VALUES"] ?? "").split(" ").filter(Boolean)];
  const values = files.flatMap((file) => ["--values", file]);
  await helm(["install", NAME, CHART, "-n", NAMESPACE, ...values, "--wait", "--timeout", INSTALL_TIMEOUT]).catch(
    async (error: unknown) => {
      const state = await kubectl(["get", "pods,events", "-n", NAMESPACE]);
      throw new Error(`${String(error)}\n${state}`);
    },
  );
}

async function remove({ kubectl, helm }: Cluster): Promise<void> {
  await helm(["uninstall", NAME, "-n", NAMESPACE, "--ignore-not-found"]);
  await kubectl(["delete", "namespace", "-l", SCENE_LABEL, "--ignore-not-found"]);
  await kubectl(["delete", "namespace", NAMESPACE, "--ignore-not-found"]);
}
