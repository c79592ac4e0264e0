// Operations that cost no tokens: what they answer passes unread. Paths with a part that the client chose must lead where
// they seem to lead, so that nothing that costs tokens is reached through them.

import { createEmptyRequestReader } from "./json-request.ts";
import { createPassthroughMeter } from "./passthrough-meter.ts";
import type { DialectName, Operation, RequestReader } from "./provider.ts";

/** A model's id may have slashes ("meta-llama/Llama-3"). */
const MODELS_PATH = /\/v1(\/models(?:\/[^?#]+)?)$/;

export interface UnchargedCall {
  readonly name: string;
  readonly dialect: DialectName;
  readonly upstreamPath: string;
  /** Absent: the body is not looked at. */
  readonly readRequest?: () => RequestReader;
}

export function unchargedOperation(call: UnchargedCall): Operation {
  return {
    readRequest: createEmptyRequestReader,
    ...call,
    charged: false,
    injectUsage: () => undefined,
    meterResponse: createPassthroughMeter,
  };
}

/** Lists models or shows one. */
export function modelsOperation(dialect: DialectName, path: string): Operation | undefined {
  const suffix = MODELS_PATH.exec(path)?.[1];
  if (suffix === undefined || !isPlainPath(suffix)) return undefined;
  return unchargedOperation({ name: "models", dialect, upstreamPath: `/v1${suffix}` });
}

/** False when a segment leads elsewhere once a server has decoded it. */
function isPlainPath(path: string): boolean {
  try {
    const decoded = decodeURIComponent(path);
    const leadsElsewhere = decoded.split("/").some((segment) => segment === "." || segment === "..");
    return !leadsElsewhere && !/[\\%?#\p{Cc}]/u.test(decoded);
  } catch {
    return false;
  }
}
