// An object as the API server sends it: its metadata checked as far as this folder uses it, all else as it came.

import { z } from "zod";

const metadata = z.looseObject({
  name: z.string(),
  namespace: z.string().default(""),
  uid: z.string(),
  resourceVersion: z.string(),
  generation: z.number().optional(),
});

export const kubeObject = z.looseObject({
  apiVersion: z.string().optional(),
  kind: z.string().optional(),
  metadata,
});

export type KubeObject = z.infer<typeof kubeObject>;

/** Which object, and which of several that had the name one after another. */
export interface ObjectRef {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

export function refOf(object: KubeObject, kind: string): ObjectRef {
  const { namespace, name, uid } = object.metadata;
  return { kind, namespace, name, uid };
}

const annotationsRead = z.record(z.string(), z.unknown()).optional().catch(undefined);
const LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration";

/** Without the two parts that repeat the object: who wrote which field, and kubectl's copy. Together they triple its size. */
export function withoutBookkeeping(object: KubeObject): KubeObject {
  const { managedFields: _managed, annotations, ...kept } = object.metadata;
  if (annotations === undefined) return { ...object, metadata: kept };
  const notes = annotationsRead.parse(annotations);
  if (notes === undefined) return { ...object, metadata: kept };
  const { [LAST_APPLIED]: _applied, ...others } = notes;
  return { ...object, metadata: { ...kept, annotations: others } };
}
