// A release from its install to its end on a real API server: what an upgrade changes and what it leaves alone.

import { randomBytes } from "node:crypto";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { z } from "zod";
import { asRecord, type Manifest } from "../../compiler/manifest-builders.ts";
import { CHART, NAMESPACE, RELEASE } from "../helm.ts";
import { type HelmCluster, startHelmCluster } from "./helm-cluster.ts";

const FULLNAME = "airl-ai-rate-limit";
const TRIAL = ["--set", "trialRedis.enabled=true"];
const A_FEW_MINUTES_MS = 200_000;
const DEFINITIONS = ["aibackends", "airatelimitpolicies", "airoutes", "consumers"];
const DEFINITION_NAMES = DEFINITIONS.map(
  (name) => `customresourcedefinition.apiextensions.k8s.io/${name}.airatelimit.dev`,
);

// Each call of helm or kubectl is a process, and the API server has other work.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let at: HelmCluster;
let chart: string;
/** All objects of the cluster before anything was installed. */
let atFirst: string[];

beforeAll(async () => {
  at = await startHelmCluster();
  await at.cluster.kubectl(["create", "namespace", NAMESPACE]);
  chart = join(await mkdtemp(join(tmpdir(), "airl-chart-")), "ai-rate-limit");
  await cp(CHART, chart, { recursive: true });
  atFirst = await everything();
});
// Definitions stay from test to test, as they stay in a cluster; the last test removes them.
afterEach(async () => {
  await release("uninstall", ["--ignore-not-found"]);
  await at.cluster.kubectl(["delete", "secret", "-n", NAMESPACE, "--ignore-not-found", `${FULLNAME}-keyring`]);
});
afterAll(async () => {
  await at.stop();
  await rm(join(chart, ".."), { recursive: true });
});

function release(
  verb: "install" | "upgrade" | "rollback" | "uninstall",
  args: readonly string[] = [],
): Promise<string> {
  const source = verb === "install" || verb === "upgrade" ? [chart] : [];
  return at.helm([verb, RELEASE, ...source, "--namespace", NAMESPACE, ...args]);
}

async function read(what: string): Promise<Manifest> {
  return asRecord(JSON.parse(await at.cluster.kubectl(["get", "-n", NAMESPACE, what, "-o", "json"])));
}

async function secretKeys(name: string): Promise<Record<string, unknown>> {
  return asRecord((await read(`secret/${FULLNAME}-${name}`))["data"]);
}

/** Names of all objects of the cluster but those that the API server itself makes in the meantime. */
async function everything(): Promise<string[]> {
  const types = await at.cluster.kubectl(["api-resources", "--verbs=list", "-o", "name"]);
  const wanted = types
    .trim()
    .split("\n")
    .filter((type) => !/^(events|componentstatuses|apiservices|leases|ipaddresses|servicecidrs)\b/.test(type));
  const names = await at.cluster.kubectl([
    "get",
    [...wanted, "leases"].join(","),
    "-A",
    "--ignore-not-found",
    "-o",
    "name",
  ]);
  return names
    .trim()
    .split("\n")
    .filter((name) => !name.startsWith("lease.coordination.k8s.io/apiserver-"))
    .toSorted();
}

test("[kubernetes] an uninstall leaves the definitions, and an install takes them back", async () => {
  const before = atFirst;
  const notes = await release("install", TRIAL);
  expect(notes).toContain(`service/${FULLNAME} 8080:80`);
  expect((await everything()).length).toBeGreaterThan(before.length + 20);
  await at.cluster.kubectl(["apply", "-n", NAMESPACE, "-f", "examples/quickstart"]);
  await release("uninstall");
  const after = await everything();
  expect(after.filter((name) => !before.includes(name) && !name.includes(".airatelimit.dev/"))).toEqual(
    DEFINITION_NAMES,
  );
  expect(after).toContain("consumer.airatelimit.dev/alice");
  await release("install", TRIAL);
  await release("uninstall");
  expect((await everything()).filter((name) => !before.includes(name))).toEqual(
    after.filter((name) => !before.includes(name)),
  );
});

test("[kubernetes] definitions that are kept stay when the chart no longer installs them", async () => {
  await release("install", TRIAL);
  await release("upgrade", [...TRIAL, "--set", "crds.install=false"]);
  expect((await everything()).filter((name) => DEFINITION_NAMES.includes(name))).toEqual(DEFINITION_NAMES);
});

