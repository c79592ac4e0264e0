// The record that electors share, as a Lease of coordination.k8s.io/v1 holds it.

import { z } from "zod";
import type { KubeObject } from "./kube-object.ts";
import { apiVersionOf, LEASES, type ObjectName } from "./resource.ts";

export interface LeaseRecord {
  /** "" when it was released. */
  readonly holder: string;
  readonly durationSeconds: number;
  /** How often the lease has changed hands; rises with each take-over. */
  readonly transitions: number;
  /** MicroTime texts, for people only: electors never compare them with a clock. */
  readonly acquireTime: string;
  readonly renewTime: string;
}

const leaseSpec = z.object({
  holderIdentity: z.string().nullish(),
  leaseDurationSeconds: z.int().nullish(),
  leaseTransitions: z.int().nullish(),
  acquireTime: z.string().nullish(),
  renewTime: z.string().nullish(),
});

/** A Lease without a readable spec is one that nobody holds. */
export function readLease(lease: KubeObject): LeaseRecord {
  const read = leaseSpec.safeParse(lease["spec"]);
  const spec = read.success ? read.data : {};
  return {
    holder: spec.holderIdentity ?? "",
    durationSeconds: spec.leaseDurationSeconds ?? 0,
    transitions: spec.leaseTransitions ?? 0,
    acquireTime: spec.acquireTime ?? "",
    renewTime: spec.renewTime ?? "",
  };
}

/** With `resourceVersion` it replaces that version only; without, it is to be created. */
export function toLease(
  { namespace, name }: ObjectName,
  record: LeaseRecord,
  resourceVersion?: string,
): Readonly<Record<string, unknown>> {
  return {
    apiVersion: apiVersionOf(LEASES),
    kind: LEASES.kind,
    metadata: { namespace, name, ...(resourceVersion === undefined ? {} : { resourceVersion }) },
    spec: {
      holderIdentity: record.holder,
      leaseDurationSeconds: record.durationSeconds,
      leaseTransitions: record.transitions,
      acquireTime: record.acquireTime,
      renewTime: record.renewTime,
    },
  };
}

export function isSameRecord(a: LeaseRecord, b: LeaseRecord): boolean {
  return (
    a.holder === b.holder &&
    a.durationSeconds === b.durationSeconds &&
    a.transitions === b.transitions &&
    a.acquireTime === b.acquireTime &&
    a.renewTime === b.renewTime
  );
}

/** Kubernetes MicroTime: RFC 3339 with exactly six digits after the point; the API server refuses any other number. */
export function microTime(wallMs: number): string {
  return new Date(wallMs).toISOString().replace("Z", "000Z");
}
