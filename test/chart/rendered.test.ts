// What the chart has in common with the product: definitions, rights, the webhook's configuration, versions, times.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { parse } from "yaml";
import { rbacObjects } from "../../controller/rbac.ts";
import { webhookConfiguration } from "../../controller/webhook/configuration.ts";
import { asRecord, type Manifest } from "../compiler/manifest-builders.ts";
import { CHART, find, type Helm, idOf, manifestsOf, NAMESPACE, RELEASE, render, test } from "./helm.ts";

const REDIS = ["--set", "redis.url=redis://redis:6379"];
const FULLNAME = "airl-ai-rate-limit";
const CONTROLLER = `${FULLNAME}-controller`;

async function rendered(helm: Helm, args: readonly string[] = []): Promise<Manifest[]> {
  return manifestsOf(await render(helm, [...REDIS, ...args]));
}

function podSpec(deployment: Manifest): Manifest {
  return asRecord(asRecord(asRecord(deployment["spec"])["template"])["spec"]);
}

test("[unit] its version and that of the image are the package's", () => {
  const { version } = asRecord(JSON.parse(readFileSync("package.json", "utf8")));
  expect(parse(readFileSync(join(CHART, "Chart.yaml"), "utf8"))).toMatchObject({ version, appVersion: version });
});

test.for(readdirSync("crds").filter((name) => name.endsWith(".yaml")))(
  "[unit] %s is the generated one, text for text but for labels and annotations",
  async (name, { helm }) => {
    const text = readFileSync(join("crds", name), "utf8");
    expect(readFileSync(join(CHART, "files/crds", name), "utf8"), "run make generate").toBe(text);
    const all = await render(helm, [...REDIS, "--set", "crds.install=true", "--set", "crds.annotations.a=b"]);
    const [head = "", rest = ""] = text.trimEnd().split("\nmetadata:\n");
    const from = all.indexOf(head);
    const [found = ""] = all.slice(from).split("\n---\n");
    const added = /\nmetadata:\n((?: {2}(?:labels|annotations):\n(?: {4}.*\n)+)+)/.exec(found)?.[1] ?? "";
    expect(found.replace(added, "").trimEnd()).toBe(`${head}\nmetadata:\n${rest}`);
    expect(parse(added)).toMatchObject({ annotations: { a: "b", "helm.sh/resource-policy": "keep" } });
  },
);

test("[unit] definitions are kept by default, and are removed or left out when asked", async ({ helm }) => {
  const kept = await render(helm, [...REDIS, "--set", "crds.install=true"]);
  expect(kept.match(/helm\.sh\/resource-policy: keep/g)).toHaveLength(4);
  const removed = await render(helm, [...REDIS, "--set", "crds.install=true", "--set", "crds.keep=false"]);
  expect(removed).not.toContain("resource-policy");
  expect(removed.match(/^kind: CustomResourceDefinition$/gm)).toHaveLength(4);
  expect(await render(helm, REDIS)).not.toContain("CustomResourceDefinition");
});

/** Without the labels, which are the chart's own. */
function bare(manifest: Manifest): Manifest {
  const { labels: _, ...metadata } = asRecord(manifest["metadata"]);
  return { ...manifest, metadata };
}

function byId(manifests: readonly Manifest[]): Map<string, Manifest> {
  const key = (manifest: Manifest): string =>
    `${idOf(manifest)} in ${String(asRecord(manifest["metadata"])["namespace"])}`;
  return new Map(manifests.map((manifest) => [key(manifest), bare(manifest)]));
}

const RIGHTS = /^(Cluster)?Role(Binding)?\//;

test.for([
  { name: "all namespaces", namespaces: undefined },
  { name: "two namespaces", namespaces: ["ai", "batch"] },
  { name: "the release's own namespace", namespaces: [NAMESPACE] },
])("[unit] the controller of $name gets exactly the rights of controller/rbac.ts", async ({ namespaces }, { helm }) => {
  const args = namespaces === undefined ? [] : ["--set", `namespaces={${namespaces.join(",")}}`];
  const found = await rendered(helm, ["--set", "webhook.enabled=false", ...args]);
  const options = { name: CONTROLLER, namespace: NAMESPACE, serviceAccount: CONTROLLER, leaseName: CONTROLLER };
  expect(byId(found.filter((manifest) => RIGHTS.test(idOf(manifest))))).toEqual(
    byId(rbacObjects({ ...options, namespaces })),
  );
});

test("[unit] with the webhook it may also write one Secret and one configuration, and no more", async ({ helm }) => {
  const withIt = await rendered(helm, ["--set", "namespaces={ai}"]);
  const without = await rendered(helm, ["--set", "namespaces={ai}", "--set", "webhook.enabled=false"]);
  const rulesOf = (manifests: readonly Manifest[], what: string): readonly unknown[] => {
    const { rules } = find(manifests, what);
    return Array.isArray(rules) ? rules : [];
  };
  const own = `Role/${CONTROLLER}-own`;
  const secret = { apiGroups: [""], resources: ["secrets"] };
  expect(rulesOf(withIt, own).filter((rule) => !rulesOf(without, own).some((other) => isSame(rule, other)))).toEqual([
    { ...secret, verbs: ["create"] },
    { ...secret, resourceNames: [`${FULLNAME}-webhook-cert`], verbs: ["get", "list", "watch", "update"] },
  ]);
  expect(rulesOf(withIt, `ClusterRole/${CONTROLLER}-webhook`)).toEqual([
    {
      apiGroups: ["admissionregistration.k8s.io"],
      resources: ["validatingwebhookconfigurations"],
      resourceNames: [`${FULLNAME}-webhook`],
      verbs: ["get", "list", "watch", "patch"],
    },
  ]);
  const given = await rendered(helm, ["--set", "namespaces={ai}", "--set", "webhook.existingSecret=mine"]);
  expect(byId(given.filter((manifest) => RIGHTS.test(idOf(manifest))))).toEqual(
    byId(without.filter((manifest) => RIGHTS.test(idOf(manifest)))),
  );
});

