// Whether a consumer may use the model that its request asks for.

import type { GatewayError } from "../respond/gateway-errors.ts";
import type { Exchange } from "./exchange.ts";

const SHOWN = 128;

/**
 * Before any counter is touched. A body that cannot be read is refused elsewhere; calls that cost nothing (lists of models,
 * stored answers) may name no model, but what they name counts.
 */
export function deniedModel({ consumer, info, operation }: Exchange): GatewayError | undefined {
  if (consumer?.models === undefined || info?.malformed !== undefined) return undefined;
  const model = info?.model;
  if (model === undefined && operation?.charged === false) return undefined;
  if (consumer.models.permits(model)) return undefined;
  return { code: "model_denied", message: deniedText(`Consumer ${consumer.displayName}`, model) };
}

function deniedText(who: string, model: string | undefined): string {
  if (model === undefined) return `The request names no model; ${who} may use some models only.`;
  return `${who} may not use model ${JSON.stringify(model.slice(0, SHOWN))}.`;
}
