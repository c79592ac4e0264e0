// Consumers -> what the data plane recognises them by. All consumers are compiled together, because a key identifies one
// consumer only: the older keeps it. A credential that cannot be used is left out; that is a warning while the consumer
// has another one, and an error when it has none left.

import type { CompiledConsumer } from "../dataplane/contract/compiled.ts";
import { hashKey, keyHmac, type RingFor } from "../dataplane/contract/keyring.ts";
import { HIDDEN } from "./found-text.ts";
import type { ConsumerObject } from "./read-manifest.ts";
import type { Problem, Reporter } from "./report.ts";
import { inlineWarning, resolveKey, type Secrets } from "./resolve-key.ts";

export interface ConsumerContext {
  readonly systemNamespace: string;
  readonly ringFor: RingFor;
  readonly secretsOf: (namespace: string) => Secrets;
  readonly reporterOf: (object: ConsumerObject) => Reporter;
}

interface Claim {
  readonly consumer: ConsumerObject;
  readonly credential: string;
}

interface Credential {
  readonly name: string;
  readonly keyHmacs: string[];
}

/** Per key hash: who holds it. At most one per namespace; one in the system namespace excludes all others. */
type Holders = Map<string, Claim[]>;

export function compileConsumers(consumers: readonly ConsumerObject[], context: ConsumerContext): CompiledConsumer[] {
  const holders: Holders = new Map();
  return [...consumers].sort(byAge).flatMap((consumer) => compileConsumer(consumer, holders, context) ?? []);
}

/** An object whose age is unknown is the youngest: it takes nothing away from one that exists. */
function byAge(a: ConsumerObject, b: ConsumerObject): number {
  const [ageA, ageB] = [a.createdMs || Infinity, b.createdMs || Infinity];
  if (ageA !== ageB) return ageA - ageB;
  if (a.ref.name !== b.ref.name) return a.ref.name < b.ref.name ? -1 : 1;
  return a.ref.namespace < b.ref.namespace ? -1 : 1;
}

function compileConsumer(
  consumer: ConsumerObject,
  holders: Holders,
  context: ConsumerContext,
): CompiledConsumer | undefined {
  const { ref, spec } = consumer;
  const report = context.reporterOf(consumer);
  const problems: Problem[] = [];
  const usable: Credential[] = [];
  for (const [index, { name, apiKey }] of spec.credentials.entries()) {
    const field = `spec.credentials[${String(index)}].apiKey`;
    const inline = inlineWarning(apiKey, field);
    if (inline) report.warning(inline);
    const resolved = keyHashOf(apiKey, field, context.secretsOf(ref.namespace));
    if (!Buffer.isBuffer(resolved)) {
      problems.push(resolved);
      continue;
    }
    const conflict = claim({ consumer, credential: name }, resolved.toString("hex"), { holders, context });
    if (conflict === undefined) {
      usable.push({ name, keyHmacs: context.ringFor(ref.namespace).map((keys) => keyHmac(keys, resolved)) });
    } else problems.push({ code: "CredentialConflict", field, found: HIDDEN, wanted: conflict });
  }
  const severity = usable.length > 0 ? "warning" : "error";
  for (const problem of problems) report[severity](problem);
  if (report.hasError()) return undefined;
  const username = spec.username ?? ref.name;
  return {
    kind: "Consumer",
    namespace: ref.namespace,
    name: ref.name,
    username,
    groups: spec.groups,
    credentials: usable,
  };
}

type ApiKey = ConsumerObject["spec"]["credentials"][number]["apiKey"];

function keyHashOf(apiKey: ApiKey, field: string, secrets: Secrets): Buffer | Problem {
  if (apiKey.keyHash !== undefined) return Buffer.from(apiKey.keyHash.slice("sha256:".length), "hex");
  const resolved = resolveKey(apiKey, field, secrets);
  return resolved.kind === "key" ? hashKey(resolved.key) : resolved.problem;
}

/**
 * Takes the key for a credential; what is wanted instead when it is taken. Names the holder only within one namespace:
 * who uses a key elsewhere is nobody's business here.
 */
function claim(
  claimed: Claim,
  hash: string,
  { holders, context }: { readonly holders: Holders; readonly context: ConsumerContext },
): string | undefined {
  const { namespace } = claimed.consumer.ref;
  const present = holders.get(hash) ?? [];
  const local = present.find(({ consumer }) => consumer.ref.namespace === namespace);
  if (local !== undefined) {
    const { name } = local.consumer.ref;
    const who = local.consumer === claimed.consumer ? `credential ${local.credential}` : `Consumer ${name}`;
    return `a key of its own: ${who} has this one`;
  }
  const system = context.systemNamespace;
  const isShared = (other: Claim): boolean => namespace === system || other.consumer.ref.namespace === system;
  if (present.some(isShared)) return "another key: this one is in use";
  holders.set(hash, [...present, claimed]);
  return undefined;
}