/** As the controller does. */
async function setAuthority(caBundle: string): Promise<void> {
  const patch = JSON.stringify([{ op: "add", path: "/webhooks/0/clientConfig/caBundle", value: caBundle }]);
  await at.cluster.kubectl([
    "patch",
    "validatingwebhookconfiguration",
    `${FULLNAME}-webhook`,
    "--type=json",
    "-p",
    patch,
  ]);
}

interface State {
  readonly replicas: unknown;
  readonly checksum: unknown;
  readonly timeoutSeconds: unknown;
  readonly caBundle: unknown;
}

async function state(): Promise<State> {
  const { replicas, template } = asRecord((await read(`deployment/${FULLNAME}-dataplane`))["spec"]);
  const annotations = asRecord(asRecord(asRecord(template)["metadata"])["annotations"]);
  const { webhooks } = await read(`validatingwebhookconfiguration/${FULLNAME}-webhook`);
  const [webhook] = z
    .array(z.looseObject({ clientConfig: z.looseObject({}), timeoutSeconds: z.int() }))
    .parse(webhooks);
  return {
    replicas,
    checksum: annotations["checksum/redis"],
    timeoutSeconds: webhook?.timeoutSeconds,
    caBundle: webhook?.clientConfig["caBundle"],
  };
}

test("[kubernetes] upgrade and rollback change what the values say; keys, password and authority stay", async () => {
  await release("install", TRIAL);
  await setAuthority("aGVsbG8=");
  const [keyring, password, first] = [await secretKeys("keyring"), await secretKeys("redis"), await state()];
  expect(Buffer.from(String(keyring["keyring"]), "base64").toString()).toMatch(/^[A-Za-z0-9+/]{43}=\n$/);
  expect(first).toMatchObject({ replicas: 2, timeoutSeconds: 5, caBundle: "aGVsbG8=" });
  const unchanged = async (): Promise<void> => {
    expect(await secretKeys("keyring")).toEqual(keyring);
    expect(await secretKeys("redis")).toEqual(password);
  };

  await release("upgrade", [...TRIAL, "--set", "dataplane.replicas=4,webhook.timeoutSeconds=9"]);
  expect(await state()).toEqual({ ...first, replicas: 4, timeoutSeconds: 9 });
  await unchanged();

  await release("rollback", ["1"]);
  expect(await state()).toEqual(first);
  await unchanged();
});

test("[kubernetes] upgrade and rollback keep all keys of a rotation that is under way", async () => {
  await release("install", TRIAL);
  const { keyring: old } = await secretKeys("keyring");
  const both = `${randomBytes(32).toString("base64")}\n${Buffer.from(String(old), "base64").toString()}`;
  const data = { keyring: Buffer.from(both).toString("base64") };
  await at.cluster.kubectl(["patch", "-n", NAMESPACE, `secret/${FULLNAME}-keyring`, "-p", JSON.stringify({ data })]);
  await release("upgrade", [...TRIAL, "--set", "logLevel=debug"]);
  expect(await secretKeys("keyring")).toEqual(data);
  await release("rollback", ["1"]);
  expect(await secretKeys("keyring")).toEqual(data);
});

test("[kubernetes] an upgrade makes a key where there is none", async () => {
  await release("install", TRIAL);
  const { keyring } = await secretKeys("keyring");
  await at.cluster.kubectl(["delete", "-n", NAMESPACE, `secret/${FULLNAME}-keyring`]);
  await release("upgrade", TRIAL);
  const { keyring: made } = await secretKeys("keyring");
  expect(made).toMatch(/^[A-Za-z0-9+/=]{60}$/);
  expect(made).not.toBe(keyring);
  await release("uninstall");
  expect(await at.cluster.kubectl(["get", "secrets", "-n", NAMESPACE, "-o", "name"])).toBe("");
});

test("[kubernetes] with keyring.keep the key ring outlives the release and serves the next", async () => {
  await release("install", [...TRIAL, "--set", "keyring.keep=true"]);
  const keyring = await secretKeys("keyring");
  await release("uninstall");
  expect(await secretKeys("keyring")).toEqual(keyring);
  await release("install", TRIAL);
  expect(await secretKeys("keyring")).toEqual(keyring);
});

