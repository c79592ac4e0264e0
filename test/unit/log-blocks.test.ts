// Lines leave in blocks, in order, none of them late and none of them lost at the end.

import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { LogBlocks, type LogDestination } from "../../dataplane/log-blocks.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function aDestination(): LogDestination & { readonly events: string[] } {
  const events: string[] = [];
  return { events, write: (block) => void events.push(block), flushSync: () => void events.push("flushed") };
}

test("[unit] lines wait for each other, but not for long", () => {
  const destination = aDestination();
  const blocks = new LogBlocks(destination);
  blocks.write("a\n");
  blocks.write("b\n");
  expect(destination.events).toEqual([]);
  vi.advanceTimersByTime(100);
  expect(destination.events).toEqual(["a\nb\n"]);
  vi.advanceTimersByTime(1000);
  expect(destination.events).toHaveLength(1);
});

test("[unit] a block leaves when the next line may not fit, and lines are never cut or reordered", () => {
  const destination = aDestination();
  const blocks = new LogBlocks(destination);
  const lines = Array.from({ length: 3000 }, (_, i) => `${String(i)} ${"\u00e9\u20ac".repeat(i % 40)}\n`);
  lines.push(`${"x".repeat(100_000)}\n`, "after\n");
  for (const line of lines) blocks.write(line);
  expect(destination.events.length).toBeGreaterThan(2);
  blocks.flushSync();
  expect(destination.events.slice(0, -1).join("")).toBe(lines.join(""));
  for (const block of destination.events.slice(0, -1)) expect(block.endsWith("\n")).toBe(true);
});

test("[unit] at the end what waits is written before the flush", () => {
  const destination = aDestination();
  const blocks = new LogBlocks(destination);
  blocks.write("last\n");
  blocks.flushSync();
  expect(destination.events).toEqual(["last\n", "flushed"]);
});
