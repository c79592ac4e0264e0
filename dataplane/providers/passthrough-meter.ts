// The meter of responses that report nothing: bytes pass as they come.

import type { ResponseMeter } from "./provider.ts";

export function createPassthroughMeter(): ResponseMeter {
  return {
    push: (chunk) => chunk,
    end: () => undefined,
    usage: () => undefined,
    complete: () => false,
    textBytes: () => 0,
  };
}
