// What windows are called in headers and messages. The compiler tells the names of headers apart by it, the data plane writes
// them.

import type { Window } from "../core/window.ts";

const NAMES = new Map<number, string>([
  [1, "second"],
  [60, "minute"],
  [3_600, "hour"],
  [86_400, "day"],
  [2_592_000, "month"],
  [31_536_000, "year"],
]);

/** "minute" for 60,000 ms, ..., else the seconds. A month is 30 days here, a year 365. */
export function windowName({ durationMs }: Pick<Window, "durationMs">): string {
  const seconds = durationMs / 1000;
  return NAMES.get(seconds) ?? String(seconds);
}
