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
const WEBHOOK = { secret: `${FULLNAME}-webhook-cert`, configuration: `${FULLNAME}-webhook` };

test.for([
  { name: "all namespaces", namespaces: undefined, webhook: WEBHOOK, args: [] },
  { name: "two namespaces", namespaces: ["ai", "batch"], webhook: WEBHOOK, args: [] },
  { name: "the release's own namespace", namespaces: [NAMESPACE], webhook: WEBHOOK, args: [] },
  { name: "two namespaces without webhook", namespaces: ["ai", "batch"], args: ["--set", "webhook.enabled=false"] },
  { name: "all namespaces with a certificate of yours", args: ["--set", "webhook.existingSecret=mine"] },
])("[unit] the controller of $name gets exactly the rights of controller/rbac.ts", async (row, { helm }) => {
  const { namespaces, webhook, args } = row;
  const only = namespaces === undefined ? [] : ["--set", `namespaces={${namespaces.join(",")}}`];
  const found = await rendered(helm, [...args, ...only]);
  const options = { name: CONTROLLER, namespace: NAMESPACE, serviceAccount: CONTROLLER, leaseName: CONTROLLER };
  expect(byId(found.filter((manifest) => RIGHTS.test(idOf(manifest))))).toEqual(
    byId(rbacObjects({ ...options, webhook, namespaces })),
  );
});

test.for([
  { name: "all namespaces", namespaces: undefined },
  { name: "some", namespaces: ["ai", "batch"] },
])("[unit] the webhook's configuration for $name is the product's, without an authority", async (row, { helm }) => {
  const { namespaces } = row;
  const name = `${FULLNAME}-webhook`;
  const service = { namespace: NAMESPACE, name, port: 443 };
  const wanted = webhookConfiguration({ name, service, namespaces });
  const args = namespaces === undefined ? [] : ["--set", `namespaces={${namespaces.join(",")}}`];
  expect(bare(find(await rendered(helm, args), `ValidatingWebhookConfiguration/${name}`))).toEqual(wanted);
});

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
