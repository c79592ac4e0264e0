// Compiled objects with defaults: a test names only what its rule is about.

import { createHash } from "node:crypto";
import { type GatewayConfig, LiveConfig } from "../../../dataplane/config/gateway-config.ts";
import type {
  CompiledBackend,
  CompiledConsumer,
  CompiledLimit,
  CompiledObject,
  CompiledPolicy,
  CompiledRoute,
} from "../../../dataplane/contract/compiled.ts";
import { createRing, hashKey, keyHmac } from "../../../dataplane/contract/keyring.ts";
import type { RequestFacts } from "../../../dataplane/core/request-facts.ts";

const MASTER = createHash("sha256").update("a master for tests").digest();

export const ringFor = createRing([MASTER]);

export function aRoute(parts: Partial<CompiledRoute> = {}): CompiledRoute {
  return {
    kind: "AIRoute",
    namespace: "default",
    name: "chat",
    createdMs: 0,
    matches: [aMatch()],
    authentication: { type: "None" },
    backends: [{ name: "openai", weight: 1 }],
    ...parts,
  };
}

export function aMatch(parts: Partial<CompiledRoute["matches"][number]> = {}): CompiledRoute["matches"][number] {
  return { path: { type: "PathPrefix", value: "/" }, methods: [], hostnames: [], headers: [], ...parts };
}

export function aBackend(parts: Partial<CompiledBackend> = {}): CompiledBackend {
  return {
    kind: "AIBackend",
    namespace: "default",
    name: "openai",
    provider: "OpenAI",
    origin: "https://api.openai.com",
    auth: { type: "None" },
    usage: { injectIncludeUsage: true, onMissing: "ChargeEstimate" },
    timeouts: { connectMs: 5_000, firstByteMs: 60_000, streamIdleMs: 60_000 },
    ...parts,
  };
}

export interface ConsumerParts {
  readonly namespace?: string;
  readonly name?: string;
  readonly username?: string;
  readonly customID?: string;
  readonly groups?: string[];
  readonly parent?: string;
  /** Keys as a caller presents them. */
  readonly keys?: readonly string[];
}

/** Its credentials are key-0, key-1, ... in the order of its keys. */
export function aConsumer(parts: ConsumerParts = {}): CompiledConsumer {
  const { namespace = "default", name = "alice", username = name, groups = [], keys = [`${name}-key`] } = parts;
  const { customID } = parts;
  const credentials = keys.map((key, i) => ({
    name: `key-${String(i)}`,
    keyHmacs: ringFor(namespace).map((one) => keyHmac(one, hashKey(key))),
  }));
  const above = parts.parent === undefined ? {} : { parent: parts.parent };
  return { kind: "Consumer", namespace, name, username, groups, ...above, credentials, ...(customID && { customID }) };
}

export function aPolicy(parts: Partial<CompiledPolicy> = {}): CompiledPolicy {
  return {
    kind: "AIRateLimitPolicy",
    namespace: "default",
    name: "policy",
    createdMs: 0,
    appliesTo: {},
    precedence: "Additive",
    limits: [aLimit()],
    response: { statusCode: 429, bodyFormat: "Dialect", message: "", headers: { formats: ["Window"] } },
    ...parts,
  };
}

/** Its counterId is a hash of its name: limits of different names have different counters. */
export function aLimit(parts: Partial<CompiledLimit> = {}): CompiledLimit {
  const { name = "minute" } = parts;
  return {
    name,
    counterId: createHash("sha256").update(name).digest("base64url").slice(0, 11),
    mode: "Enforce",
    when: [],
    per: [{ type: "Consumer" }],
    unit: "TotalTokens",
    limit: 100,
    window: { algorithm: "Sliding", durationMs: 60_000 },
    label: { kind: "fixed", text: name },
    ...parts,
  };
}

export function aGatewayConfig(objects: readonly CompiledObject[]): GatewayConfig {
  const onLocked = (backend: CompiledBackend): never => {
    throw new Error(`the credential of ${backend.name} does not open`);
  };
  const live = new LiveConfig({ ringFor, systemNamespace: "default", prefix: "airl:", onLocked });
  live.replace(objects);
  return live.current();
}

export interface FactParts extends Partial<Omit<RequestFacts, "header" | "query">> {
  /** By lower-case name. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly parameters?: Readonly<Record<string, string>>;
}

export function someFacts({ headers = {}, parameters = {}, ...parts }: FactParts = {}): RequestFacts {
  const byName = new Map(Object.entries(headers));
  const byParameter = new Map(Object.entries(parameters));
  return {
    namespace: "default",
    route: "chat",
    backend: "openai",
    provider: "openai",
    clientIp: "192.0.2.7",
    path: "/chat",
    queryText: "",
    method: "POST",
    ...parts,
    header: (name) => byName.get(name),
    query: (name) => byParameter.get(name),
  };
}
