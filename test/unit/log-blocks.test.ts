// Lines leave in blocks, in order, none of them late and none of them lost at the end.

import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { LogBlocks } from "../../dataplane/log-blocks.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function aDestination(): { readonly events: string[]; write(text: string): void; flushSync(): void } {
  const events: string[] = [];
  return { events, write: (text) => void events.push(text), flushSync: () => void events.push("flushed") };
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

test("[unit] a full block leaves at once", () => {
  const destination = aDestination();
  const blocks = new LogBlocks(destination);
  const line = `${"x".repeat(40_000)}\n`;
  blocks.write(line);
  blocks.write(line);
  expect(destination.events).toEqual([line + line]);
});

test("[unit] at the end what waits is written before the flush", () => {
  const destination = aDestination();
  const blocks = new LogBlocks(destination);
  blocks.write("last\n");
  blocks.flushSync();
  expect(destination.events).toEqual(["last\n", "flushed"]);
});
