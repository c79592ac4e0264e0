// Whose turn is next.

import { describe, expect, test } from "vitest";
import { createReadyKeys, type ReadyKeys } from "../../../controller/kube/ready-keys.ts";

function takeAll(keys: ReadyKeys): (string | undefined)[] {
  return Array.from({ length: keys.size }, () => keys.take());
}

function backlog(count: number): ReadyKeys {
  const keys = createReadyKeys((key) => key.startsWith("policy"));
  for (let index = 0; index < count; index += 1) keys.add(`consumer-${String(index)}`);
  return keys;
}

describe("a backlog", () => {
  test("[controller] urgent keys go before all others, in the order of their coming", () => {
    const keys = backlog(3);
    for (const key of ["policy-b", "policy-a", "policy-b"]) keys.add(key);
    expect(takeAll(keys)).toEqual(["policy-b", "policy-a", "consumer-2", "consumer-1", "consumer-0"]);
    expect(keys.take()).toBeUndefined();
  });

  test("[controller] of the others the newest goes first, and one that is added again is the newest", () => {
    const keys = backlog(4);
    keys.add("consumer-1");
    keys.delete("consumer-3");
    expect(takeAll(keys)).toEqual(["consumer-1", "consumer-2", "consumer-0"]);
  });

  test("[controller] a key is taken once, however often it was added", () => {
    const keys = backlog(1_000);
    for (let round = 0; round < 10; round += 1) {
      for (let index = 0; index < 1_000; index += 1) keys.add(`consumer-${String((index * 7) % 1_000)}`);
    }
    expect(keys.size).toBe(1_000);
    const taken = takeAll(keys);
    expect(taken.slice(0, 2)).toEqual([
      `consumer-${String((999 * 7) % 1_000)}`,
      `consumer-${String((998 * 7) % 1_000)}`,
    ]);
    expect(new Set(taken).size).toBe(1_000);
    expect(keys.size).toBe(0);
  });

  test("[controller] nothing is left after clear", () => {
    const keys = backlog(3);
    keys.add("policy-a");
    keys.clear();
    expect(keys.size).toBe(0);
    expect(keys.take()).toBeUndefined();
  });
});