test("[kubernetes] an upgrade upgrades the definitions, a rollback puts them back, and objects stay", async () => {
  await release("install", TRIAL);
  await at.cluster.kubectl(["apply", "-n", NAMESPACE, "-f", "examples/quickstart"]);
  const file = join(chart, "files/crds/airatelimit.dev_consumers.yaml");
  const text = await readFile(file, "utf8");
  await writeFile(file, text.replace("shortNames:\n      - aicon", "shortNames:\n      - aicon\n      - airc"));
  await release("upgrade", TRIAL);
  await writeFile(file, text);
  const shortNames = async (): Promise<unknown> =>
    asRecord(asRecord((await read("crd/consumers.airatelimit.dev"))["spec"])["names"])["shortNames"];
  expect(await shortNames()).toEqual(["aicon", "airc"]);
  await release("rollback");
  expect(await shortNames()).toEqual(["aicon"]);
  expect((await read("consumers.airatelimit.dev/alice"))["kind"]).toBe("Consumer");
});

test("[kubernetes] definitions that Helm did not install are refused, and taken over when that is asked for", async () => {
  await release("install", TRIAL);
  await release("uninstall");
  await at.cluster.kubectl(["label", "-f", "crds/", "app.kubernetes.io/managed-by-"]);
  await expect(release("install", TRIAL)).rejects.toThrow("cannot be imported into the current release");
  await release("install", [...TRIAL, "--take-ownership"]);
  await release("uninstall");
  await release("install", TRIAL);
});

test("[kubernetes] the notes name the first request, where to look, and what is missing", async () => {
  const notesOf = async (values: readonly string[]): Promise<string> =>
    await release("install", ["--dry-run=client", ...values.flatMap((value) => ["--set", value])]);
  const notes = await notesOf(["redis.url=redis://redis:6379"]);
  expect(notes).toContain(
    `port-forward -n ${NAMESPACE} service/${FULLNAME} 8080:80\n  curl -i http://127.0.0.1:8080/v1/`,
  );
  expect(notes).toContain("kubectl get ai --all-namespaces");
  expect(notes).not.toContain("NOTE:");
  const others = await notesOf([
    "trialRedis.enabled=true",
    "namespaces={batch}",
    "dataplane.service.port=8081",
    "networkPolicy.prometheus=null",
  ]);
  expect(others).toContain(`http://${FULLNAME}.${NAMESPACE}.svc:8081;`);
  expect(others).toContain("kubectl get ai -n batch");
  expect(others).toContain("NOTE: nobody may scrape metrics");
  expect(others).toContain("NOTE: the trial Redis forgets all counters with its Pod");
});

test("[kubernetes] a typo is refused before anything is changed", async () => {
  const before = await everything();
  await expect(release("install", [...TRIAL, "--set", "dataplan.replicas=3"])).rejects.toThrow(
    "additional properties 'dataplan' not allowed",
  );
  expect(await everything()).toEqual(before);
});

test("[kubernetes] limited to namespaces, a release grants nothing elsewhere but the webhook's own configuration", async () => {
  const inside = "default";
  await release("install", [...TRIAL, "--set", `namespaces={${inside}}`]);
  const out = await at.cluster.kubectl([
    "get",
    "clusterroles,roles",
    "-A",
    "-l",
    `app.kubernetes.io/instance=${RELEASE}`,
    "-o",
    "json",
  ]);
  const { items } = z.object({ items: z.array(z.looseObject({})) }).parse(JSON.parse(out));
  const names = items.map(({ kind, metadata }) => {
    const { name, namespace } = z.object({ name: z.string(), namespace: z.string().optional() }).parse(metadata);
    return [kind, ...(namespace === undefined ? [] : [namespace]), name].join(" ");
  });
  expect(names.toSorted()).toEqual(
    [
      `ClusterRole ${FULLNAME}-controller-webhook`,
      `Role ${NAMESPACE} ${FULLNAME}-controller-own`,
      `Role ${inside} ${FULLNAME}-controller`,
    ].toSorted(),
  );
});

test(
  "[kubernetes] with crds.keep=false an uninstall leaves nothing",
  async () => {
    await release("install", TRIAL);
    await release("upgrade", [...TRIAL, "--set", "crds.keep=false"]);
    await at.cluster.kubectl(["wait", "--for=condition=Established", "--timeout=30s", "crd", "--all"]);
    await release("uninstall");
    await at.cluster.kubectl(["wait", "--for=delete", "--timeout=150s", "crd", "--all"]);
    expect(await everything()).toEqual(atFirst);
  },
  A_FEW_MINUTES_MS, // an API server takes its time over a definition when it is busy
);
