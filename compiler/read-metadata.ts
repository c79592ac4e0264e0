// metadata of a manifest: which object it is and how old. Other fields of metadata are Kubernetes' own; they are known by
// name only, so that a mistyped `namespace` does not put an object into another one.

import type { z } from "zod";
import { entryName, objectName } from "../crds/meta.ts";
import type { ObjectRef } from "./finding.ts";
import { foundText, foundType } from "./found-text.ts";
import { isRecord } from "./is-record.ts";
import { unknownFieldsAt } from "./read-spec.ts";
import type { Problem } from "./report.ts";

/** ObjectMeta of Kubernetes 1.29 to 1.34. */
const FIELDS = [
  "name",
  "namespace",
  "labels",
  "annotations",
  "uid",
  "resourceVersion",
  "generation",
  "creationTimestamp",
  "deletionTimestamp",
  "deletionGracePeriodSeconds",
  "finalizers",
  "ownerReferences",
  "managedFields",
  "selfLink",
  "generateName",
];

const NAME = objectName();
const NAMESPACE = entryName();

export interface ReadRef {
  /** "" for what is absent or could not be a kind or a name, so that a reference never carries arbitrary text. */
  readonly ref: ObjectRef;
  readonly problems: readonly Problem[];
}

export function readRef(manifest: Record<string, unknown>, defaultNamespace: string): ReadRef {
  const { kind, metadata } = manifest;
  const ref = { kind: kindName(kind), namespace: defaultNamespace, name: "" };
  if (!isRecord(metadata)) {
    return { ref, problems: [{ code: "Invalid", field: "metadata", found: foundType(metadata), wanted: "an object" }] };
  }
  const problems = [...unknownFieldsAt(["metadata"], metadata, FIELDS)];
  const read = (schema: z.ZodString, field: string, value: unknown): string | undefined => {
    const parsed = schema.safeParse(value);
    const wanted = parsed.error?.issues[0]?.message ?? "";
    if (!parsed.success) problems.push({ code: "Invalid", field, found: foundText(value), wanted });
    return parsed.data;
  };
  const name = read(NAME, "metadata.name", metadata["name"]) ?? "";
  const namespace = read(NAMESPACE, "metadata.namespace", metadata["namespace"] ?? defaultNamespace);
  return { ref: { ...ref, name, namespace: namespace ?? defaultNamespace }, problems };
}

function kindName(kind: unknown): string {
  return typeof kind === "string" && /^\w{1,63}$/.test(kind) ? kind : "";
}

export interface ManifestVersion {
  /** "" when unknown. */
  readonly uid: string;
  /** 0 when unknown. */
  readonly generation: number;
}

export function versionOf(manifest: unknown): ManifestVersion {
  const metadata = isRecord(manifest) && isRecord(manifest["metadata"]) ? manifest["metadata"] : {};
  const { uid, generation } = metadata;
  const isCount = typeof generation === "number" && Number.isSafeInteger(generation) && generation > 0;
  return { uid: typeof uid === "string" ? uid : "", generation: isCount ? generation : 0 };
}

/** metadata.creationTimestamp in ms; 0 when absent or illegible. A client library may have made a Date of it. */
export function createdMsOf(manifest: Record<string, unknown>): number {
  const created = isRecord(manifest["metadata"]) ? manifest["metadata"]["creationTimestamp"] : undefined;
  const time = created instanceof Date ? created.getTime() : Date.parse(typeof created === "string" ? created : "");
  return Number.isFinite(time) ? time : 0;
}
