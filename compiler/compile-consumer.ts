// Consumer -> what the data plane recognises it by. A credential that cannot be used is left out at once, whatever was in
// force before; that is a warning while the consumer has another one, and an error when it has none left: it then
// identifies nobody.

import type { ConsumerSpec } from "../crds/consumer.ts";
import type { CompiledConsumer } from "../dataplane/contract/compiled.ts";
import { hashKey, type KeyRing, keyHmac } from "../dataplane/contract/keyring.ts";
import { expiresAtMs, expiryProblem } from "./credential-expiry.ts";
import { HIDDEN } from "./found-text.ts";
import type { ConsumerObject } from "./read-manifest.ts";
import type { Problem, Reporter } from "./report.ts";
import { inlineWarning, resolveKey, type Secrets } from "./resolve-key.ts";

/**
 * What a credential claims: the SHA-256 of a key, one character a byte, as 100,000 of them are kept; or what is asked of a
 * token, as text.
 */
type Claimed = string;

export interface ConsumerContext {
  /** One for each credential, in order. */
  readonly claimed: readonly (Claimed | Problem)[];
  readonly ring: KeyRing;
  /** What is wanted instead of the key or token of this credential when another one has it. */
  readonly lost: (credential: number) => string | undefined;
  /** Epoch milliseconds. */
  readonly nowMs: number;
  readonly report: Reporter;
}

/** Of each credential, in order: what it claims, or why it cannot be known. */
export function resolveClaims({ spec }: ConsumerObject, secrets: Secrets): readonly (Claimed | Problem)[] {
  return spec.credentials.map((credential, index) => {
    const { apiKey, jwt } = credential;
    if (jwt !== undefined) return tokenClaim(jwt);
    if (apiKey?.keyHash !== undefined)
      return Buffer.from(apiKey.keyHash.slice("sha256:".length), "hex").toString("latin1");
    const resolved = resolveKey(apiKey ?? {}, fieldOf(credential, index), secrets);
    return resolved.kind === "key" ? hashKey(resolved.key).toString("latin1") : resolved.problem;
  });
}

export function compileConsumer(consumer: ConsumerObject, context: ConsumerContext): CompiledConsumer {
  const { ref, spec } = consumer;
  const problems: Problem[] = [];
  const usable: CompiledConsumer["credentials"] = [];
  for (const [index, credential] of spec.credentials.entries()) {
    const compiled = compileCredential(credential, index, context);
    if ("code" in compiled) problems.push(compiled);
    else usable.push(compiled);
  }
  const severity = usable.length > 0 ? "warning" : "error";
  for (const problem of problems) context.report[severity](problem);
  const { suspended } = spec;
  const models = compileModels(spec.models);
  return {
    kind: "Consumer",
    namespace: ref.namespace,
    name: ref.name,
    username: spec.username ?? ref.name,
    ...(spec.customID === undefined ? {} : { customID: spec.customID }),
    groups: spec.groups,
    ...(spec.parentRef && { parent: spec.parentRef.name }),
    credentials: usable.slice(), // an array that has grown keeps room for 16 more, of 100,000 consumers too
    ...(suspended ? { suspended } : {}),
    ...(models === undefined ? {} : { models }),
  };
}

type Credential = ConsumerSpec["credentials"][number];

function compileCredential(
  credential: Credential,
  index: number,
  { claimed, ring, lost, nowMs, report }: ConsumerContext,
): CompiledConsumer["credentials"][number] | Problem {
  const { name, apiKey, jwt, expiresAt } = credential;
  const field = fieldOf(credential, index);
  for (const warning of [apiKey && inlineWarning(apiKey, field), expiryProblem(credential, index, nowMs)]) {
    if (warning !== undefined) report.warning(warning);
  }
  const claim = claimed[index] ?? "";
  if (typeof claim !== "string") return claim;
  const wanted = lost(index);
  if (wanted !== undefined) return { code: "CredentialConflict", field, found: foundIn(credential), wanted };
  const expiry = expiresAt === undefined ? {} : { expiresAtMs: expiresAtMs(expiresAt) };
  if (jwt !== undefined) return { name, keyHmacs: [], jwt, ...expiry };
  return { name, keyHmacs: ring.map((keys) => keyHmac(keys, Buffer.from(claim, "latin1"))), ...expiry };
}

function foundIn({ jwt }: Credential): string {
  return jwt === undefined ? HIDDEN : "what another credential asks for";
}

/** Alike for credentials that ask for the same. */
export function tokenClaim({ issuer, audience, claims }: NonNullable<Credential["jwt"]>): Claimed {
  const asked = claims.map(({ name, value }) => [name, value]).sort(([a = ""], [b = ""]) => (a < b ? -1 : 1));
  return JSON.stringify([issuer, audience, asked]);
}

/** Undefined when they leave every model. */
function compileModels(models: ConsumerSpec["models"]): CompiledConsumer["models"] {
  const { allow = [], deny = [] } = models ?? {};
  if (allow.length === 0 && deny.length === 0) return undefined;
  const lower = (patterns: readonly string[]): string[] => patterns.map((pattern) => pattern.toLowerCase());
  return { allow: lower(allow), deny: lower(deny) };
}

function fieldOf({ jwt }: Credential, index: number): string {
  return `spec.credentials[${String(index)}].${jwt === undefined ? "apiKey" : "jwt"}`;
}
