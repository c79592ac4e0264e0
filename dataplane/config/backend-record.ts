// A compiled backend -> what requests use of it: its credential opened, its prices indexed.

import type { CompiledBackend } from "../contract/compiled.ts";
import { open, type RingFor } from "../contract/keyring.ts";
import { createPriceList, type PriceList } from "../core/pricing.ts";
import type { DialectName } from "../providers/provider.ts";
import type { BackendRecord } from "./snapshot.ts";

const DIALECT_OF: Readonly<Record<CompiledBackend["provider"], DialectName>> = {
  OpenAI: "OpenAI",
  OpenAICompatible: "OpenAI",
  Anthropic: "Anthropic",
};

/** A credential that does not open locks its backend: a request without it could be taken for somebody else's. */
export function createBackendRecord(compiled: CompiledBackend, ringFor: RingFor): BackendRecord {
  const { auth, namespace, name, provider, origin } = compiled;
  const base = {
    compiled,
    name,
    provider: provider.toLowerCase(),
    dialect: DIALECT_OF[provider],
    prices: priceList(compiled.prices),
  };
  if (auth.type !== "APIKey") return base;
  const binding = { namespace, name, provider, origin, authType: auth.type };
  const secret = open(ringFor(namespace), binding, auth.sealed);
  if (secret === undefined) return { ...base, isLocked: true };
  return { ...base, credential: { header: auth.header.toLowerCase(), value: auth.prefix + secret } };
}

function priceList(compiled: CompiledBackend["prices"]): PriceList | undefined {
  if (compiled === undefined) return undefined;
  const { currency, models } = compiled;
  return createPriceList(currency, new Map(models.map(({ name, ...prices }) => [name, prices])));
}
