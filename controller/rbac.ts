// What the controller may do on the API server, and nothing else, as the objects that grant it. Limited to namespaces when
// it watches only those; the lease lies in its own namespace alone, and only creating one cannot be limited by name.

import { KINDS } from "../crds/index.ts";
import { GROUP } from "../crds/meta.ts";

export interface RbacOptions {
  /** Of every object made. */
  readonly name: string;
  /** Where the controller runs. */
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly leaseName: string;
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
  const { name, namespace: own, namespaces } = options;
  const watching =
    namespaces === undefined
      ? grant(options, { name, rules: WATCH_RULES })
      : [...new Set(namespaces)].flatMap((namespace) => grant(options, { name, namespace, rules: WATCH_RULES }));
  const isOwnWatched = namespaces?.includes(own) ?? true;
  const rules = [...leaseRules(options.leaseName), ...(isOwnWatched ? [] : [POD_RULE])];
  return [...watching, ...grant(options, { name: `${name}-own`, namespace: own, rules })];
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
