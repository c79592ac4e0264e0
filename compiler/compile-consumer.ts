// Consumer -> what the data plane recognises it by. A credential that cannot be used is left out at once, whatever was in
// force before; that is a warning while the consumer has another one, and an error when it has none left: it then
// identifies nobody.

import type { CompiledConsumer } from "../dataplane/contract/compiled.ts";
import { hashKey, type KeyRing, keyHmac } from "../dataplane/contract/keyring.ts";
import { HIDDEN } from "./found-text.ts";
import type { ConsumerObject } from "./read-manifest.ts";
import type { Problem, Reporter } from "./report.ts";
import { inlineWarning, resolveKey, type Secrets } from "./resolve-key.ts";

/** The SHA-256 of a key, one character a byte: 100,000 of them are kept. */
type KeyHash = string;

export interface ConsumerContext {
  /** One for each credential, in order. */
  readonly hashes: readonly (KeyHash | Problem)[];
  readonly ring: KeyRing;
  /** What is wanted instead of the key of this credential when another one has it. */
  readonly lost: (credential: number) => string | undefined;
  readonly report: Reporter;
}

/** Of each credential, in order: its key's hash, or why there is none. */
export function resolveHashes({ spec }: ConsumerObject, secrets: Secrets): readonly (KeyHash | Problem)[] {
  return spec.credentials.map(({ apiKey }, index) => {
    if (apiKey.keyHash !== undefined)
      return Buffer.from(apiKey.keyHash.slice("sha256:".length), "hex").toString("latin1");
    const resolved = resolveKey(apiKey, fieldOf(index), secrets);
    return resolved.kind === "key" ? hashKey(resolved.key).toString("latin1") : resolved.problem;
  });
}

export function compileConsumer(consumer: ConsumerObject, context: ConsumerContext): CompiledConsumer {
  const { ref, spec } = consumer;
  const { hashes, ring, lost, report } = context;
  const problems: Problem[] = [];
  const usable: CompiledConsumer["credentials"] = [];
  for (const [index, { name, apiKey }] of spec.credentials.entries()) {
    const field = fieldOf(index);
    const inline = inlineWarning(apiKey, field);
    if (inline) report.warning(inline);
    const hash = hashes[index] ?? "";
    const wanted = lost(index);
    if (typeof hash !== "string") problems.push(hash);
    else if (wanted !== undefined) problems.push({ code: "CredentialConflict", field, found: HIDDEN, wanted });
    else usable.push({ name, keyHmacs: ring.map((keys) => keyHmac(keys, Buffer.from(hash, "latin1"))) });
  }
  const severity = usable.length > 0 ? "warning" : "error";
  for (const problem of problems) report[severity](problem);
  return {
    kind: "Consumer",
    namespace: ref.namespace,
    name: ref.name,
    username: spec.username ?? ref.name,
    groups: spec.groups,
    credentials: usable.slice(), // an array that has grown keeps room for 16 more, of 100,000 consumers too
  };
}

function fieldOf(credential: number): string {
  return `spec.credentials[${String(credential)}].apiKey`;
}
