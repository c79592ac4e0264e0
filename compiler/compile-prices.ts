// The prices of a backend's models -> whole nano units (1e-9) of its currency per million tokens.

import type { BackendSpec } from "../crds/ai-backend.ts";
import type { CompiledBackend } from "../dataplane/contract/compiled.ts";
import { parseNano } from "../dataplane/core/nano.ts";
import { quoted } from "./found-text.ts";
import type { Reporter } from "./report.ts";

/** Undefined when no model has prices, or after reporting an error. */
export function compilePrices(models: BackendSpec["models"], report: Reporter): CompiledBackend["prices"] {
  const priced = models.flatMap(({ name, prices }, index) => (prices ? [{ name, prices, index }] : []));
  const [first] = priced;
  if (first === undefined) return undefined;
  const { currency } = first.prices;
  for (const { index, prices } of priced) {
    if (prices.currency === currency) continue;
    report.error({
      code: "Invalid",
      field: `spec.models[${String(index)}].prices.currency`,
      found: quoted(prices.currency),
      wanted: `${currency}, as model ${quoted(first.name)} has it: a counter cannot add up two currencies`,
    });
  }
  return {
    currency,
    models: priced.map(({ name, prices }) => ({
      name,
      input: nano(prices.inputPer1M),
      output: nano(prices.outputPer1M),
      cachedInput: nano(prices.cachedInputPer1M ?? prices.inputPer1M),
    })),
  };
}

/** The schema's pattern leaves no text that is none: at most 6 digits before the point, 9 behind. */
function nano(text: string): number {
  return parseNano(text) ?? 0;
}
