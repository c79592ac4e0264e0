// AdmissionReviews as an API server sends them.

import { asRecord, type Manifest } from "../../compiler/manifest-builders.ts";

export interface ReviewChanges {
  readonly operation?: string;
  readonly oldObject?: unknown;
  readonly dryRun?: boolean;
  readonly group?: string;
  readonly kind?: string;
  readonly subResource?: string;
}

export function aReview(object: Manifest | null, changes: ReviewChanges = {}): Manifest {
  const { operation = "CREATE", oldObject = null, dryRun = false, ...rest } = changes;
  const found = object?.["kind"];
  const kind = { group: "airatelimit.dev", version: "v1alpha1", kind: typeof found === "string" ? found : "Consumer" };
  const { group = kind.group, kind: name = kind.kind, ...others } = rest;
  return {
    apiVersion: "admission.k8s.io/v1",
    kind: "AdmissionReview",
    request: {
      uid: "705ab4f5-6393-11e8-b7cc-42010a800002",
      kind: { ...kind, group, kind: name },
      resource: { group, version: "v1alpha1", resource: "any" },
      name: "it",
      namespace: "ai",
      operation,
      userInfo: { username: "alice" },
      object,
      oldObject,
      dryRun,
      options: { apiVersion: "meta.k8s.io/v1", kind: "CreateOptions" },
      ...others,
    },
  };
}

/** A manifest with the metadata that an API server adds before it asks. */
export function stored(manifest: Manifest, metadata: Manifest = {}): Manifest {
  const added = {
    namespace: "ai",
    uid: "0b5c1b3c",
    generation: 1,
    creationTimestamp: "2026-01-01T00:00:00Z",
    managedFields: [{ manager: "kubectl", operation: "Update" }],
    someLaterField: true,
  };
  return { ...manifest, metadata: { ...asRecord(manifest["metadata"]), ...added, ...metadata } };
}
