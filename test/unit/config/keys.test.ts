// Redis keys and the identity of counters.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type CounterIdentity,
  counterId,
  counterKey,
  DEFAULT_PREFIX,
  type KeyValues,
  sequenceKey,
  TAG_COUNT,
} from "../../../dataplane/contract/keys.ts";

const text = fc.string({ unit: fc.constantFrom("a", "b", "c", ":", "1", "2", "/", "é", "😀"), maxLength: 4 });
const values = fc.array(fc.tuple(text, text), { maxLength: 3 });

describe("counter keys", () => {
  test.for([
    { name: "where one value ends and the next begins", a: [["a", "bc"]], b: [["ab", "c"]] },
    {
      name: "how many parts there are",
      a: [
        ["a", "b"],
        ["", ""],
      ],
      b: [["a", "b"]],
    },
    { name: "an empty value", a: [["", "a"]], b: [["a", ""]] },
    { name: "a length written into a value", a: [["a", "1:b"]], b: [["a1", "b"]] },
    {
      name: "order",
      a: [
        ["a", "b"],
        ["c", "d"],
      ],
      b: [
        ["c", "d"],
        ["a", "b"],
      ],
    },
    { name: "the kind of an equal value", a: [["IP", "x"]], b: [["Consumer", "x"]] },
    { name: "bytes and characters", a: [["é", "x"]], b: [["Ã©", "x"]] },
  ] satisfies { name: string; a: KeyValues; b: KeyValues }[])("[unit] differ by $name", ({ a, b }) => {
    expect(counterKey(DEFAULT_PREFIX, "ai", a).key).not.toBe(counterKey(DEFAULT_PREFIX, "ai", b).key);
  });

  test("[unit] two lists have one key only if they are equal", () => {
    fc.assert(
      fc.property(values, values, (a, b) => {
        const same = counterKey("p:", "ai", a).key === counterKey("p:", "ai", b).key;
        expect(same).toBe(JSON.stringify(a) === JSON.stringify(b));
      }),
      { numRuns: 2_000 },
    );
  });

  test("[unit] a namespace's values never meet those of another", () => {
    fc.assert(
      fc.property(text, text, values, values, (one, other, a, b) => {
        fc.pre(one !== other);
        expect(counterKey("p:", one, a).key).not.toBe(counterKey("p:", other, b).key);
      }),
    );
  });

  test("[unit] hold no text that a client sent, and name namespace and slot tag", () => {
    fc.assert(
      fc.property(fc.string(), (value) => {
        const { key, tag } = counterKey(DEFAULT_PREFIX, "team-a", [["Header:x-id", value]]);
        expect(key).toMatch(/^airl:c:\{[0-9a-f]{2}\}:team-a:[A-Za-z0-9_-]{22}$/);
        expect(Number.parseInt(key.slice(8, 10), 16)).toBe(tag);
        expect(tag).toBeLessThan(TAG_COUNT);
      }),
    );
  });

  test("[unit] spread over all slot tags", () => {
    const tags = Array.from(
      { length: 5_000 },
      (_, i) => counterKey("p:", "ai", [["Consumer", `ai/user${String(i)}`]]).tag,
    );
    expect(new Set(tags).size).toBe(TAG_COUNT);
  });

  test("[unit] a tag's sequence key carries the tag", () => {
    expect(sequenceKey(DEFAULT_PREFIX, 0x7f, "9c1f0a7be2d34c55")).toBe("airl:s:{7f}:9c1f0a7be2d34c55");
    expect(sequenceKey(DEFAULT_PREFIX, 5, "x")).toBe("airl:s:{05}:x");
  });
});

describe("counter identity", () => {
  const identity: CounterIdentity = {
    namespace: "ai",
    policy: "p",
    limit: "minute",
    unit: "TotalTokens",
    window: "Sliding/60000",
    per: ["Consumer"],
  };

  test("[unit] is the same on every machine and in every release", () => {
    expect(counterId(identity)).toMatch(/^[A-Za-z0-9_-]{11}$/);
    expect(counterId(identity)).toMatchInlineSnapshot(`"fiX1Nt5P5Aj"`);
  });

  test.for([
    { member: "namespace", changed: { namespace: "ai2" } },
    { member: "policy", changed: { policy: "q" } },
    { member: "limit", changed: { limit: "hour" } },
    { member: "unit", changed: { unit: "Requests" } },
    { member: "window", changed: { window: "Fixed/60000" } },
    { member: "per", changed: { per: ["IP"] } },
    { member: "the order of per", changed: { per: ["Consumer", "Consumer"] } },
  ])("[unit] changes with $member", ({ changed }) => {
    expect(counterId({ ...identity, ...changed })).not.toBe(counterId(identity));
  });

  test("[unit] is that of all policies of the namespace that share counters, and of no policy of that name", () => {
    const shared = { ...identity, shared: "team" };
    expect(counterId({ ...shared, policy: "q" })).toBe(counterId(shared));
    expect(counterId({ ...identity, policy: "team" })).not.toBe(counterId(shared));
    expect(counterId({ ...shared, namespace: "ai2" })).not.toBe(counterId(shared));
    expect(counterId({ ...shared, limit: "hour" })).not.toBe(counterId(shared));
    expect(counterId({ ...identity, shared: "" })).toBe(counterId(identity));
  });

  test("[unit] does not change with anything else that a limit has", () => {
    const more = {
      ...identity,
      limit: "minute",
      label: "other",
      mode: "Shadow",
      when: [{ type: "Model" }],
      amount: 999,
    };
    expect(counterId(more)).toBe(counterId(identity));
  });

  test("[unit] two identities have one id only if they are equal", () => {
    const any = fc.record({
      namespace: text,
      policy: text,
      limit: text,
      unit: text,
      window: text,
      per: fc.array(text, { maxLength: 3 }),
    });
    fc.assert(
      fc.property(any, any, (a, b) => {
        expect(counterId(a) === counterId(b)).toBe(JSON.stringify(a) === JSON.stringify(b));
      }),
      { numRuns: 2_000 },
    );
  });
});
