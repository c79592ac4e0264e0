// When a limit is there again, in the words of each format. Pure; milliseconds in, rounded up, so that nobody comes back too
// early.

import { LONGEST_SECONDS } from "./retry-after.ts";

/** Seconds with at most three decimals and none that are 0: "60", "5.871". */
export function secondsText(ms: number): string {
  return String(Math.ceil(ms) / 1000);
}

/** Whole seconds, at most what a timer of Node can wait. */
export function wholeSecondsText(ms: number): string {
  return String(Math.min(LONGEST_SECONDS, Math.ceil(ms / 1000)));
}

const MINUTE_MS = 60_000;
const MINUTES = 60;

/** As Go prints durations, which is what OpenAI sends: "0s", "12ms", "8.64s", "6m0s", "24h0m0s". */
export function durationText(ms: number): string {
  const whole = Math.ceil(ms);
  if (whole > 0 && whole < 1000) return `${String(whole)}ms`;
  const minutes = Math.floor(whole / MINUTE_MS);
  const seconds = `${String((whole % MINUTE_MS) / 1000)}s`;
  if (minutes === 0) return seconds;
  const hours = Math.floor(minutes / MINUTES);
  return `${hours === 0 ? "" : `${String(hours)}h`}${String(minutes % MINUTES)}m${seconds}`;
}

/** RFC 3339 in UTC and whole seconds, as Anthropic sends it: "2025-04-18T15:09:57Z". `atMs`: epoch milliseconds. */
export function instantText(atMs: number): string {
  return new Date(Math.ceil(atMs / 1000) * 1000).toISOString().replace(".000Z", "Z");
}
