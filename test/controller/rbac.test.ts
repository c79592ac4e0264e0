// The controller's rights are exactly these.

import { expect, test } from "vitest";
import { rbacObjects } from "../../controller/rbac.ts";
import { KINDS } from "../../crds/index.ts";

const OPTIONS = {
  name: "ai-rate-limit-controller",
  namespace: "airl-system",
  serviceAccount: "ai-rate-limit-controller",
  leaseName: "ai-rate-limit-controller",
};
const API = "rbac.authorization.k8s.io";
const SUBJECTS = [{ kind: "ServiceAccount", name: "ai-rate-limit-controller", namespace: "airl-system" }];
const PLURALS = ["consumers", "aibackends", "airoutes", "airatelimitpolicies"];
const PODS = { apiGroups: [""], resources: ["pods"], verbs: ["get"] };
const WATCH = [
  { apiGroups: ["airatelimit.dev"], resources: PLURALS, verbs: ["get", "list", "watch"] },
  { apiGroups: ["airatelimit.dev"], resources: PLURALS.map((plural) => `${plural}/status`), verbs: ["patch"] },
  { apiGroups: [""], resources: ["secrets"], verbs: ["get", "list", "watch"] },
  PODS,
  { apiGroups: ["events.k8s.io"], resources: ["events"], verbs: ["create"] },
];
const LEASE = [
  { apiGroups: ["coordination.k8s.io"], resources: ["leases"], verbs: ["create"] },
  {
    apiGroups: ["coordination.k8s.io"],
    resources: ["leases"],
    verbs: ["get", "update"],
    resourceNames: ["ai-rate-limit-controller"],
  },
];

interface Placed {
  readonly name: string;
  readonly namespace?: string;
}

/** Role and binding as they are expected. */
function granted(metadata: Placed, rules: readonly object[]): object[] {
  const role = metadata.namespace === undefined ? "ClusterRole" : "Role";
  return [
    { apiVersion: `${API}/v1`, kind: role, metadata, rules },
    {
      apiVersion: `${API}/v1`,
      kind: `${role}Binding`,
      metadata,
      roleRef: { apiGroup: API, kind: role, name: metadata.name },
      subjects: SUBJECTS,
    },
  ];
}

const watching = "ai-rate-limit-controller";
const own = { name: "ai-rate-limit-controller-own", namespace: "airl-system" };

test.for([
  {
    name: "all namespaces",
    namespaces: undefined,
    objects: [...granted({ name: watching }, WATCH), ...granted(own, LEASE)],
  },
  {
    name: "two namespaces, one of them named twice",
    namespaces: ["ai", "batch", "ai"],
    objects: [
      ...granted({ name: watching, namespace: "ai" }, WATCH),
      ...granted({ name: watching, namespace: "batch" }, WATCH),
      ...granted(own, [...LEASE, PODS]),
    ],
  },
  {
    name: "its own namespace",
    namespaces: ["airl-system"],
    objects: [...granted({ name: watching, namespace: "airl-system" }, WATCH), ...granted(own, LEASE)],
  },
])("[unit] a controller of $name may do this and nothing else", ({ namespaces, objects }) => {
  expect(rbacObjects({ ...OPTIONS, namespaces })).toEqual(objects);
});

const CREATE_SECRET = { apiGroups: [""], resources: ["secrets"], verbs: ["create"] };
const KEEP_SECRET = {
  apiGroups: [""],
  resources: ["secrets"],
  resourceNames: ["cert"],
  verbs: ["get", "list", "watch", "update"],
};
const KEEP_BUNDLE = {
  apiGroups: ["admissionregistration.k8s.io"],
  resources: ["validatingwebhookconfigurations"],
  resourceNames: ["hook"],
  verbs: ["get", "list", "watch", "patch"],
};

test("[unit] one that makes the webhook's certificates may write one Secret and one configuration", () => {
  const webhook = { secret: "cert", configuration: "hook" };
  expect(rbacObjects({ ...OPTIONS, namespaces: ["ai"], webhook })).toEqual([
    ...granted({ name: watching, namespace: "ai" }, WATCH),
    ...granted({ name: "ai-rate-limit-controller-webhook" }, [KEEP_BUNDLE]),
    ...granted(own, [...LEASE, CREATE_SECRET, KEEP_SECRET, PODS]),
  ]);
});

test("[unit] limited to namespaces, nothing is granted for the whole cluster, and no kind is left out", () => {
  const objects = rbacObjects({ ...OPTIONS, namespaces: ["ai"] });
  expect(objects.map(({ kind }) => kind)).not.toContain("ClusterRole");
  expect(PLURALS).toEqual(KINDS.map(({ plural }) => plural));
});
