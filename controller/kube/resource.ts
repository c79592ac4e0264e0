// Where the API server keeps what: resources and their paths.

import { KINDS } from "../../crds/index.ts";
import { GROUP, VERSION } from "../../crds/meta.ts";

export interface Resource {
  /** "" is the core group. */
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
}

/** Objects of one resource: of all namespaces, or of one; all, or those that the selector names. */
export interface Scope {
  readonly resource: Resource;
  readonly namespace?: string | undefined;
  readonly fieldSelector?: string | undefined;
}

export interface ObjectName {
  /** "" for what lies in none. */
  readonly namespace: string;
  readonly name: string;
}

/** Our kinds, in the order of the registry. */
export const OWN_RESOURCES: readonly Resource[] = KINDS.map(({ kind, plural }) => ({
  group: GROUP,
  version: VERSION,
  plural,
  kind,
}));
export const SECRETS: Resource = { group: "", version: "v1", plural: "secrets", kind: "Secret" };
export const PODS: Resource = { group: "", version: "v1", plural: "pods", kind: "Pod" };
export const LEASES: Resource = { group: "coordination.k8s.io", version: "v1", plural: "leases", kind: "Lease" };
export const WEBHOOK_CONFIGURATIONS: Resource = {
  group: "admissionregistration.k8s.io",
  version: "v1",
  plural: "validatingwebhookconfigurations",
  kind: "ValidatingWebhookConfiguration",
};
export const EVENTS: Resource = { group: "events.k8s.io", version: "v1", plural: "events", kind: "Event" };

/** "v1" or "airatelimit.dev/v1alpha1". */
export function apiVersionOf({ group, version }: Resource): string {
  return group === "" ? version : `${group}/${version}`;
}

export function collectionPath({ group, version, plural }: Resource, namespace: string | undefined): string {
  const root = group === "" ? `/api/${version}` : `/apis/${group}/${version}`;
  return namespace === undefined
    ? `${root}/${plural}`
    : `${root}/namespaces/${encodeURIComponent(namespace)}/${plural}`;
}

export function objectPath(resource: Resource, { namespace, name }: ObjectName): string {
  const collection = collectionPath(resource, namespace === "" ? undefined : namespace);
  return `${collection}/${encodeURIComponent(name)}`;
}
