// A real API server takes everything that the chart renders, and lets its Pods into a namespace with Pod Security
// `restricted`. Deployments are only warned about there, so their Pods are created, as far as a dry run goes.

import { readdirSync } from "node:fs";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { asRecord, type Manifest } from "../../compiler/manifest-builders.ts";
import { idOf, manifestsOf, NAMESPACE, render } from "../helm.ts";
import { type HelmCluster, startHelmCluster } from "./helm-cluster.ts";
import { prometheusOperatorDefinitions } from "./stand-ins.ts";

const SETS = readdirSync("test/chart/values").map((file) => file.replace(".yaml", ""));
/** Its values say that Pods shall not be restricted. */
const UNRESTRICTED = "bare";

// Each call of helm or kubectl is a process, and the API server has other work.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let at: HelmCluster;

beforeAll(async () => {
  at = await startHelmCluster();
  const { kubectl } = at.cluster;
  await kubectl(["apply", "-f", "-"], prometheusOperatorDefinitions());
  for (const name of [NAMESPACE, "ai", "batch"]) await kubectl(["create", "namespace", name]);
  await kubectl(["label", "namespace", NAMESPACE, "pod-security.kubernetes.io/enforce=restricted"]);
  await kubectl(["create", "priorityclass", "important", "--value=1000"]);
  await kubectl(["wait", "--for=condition=Established", "--timeout=30s", "crd", "--all"]);
});
afterAll(async () => {
  await at.stop();
});

const valuesOf = (name: string): string[] => ["--values", `test/chart/values/${name}.yaml`];

interface Pod {
  readonly id: string;
  readonly pod: Manifest;
}

/** Pods as the controllers of Kubernetes would make them of the workloads. */
function podsOf(manifests: readonly Manifest[]): Pod[] {
  return manifests.flatMap((manifest) => {
    const template = manifest["kind"] === "Pod" ? manifest : asRecord(manifest["spec"])["template"];
    if (template === undefined) return [];
    const { metadata, spec } = asRecord(template);
    const pod = asRecord(spec);
    const claims = list(asRecord(manifest["spec"])["volumeClaimTemplates"]).map(() => ({ name: "data", emptyDir: {} }));
    const volumes = [...list(pod["volumes"]), ...claims];
    const name = "dry-run";
    return [
      {
        id: idOf(manifest),
        pod: { apiVersion: "v1", kind: "Pod", metadata: { ...asRecord(metadata), name }, spec: { ...pod, volumes } },
      },
    ];
  });
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

async function admitted({ id, pod }: Pod): Promise<string> {
  const { status, body } = await at.cluster.call("POST", `/api/v1/namespaces/${NAMESPACE}/pods?dryRun=All`, pod);
  return `${id}: ${String(status)} ${status === 201 ? "" : String(body["message"])}`.trim();
}

test.for(SETS)("[kubernetes] the API server takes what the chart renders with %s", async (name) => {
  const yaml = await render(at.helm, [...valuesOf(name), "--set", "crds.install=true"]);
  const pods = podsOf(manifestsOf(yaml));
  expect(pods.length).toBeGreaterThanOrEqual(3);
  if (name !== UNRESTRICTED) expect(await Promise.all(pods.map(admitted))).toEqual(pods.map(({ id }) => `${id}: 201`));
  // The Pod of `helm test` is among those above.
  const rest = manifestsOf(yaml).filter(({ kind }) => kind !== "Pod");
  const dryRun = ["apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-"];
  const out = await at.cluster.kubectl(dryRun, rest.map((manifest) => JSON.stringify(manifest)).join("\n---\n"));
  expect(out.trim().split("\n")).toHaveLength(rest.length);
});

test("[kubernetes] that namespace refuses Pods whose security contexts the values took away", async () => {
  const pods = podsOf(manifestsOf(await render(at.helm, valuesOf(UNRESTRICTED))));
  for (const answer of await Promise.all(pods.map(admitted))) {
    expect(answer).toMatch(/: 403 .*violates PodSecurity "restricted:latest"/);
  }
});
