// What the controller may do on the API server, and nothing else, as the objects that grant it. Limited to namespaces when
// it watches only those; the lease and the webhook's certificates lie in its own namespace alone, and only creating one cannot
// be limited by name. The configuration of the webhook lies in no namespace.

import { KINDS } from "../crds/index.ts";
import { GROUP } from "../crds/meta.ts";

export interface RbacOptions {
  /** Of every object made. */
  readonly name: string;
  /** Where the controller runs. */
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly leaseName: string;
  /** Where it makes the webhook's certificates itself: their Secret in its namespace, and the ValidatingWebhookConfiguration. */
  readonly webhook?: { readonly secret: string; readonly configuration: string } | undefined;
  /** Those watched (AIRL_NAMESPACES); undefined for all. */
  readonly namespaces?: readonly string[] | undefined;
}

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  readonly resourceNames?: readonly string[];
}

export type RbacObject = Readonly<Record<string, unknown>> & {
  readonly kind: "ClusterRole" | "ClusterRoleBinding" | "Role" | "RoleBinding";
  readonly metadata: { readonly name: string; readonly namespace?: string };
};

const API_GROUP = "rbac.authorization.k8s.io";
const API_VERSION = `${API_GROUP}/v1`;

export function rbacObjects(options: RbacOptions): readonly RbacObject[] {
  const { name, namespace: own, namespaces, webhook } = options;
  const watching =
    namespaces === undefined
      ? grant(options, { name, rules: WATCH_RULES })
      : [...new Set(namespaces)].flatMap((namespace) => grant(options, { name, namespace, rules: WATCH_RULES }));
  const isOwnWatched = namespaces?.includes(own) ?? true;
  const rules = [
    ...leaseRules(options.leaseName),
    ...(webhook === undefined ? [] : certificateRules(webhook.secret)),
    ...(isOwnWatched ? [] : [POD_RULE]),
  ];
  const bundle =
    webhook === undefined
      ? []
      : grant(options, { name: `${name}-webhook`, rules: [configurationRule(webhook.configuration)] });
  return [...watching, ...bundle, ...grant(options, { name: `${name}-own`, namespace: own, rules })];
}

/** Whether the Pod of a silent data plane still exists: sidecars run in watched namespaces, gateways beside the controller. */
const POD_RULE: Rule = { apiGroups: [""], resources: ["pods"], verbs: ["get"] };

/** Needed in every namespace that is watched. */
const WATCH_RULES: readonly Rule[] = [
  { apiGroups: [GROUP], resources: KINDS.map(({ plural }) => plural), verbs: ["get", "list", "watch"] },
  { apiGroups: [GROUP], resources: KINDS.map(({ plural }) => `${plural}/status`), verbs: ["patch"] },
  { apiGroups: [""], resources: ["secrets"], verbs: ["get", "list", "watch"] },
  POD_RULE,
  { apiGroups: ["events.k8s.io"], resources: ["events"], verbs: ["create"] },
];

function leaseRules(leaseName: string): readonly Rule[] {
  const lease = { apiGroups: ["coordination.k8s.io"], resources: ["leases"] };
  return [
    { ...lease, verbs: ["create"] },
    { ...lease, resourceNames: [leaseName], verbs: ["get", "update"] },
  ];
}

function certificateRules(secretName: string): readonly Rule[] {
  const secret = { apiGroups: [""], resources: ["secrets"] };
  return [
    { ...secret, verbs: ["create"] },
    { ...secret, resourceNames: [secretName], verbs: ["get", "list", "watch", "update"] },
  ];
}

function configurationRule(name: string): Rule {
  return {
    apiGroups: ["admissionregistration.k8s.io"],
    resources: ["validatingwebhookconfigurations"],
    resourceNames: [name],
    verbs: ["get", "list", "watch", "patch"],
  };
}

interface Granted {
  readonly name: string;
  /** Undefined: in all. */
  readonly namespace?: string;
  readonly rules: readonly Rule[];
}

/** The role and its binding to the controller's service account. */
function grant(options: RbacOptions, { name, namespace, rules }: Granted): readonly RbacObject[] {
  const role = namespace === undefined ? "ClusterRole" : "Role";
  const metadata = namespace === undefined ? { name } : { name, namespace };
  return [
    { apiVersion: API_VERSION, kind: role, metadata, rules },
    {
      apiVersion: API_VERSION,
      kind: namespace === undefined ? "ClusterRoleBinding" : "RoleBinding",
      metadata,
      roleRef: { apiGroup: API_GROUP, kind: role, name },
      subjects: [{ kind: "ServiceAccount", name: options.serviceAccount, namespace: options.namespace }],
    },
  ];
}
