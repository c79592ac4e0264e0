// What the controller's account may do on a real API server: what it needs and nothing else, for the whole cluster and for
// some namespaces only.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { rbacObjects } from "../../controller/rbac.ts";
import { KINDS } from "../../crds/index.ts";
import { aConsumer, aPolicy, aSecret, asRecord } from "../compiler/manifest-builders.ts";
import { eventually } from "../helpers/clock.ts";
import { readObject, untilConditions } from "../helpers/object-status.ts";
import { type Product, SYSTEM, startProduct } from "../helpers/product-under-test.ts";

const NAME = "ai-rate-limit-controller";
const GROUP = "airatelimit.dev";
const WEBHOOK = { secret: "ai-rate-limit-webhook-cert", configuration: "ai-rate-limit-webhook" };

let product: Product;

beforeAll(async () => {
  const started = await startProduct();
  if ("missing" in started) throw new Error(`needs ${started.missing}`);
  product = started;
  for (const namespace of ["inside", "outside"]) await product.cluster.kubectl(["create", "namespace", namespace]);
});
afterAll(async () => {
  await product.stop();
});

/** "get consumers.airatelimit.dev/status in inside", "get nodes": as `kubectl auth can-i` would ask. */
async function may(line: string): Promise<boolean> {
  const [, verb, what = "", name, namespace] = /^(\S+) ([^ :]+)(?::(\S+))?(?: in (\S+))?$/.exec(line) ?? [];
  const [path = "", subresource] = what.split("/");
  const [resource, ...group] = path.split(".");
  const resourceAttributes = { verb, resource, group: group.join("."), subresource, name, namespace };
  const { body } = await product.cluster.call("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", {
    apiVersion: "authorization.k8s.io/v1",
    kind: "SubjectAccessReview",
    spec: { user: `system:serviceaccount:${SYSTEM}:${NAME}`, groups: ["system:serviceaccounts"], resourceAttributes },
  });
  return asRecord(body["status"])["allowed"] === true;
}

const plurals = KINDS.map(({ plural }) => `${plural}.${GROUP}`);
const needed = (where: string): readonly string[] => [
  ...plurals.flatMap((what) => [`list ${what}${where}`, `watch ${what}${where}`, `patch ${what}/status${where}`]),
  `get secrets${where}`,
  `list secrets${where}`,
  `watch secrets${where}`,
  `get pods${where}`,
  `create events.events.k8s.io${where}`,
];
const lease = [
  `create leases.coordination.k8s.io in ${SYSTEM}`,
  `get leases.coordination.k8s.io:${NAME} in ${SYSTEM}`,
  `update leases.coordination.k8s.io:${NAME} in ${SYSTEM}`,
];
const CONFIGURATIONS = "validatingwebhookconfigurations.admissionregistration.k8s.io";
const certificates = [
  `create secrets in ${SYSTEM}`,
  ...["get", "list", "watch", "update"].map((verb) => `${verb} secrets:${WEBHOOK.secret} in ${SYSTEM}`),
  ...["get", "list", "watch", "patch"].map((verb) => `${verb} ${CONFIGURATIONS}:${WEBHOOK.configuration}`),
];
const notCertificates = [
  ...["update", "patch", "delete"].map((verb) => `${verb} secrets:other in ${SYSTEM}`),
  `delete secrets:${WEBHOOK.secret} in ${SYSTEM}`,
  ...["update", "delete", "create"].map((verb) => `${verb} ${CONFIGURATIONS}:${WEBHOOK.configuration}`),
  ...["get", "list", "watch", "patch"].map((verb) => `${verb} ${CONFIGURATIONS}:other`),
  `patch mutating${CONFIGURATIONS.slice(10)}:${WEBHOOK.configuration}`,
];
const beyond = (where: string): readonly string[] => [
  ...plurals.flatMap((what) => ["create", "update", "patch", "delete"].map((verb) => `${verb} ${what}${where}`)),
  ...plurals.map((what) => `update ${what}/status${where}`),
  ...["create", "update", "patch", "delete"].map((verb) => `${verb} secrets${where}`),
  `list pods${where}`,
  `watch pods${where}`,
  `create pods/exec${where}`,
  `create serviceaccounts/token${where}`,
  `get configmaps${where}`,
  `patch events.events.k8s.io${where}`,
  `list events.events.k8s.io${where}`,
  `create rolebindings.rbac.authorization.k8s.io${where}`,
];
const clusterWide = [
  "get nodes",
  "list namespaces",
  "get customresourcedefinitions.apiextensions.k8s.io",
  ...notCertificates,
  "create clusterrolebindings.rbac.authorization.k8s.io",
  "impersonate users",
  `delete leases.coordination.k8s.io:${NAME} in ${SYSTEM}`,
  `update leases.coordination.k8s.io:other in ${SYSTEM}`,
  "create leases.coordination.k8s.io in inside",
];

