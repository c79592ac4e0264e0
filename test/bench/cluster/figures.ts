// Figures of processes and of samples.

import { readFileSync } from "node:fs";
import { loadavg } from "node:os";

export interface Resident {
  readonly nowMb: number;
  readonly peakMb: number;
}

export function residentOf(pid: number): Resident {
  const status = readFileSync(`/proc/${String(pid)}/status`, "utf8");
  const mb = (name: string): number => Math.round(Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1]) / 1024);
  return { nowMb: mb("VmRSS"), peakMb: mb("VmHWM") };
}

export function loadText(): string {
  return `load ${loadavg()
    .map((one) => one.toFixed(1))
    .join(" ")}`;
}

/** "p50 12, p99 40, max 51". */
export function spreadText(samples: readonly number[]): string {
  if (samples.length === 0) return "none";
  const sorted = [...samples].sort((a, b) => a - b);
  const at = (share: number): string =>
    String(Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0));
  return `p50 ${at(0.5)}, p99 ${at(0.99)}, max ${at(1)} ms (${String(sorted.length)})`;
}

export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

/** Figures of /metrics from one scrape, in the order of their names; undefined for one that is not told. */
export async function metrics(admin: string, names: readonly string[]): Promise<readonly (number | undefined)[]> {
  const text = await (await fetch(`${admin}/metrics`)).text();
  const lines = text.split("\n");
  return names.map((name) => {
    const line = lines.find((each) => each.startsWith(`${name} `));
    return line === undefined ? undefined : Number(line.split(" ").at(-1));
  });
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Asks every 20 ms; resolves with how long it took, in ms. Rejects after `withinMs`. */
export async function timeUntil(isTrue: () => boolean | Promise<boolean>, withinMs = 600_000): Promise<number> {
  const startMs = performance.now();
  while (!(await isTrue())) {
    if (performance.now() - startMs > withinMs) throw new Error("waited in vain");
    await sleep(20);
  }
  return performance.now() - startMs;
}
