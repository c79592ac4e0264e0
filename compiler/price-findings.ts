// Warns of limits that count money by the prices of backends which have none, or in different currencies. The policy stays in
// force: the data plane refuses what it cannot price, and these lines say why before it does.

import type { CompiledBackend, CompiledLimit, CompiledPolicy } from "../dataplane/contract/compiled.ts";
import { compileCostExpression } from "../dataplane/contract/cost-expression.ts";
import { concernedBackends, type Reachable } from "./concerned-backends.ts";
import type { Reporter } from "./report.ts";

export interface PriceContext extends Reachable {
  /** Names of models that are listed without prices, by "namespace/backend". */
  readonly unpricedModels: ReadonlyMap<string, readonly string[]>;
  readonly reporterOf: (policy: CompiledPolicy) => Reporter;
}

export function warnMissingPrices(policies: readonly CompiledPolicy[], context: PriceContext): void {
  for (const policy of policies) {
    for (const [index, limit] of policy.limits.entries()) {
      if (!needsPrices(limit)) continue;
      const backends = concernedBackends(policy, limit, context);
      const report = context.reporterOf(policy);
      const field = `spec.limits[${String(index)}]`;
      warnUnpriced({ backends, limit, field, report });
      warnUnpricedModels({ backends, limit, field, report }, context);
      warnCurrencies({ backends, limit, field, report });
    }
  }
}

/** An expression may do without: then it says itself what a request costs. */
function needsPrices({ unit, expression }: CompiledLimit): boolean {
  if (unit !== "Cost") return false;
  const compiled = expression === undefined ? undefined : compileCostExpression(expression);
  return compiled?.ok !== true || compiled.needsPrices;
}

interface Concern {
  readonly backends: readonly CompiledBackend[];
  readonly limit: CompiledLimit;
  readonly field: string;
  readonly report: Reporter;
}

function warnUnpriced({ backends, limit, field, report }: Concern): void {
  const unpriced = backends.filter(({ prices }) => prices === undefined);
  if (unpriced.length === 0) return;
  const effect =
    limit.mode === "Enforce"
      ? "until then this limit refuses their requests"
      : "until then their requests cost nothing";
  const wanted = `spec.models with prices there ("0" for what is free); ${effect}`;
  report.warning({ code: "PriceMissing", field, found: `no prices on AIBackend ${namesOf(unpriced)}`, wanted });
}

function warnUnpricedModels({ backends, field, report }: Concern, { unpricedModels }: PriceContext): void {
  for (const { namespace, name, prices } of backends) {
    const models = unpricedModels.get(`${namespace}/${name}`) ?? [];
    if (prices === undefined || models.length === 0) continue;
    const found = `no prices for model ${models.join(", ")} of AIBackend ${name}`;
    const wanted = "prices for every model listed; until then these count at the highest of the backend";
    report.warning({ code: "PriceMissing", field, found, wanted });
  }
}

function warnCurrencies({ backends, field, report }: Concern): void {
  const byCurrency = new Map<string, CompiledBackend[]>();
  for (const backend of backends) {
    if (backend.prices === undefined) continue;
    const { currency } = backend.prices;
    byCurrency.set(currency, [...(byCurrency.get(currency) ?? []), backend]);
  }
  if (byCurrency.size < 2) return;
  const found = [...byCurrency].map(([currency, list]) => `${currency} (${namesOf(list)})`).join(" and ");
  report.warning({
    code: "MixedCurrencies",
    field,
    found: `prices in ${found}`,
    wanted: "one currency: amounts are added up and never converted; narrow the limit to the backends of one",
  });
}

function namesOf(backends: readonly CompiledBackend[]): string {
  return backends.map(({ name }) => name).join(", ");
}