function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

test.for([
  { name: "all namespaces", namespaces: undefined },
  { name: "some", namespaces: ["ai", "batch"] },
])("[unit] the webhook's configuration for $name is the product's, without an authority", async (row, { helm }) => {
  const { namespaces } = row;
  const name = `${FULLNAME}-webhook`;
  const service = { namespace: NAMESPACE, name, port: 443 };
  const wanted = webhookConfiguration({ name, service, caBundle: "", namespaces });
  const args = namespaces === undefined ? [] : ["--set", `namespaces={${namespaces.join(",")}}`];
  const found = bare(find(await rendered(helm, args), `ValidatingWebhookConfiguration/${name}`));
  expect(JSON.stringify(found)).not.toContain("caBundle");
  // An empty authority and none are the same to the API server.
  expect(found).toEqual(withoutAuthority(wanted));
});

function withoutAuthority(configuration: Manifest): unknown {
  const read = (key: string, value: unknown): unknown => (key === "caBundle" ? undefined : value);
  return JSON.parse(JSON.stringify(configuration), read);
}

test("[unit] a Pod is given longer to end than its pause and its drain take", async ({ helm }) => {
  const args = ["--set", "dataplane.drainSeconds=1200,dataplane.drainDelaySeconds=20"];
  const spec = podSpec(find(await rendered(helm, args), `Deployment/${FULLNAME}-dataplane`));
  expect(spec["terminationGracePeriodSeconds"]).toBe(1235);
});

test("[unit] only the controller has a token for the API server", async ({ helm }) => {
  const found = manifestsOf(await render(helm, ["--set", "trialRedis.enabled=true"]));
  const pods = found.flatMap((manifest) => {
    if (manifest["kind"] === "Pod") return [[idOf(manifest), asRecord(manifest["spec"])] as const];
    const isWorkload = ["Deployment", "StatefulSet"].includes(String(manifest["kind"]));
    return isWorkload ? [[idOf(manifest), podSpec(manifest)] as const] : [];
  });
  expect(Object.fromEntries(pods.map(([id, spec]) => [id, spec["automountServiceAccountToken"]]))).toEqual({
    [`Deployment/${CONTROLLER}`]: true,
    [`Deployment/${FULLNAME}-dataplane`]: false,
    [`StatefulSet/${FULLNAME}-redis`]: false,
    [`Pod/${FULLNAME}-test`]: false,
  });
});

test("[unit] Pods are rolled when the password of the trial Redis changes, and the same one is told to all", async ({
  helm,
}) => {
  const one = manifestsOf(await render(helm, ["--set", "trialRedis.enabled=true"]));
  const sums = one.flatMap((manifest) => {
    const template = asRecord(asRecord(manifest["spec"])["template"]);
    const annotations = asRecord(asRecord(template["metadata"])["annotations"]);
    return annotations["checksum/redis"] === undefined ? [] : [annotations["checksum/redis"]];
  });
  expect(sums).toHaveLength(3);
  expect(new Set(sums).size).toBe(1);
  const data = asRecord(find(one, `Secret/${FULLNAME}-redis`)["data"]);
  const password = Buffer.from(String(data["password"]), "base64").toString();
  expect(password).toMatch(/^[A-Za-z0-9]{32}$/);
  expect(Buffer.from(String(data["redis.conf"]), "base64").toString()).toContain(`\nrequirepass ${password}\n`);
});

test.for([
  { release: "ai-rate-limit", name: "ai-rate-limit" },
  { release: "my-ai-rate-limit-2", name: "my-ai-rate-limit-2" },
  {
    release: "a-release-with-a-name-as-long-as-helm-lets-it-be-53cc",
    name: "a-release-with-a-name-as-long-as-helm-lets-i",
  },
])("[unit] names of release $release begin with $name and fit", async ({ release, name }, { helm }) => {
  const args = ["template", release, CHART, ...REDIS, "--set", "trialRedis.enabled=false"];
  const names = manifestsOf(await helm(args)).flatMap((manifest) =>
    manifest["kind"] === "CustomResourceDefinition" ? [] : [String(asRecord(manifest["metadata"])["name"])],
  );
  expect(names.filter((found) => !found.startsWith(name) || found.length > 63)).toEqual([]);
  expect(names).toContain(`${name}-dataplane`);
});

test("[unit] two releases share no object", async ({ helm }) => {
  const of = async (release: string): Promise<string[]> =>
    manifestsOf(await helm(["template", release, CHART, ...REDIS, "--set", "crds.install=false"])).map(idOf);
  const [one, other] = [await of("one"), await of("other")];
  expect(one.filter((id) => other.includes(id))).toEqual([]);
  expect(RELEASE).not.toBe("one");
});
