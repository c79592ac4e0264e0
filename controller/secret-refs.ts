// Which keys of which Secrets a manifest names. Reads manifests that nobody has checked yet: what is no reference is none.

import { isRecord } from "../compiler/is-record.ts";

export interface NamedSecretKey {
  readonly namespace: string;
  readonly name: string;
  readonly key: string;
}

/** What Consumers and AIBackends name; other kinds name no Secret. Local to the namespace, as design has it. */
export function secretRefs(manifest: Readonly<Record<string, unknown>>, namespace: string): readonly NamedSecretKey[] {
  const { spec } = manifest;
  if (!isRecord(spec)) return [];
  const credentials: unknown = spec["credentials"];
  const list: readonly unknown[] = Array.isArray(credentials) ? credentials : [];
  return [spec["auth"], ...list].flatMap((holder) => {
    const apiKey = isRecord(holder) ? holder["apiKey"] : undefined;
    const ref = isRecord(apiKey) ? apiKey["secretRef"] : undefined;
    if (!isRecord(ref)) return [];
    const { name, key } = ref;
    return typeof name === "string" && typeof key === "string" ? [{ namespace, name, key }] : [];
  });
}