async function expectRights(granted: readonly string[], refused: readonly string[]): Promise<void> {
  const answers = async (rows: readonly string[]): Promise<string[]> =>
    await Promise.all(rows.map(async (row) => `${row}: ${(await may(row)) ? "yes" : "no"}`));
  expect(await answers(granted)).toEqual(granted.map((row) => `${row}: yes`));
  expect(await answers(refused)).toEqual(refused.map((row) => `${row}: no`));
}

describe("the controller's account", () => {
  test("[e2e] may do in all namespaces what it needs, and no more", async () => {
    await expectRights(
      [...needed(" in inside"), ...needed(" in outside"), ...lease, ...certificates],
      [...beyond(" in inside"), ...beyond(""), ...clusterWide],
    );
  });

  test("[e2e] limited to namespaces, may do the same there and nothing elsewhere", async () => {
    const { kubectl } = product.cluster;
    await kubectl(["delete", "clusterrole,clusterrolebinding", NAME, `${NAME}-webhook`]);
    const options = { name: NAME, namespace: SYSTEM, serviceAccount: NAME, leaseName: NAME };
    const objects = rbacObjects({ ...options, namespaces: ["inside"], webhook: WEBHOOK });
    await product.apply(objects.map((object) => JSON.stringify(object)).join("\n---\n"));
    await expectRights(
      [...needed(" in inside"), ...lease, ...certificates, `get pods in ${SYSTEM}`],
      [
        ...beyond(" in inside"),
        ...clusterWide,
        ...needed(" in outside"),
        ...needed(""),
        `get secrets in ${SYSTEM}`,
        `list secrets in ${SYSTEM}`,
      ],
    );
  });
});

test("[e2e] a controller that is limited to namespaces works there, and leaves the others alone", async () => {
  const apiKey = { secretRef: { name: "keys", key: "k" } };
  const objectsOf = (namespace: string): string =>
    [
      aSecret({ namespace, name: "keys" }, { k: "key-of-alice" }),
      aConsumer({ namespace, name: "alice" }, { credentials: [{ name: "main", apiKey }] }),
      aPolicy({ namespace, name: "tokens" }, { appliesTo: { consumers: ["alice"] } }),
      aPolicy({ namespace, name: "wrong" }, { limits: [{ name: "l", limit: 1, window: { duration: "0s" } }] }),
    ]
      .map((manifest) => JSON.stringify(manifest))
      .join("\n---\n");
  for (const namespace of ["outside", "inside"]) await product.apply(objectsOf(namespace));
  const controller = await product.startController({ AIRL_NAMESPACES: "inside" });
  await product.startGateway({ AIRL_NAMESPACES: "inside" });
  const namespace = "inside";
  const published = { ResolvedRefs: /^True/, Programmed: /^True/ };
  await untilConditions(product.cluster, { what: "aicon/alice", namespace }, published);
  await untilConditions(product.cluster, { what: "airlp/tokens", namespace }, { Enforced: /^True Enforced: 1\/1/ });
  await untilConditions(product.cluster, { what: "airlp/wrong", namespace }, { Accepted: /^False Invalid/ });
  await eventually("its event", async () => {
    const events = await product.cluster.kubectl(["get", "events.events.k8s.io", "-n", namespace, "-o", "name"]);
    return events.includes("event.events.k8s.io/wrong-");
  });
  for (const what of ["aicon/alice", "airlp/wrong"]) {
    expect((await readObject(product.cluster, what, "outside")).status.conditions).toEqual([]);
  }
  expect(controller.process.lines.filter((line) => /forbidden/i.test(line))).toEqual([]);
});
