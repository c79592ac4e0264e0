// The Window format of limit headers: names, which limits are shown, and what a hostile label may do.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { windowName } from "../../../dataplane/contract/window-name.ts";
import type { LabelledStatus } from "../../../dataplane/respond/labelled-status.ts";
import { headerToken } from "../../../dataplane/respond/limit-words.ts";
import { writeWindow, writeWindowResets } from "../../../dataplane/respond/window-headers.ts";
import { aStatus, headerRecord, written } from "./builders.ts";

function windowHeaders(entries: readonly LabelledStatus[]): string[] {
  return written((out) => {
    writeWindow(out, entries, entries.length);
  });
}

function refusalHeaders(exhausted: readonly LabelledStatus[], waitMs: number, jitterMs = 0): string[] {
  return written((out) => {
    writeWindowResets(out, { exhausted, wait: { waitMs, jitterMs } }, exhausted.length);
  });
}

describe("window names", () => {
  test.for([
    [1, "second"],
    [60, "minute"],
    [3_600, "hour"],
    [86_400, "day"],
    [2_592_000, "month"],
    [31_536_000, "year"],
    [30, "30"],
    [2, "2"],
    [59, "59"],
    [61, "61"],
    [7_200, "7200"],
    [604_800, "604800"],
  ] as const)("[unit] %i s is %s", ([seconds, name]) => {
    expect(windowName({ durationMs: seconds * 1000 })).toBe(name);
  });
});

describe("labels", () => {
  test.for([
    { name: "a token is itself", label: "bedrock-1.2_x~", token: "bedrock-1.2_x~" },
    { name: "a slash and a space are replaced", label: "meta/llama 3", token: "meta_llama_3" },
    { name: "a line break is replaced", label: "a\r\nSet-Cookie: x", token: "a__Set-Cookie__x" },
    { name: "a colon is replaced", label: "llama3:8b", token: "llama3_8b" },
    { name: "other scripts are replaced", label: "é😀", token: "___" },
    { name: "nothing becomes _", label: "", token: "_" },
    { name: "63 characters are kept", label: "a".repeat(64), token: "a".repeat(63) },
  ])("[unit] $name", ({ label, token }) => {
    expect(headerToken(label)).toBe(token);
  });

  test("[unit] any label gives a header name that HTTP allows", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.nat(0xffff).map((code) => String.fromCharCode(code)), maxLength: 100 }),
        (label) => {
          expect(headerToken(label)).toMatch(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,63}$/);
        },
      ),
    );
  });
});

describe("on refusals", () => {
  test.for([
    { name: "41.2 s", waitMs: 41_200, reset: "42", retryAfter: "42" },
    { name: "nothing left to wait", waitMs: 0, reset: "1", retryAfter: "1" },
    {
      name: "the rest of a year, longer than a timer can wait",
      waitMs: 31e9,
      reset: "31000000",
      retryAfter: "2147483",
    },
    { name: "for ever", waitMs: Infinity, reset: "2147483", retryAfter: "2147483" },
  ])("[unit] $name: a reset is the truth, Retry-After what a client can wait", ({ waitMs, reset, retryAfter }) => {
    const names = ["X-AI-RateLimit-Reset", "X-AI-RateLimit-Retry-After"];
    expect(refusalHeaders([], waitMs)).toEqual([names[0], reset, names[1], retryAfter]);
  });
});

describe("on every answer", () => {
  test("[unit] a limit shows its size and what remains", () => {
    expect(windowHeaders([aStatus({ label: "bedrock", limit: 500, usage: 12.3 })])).toEqual([
      "X-AI-RateLimit-Limit-minute-bedrock",
      "500",
      "X-AI-RateLimit-Remaining-minute-bedrock",
      "488",
    ]);
  });

  test("[unit] a window without a name of its own shows its seconds", () => {
    expect(windowHeaders([aStatus({ seconds: 30, label: "openai" })])[0]).toBe("X-AI-RateLimit-Limit-30-openai");
  });

  test("[unit] no limits show nothing", () => {
    expect(windowHeaders([])).toEqual([]);
  });

  test("[unit] up to four limits are shown in their order", () => {
    const shown = windowHeaders(["d", "a", "c", "b"].map((label, i) => aStatus({ label, usage: i * 10 })));
    expect(Object.keys(headerRecord(shown)).filter((name) => name.includes("-Limit-"))).toEqual(
      ["d", "a", "c", "b"].map((label) => `X-AI-RateLimit-Limit-minute-${label}`),
    );
  });

  test("[unit] of more than four those with the least share remaining are shown", () => {
    const statuses = [
      aStatus({ label: "half", limit: 10, usage: 5 }),
      aStatus({ label: "most", limit: 1_000_000, usage: 100_000 }),
      aStatus({ label: "all", limit: 1 }),
      aStatus({ label: "little", limit: 1_000_000, usage: 990_000 }),
      aStatus({ label: "none", limit: 10, usage: 10 }),
      aStatus({ label: "third", limit: 9, usage: 6 }),
    ];
    const names = Object.keys(headerRecord(windowHeaders(statuses))).filter((name) => name.includes("-Limit-"));
    expect(names).toEqual(["none", "little", "third", "half"].map((label) => `X-AI-RateLimit-Limit-minute-${label}`));
  });

  test.for([
    { name: "the least remaining", a: { usage: 10 }, b: { limit: 50 }, shown: ["50", "50"] },
    {
      name: "the least share where they count different things",
      a: { usage: 50 },
      b: { unit: "Cost" as const, limit: 1_000_000_000, usage: 900_000_000 },
      shown: ["1", "0.1"],
    },
    { name: "whichever comes first", a: { limit: 50 }, b: { usage: 10 }, shown: ["50", "50"] },
    {
      name: "also when labels meet only as header names",
      a: { label: "a/b", limit: 70 },
      b: { label: "a b", limit: 60 },
      shown: ["60", "60"],
    },
    {
      name: "also when labels differ in the case of letters only",
      a: { label: "OpenAI", limit: 70 },
      b: { label: "openai", limit: 60 },
      shown: ["60", "60"],
    },
  ])("[unit] of two limits under one name is shown $name", ({ a, b, shown }) => {
    expect(Object.values(headerRecord(windowHeaders([aStatus(a), aStatus(b)])))).toEqual(shown);
  });

  test("[unit] one label in two windows is two names", () => {
    const shown = headerRecord(windowHeaders([aStatus({ label: "x" }), aStatus({ label: "x", seconds: 3600 })]));
    expect(Object.keys(shown)).toHaveLength(4);
  });

  test("[unit] no header stands twice and at most four limits are shown, whatever the labels", () => {
    const status = fc.record({
      label: fc.constantFrom("a", "b", "A/", "a_", "c", "d", "e"),
      seconds: fc.constantFrom(60, 30),
      limit: fc.integer({ min: 1, max: 9 }),
      usage: fc.nat(9),
    });
    fc.assert(
      fc.property(fc.array(status, { maxLength: 9 }), (list) => {
        const statuses = list.map((parts) => aStatus(parts));
        const shown = headerRecord(windowHeaders(statuses));
        expect(Object.keys(shown).length).toBeLessThanOrEqual(8);
        const wanted = Math.min(...list.map(({ limit, usage }) => Math.max(0, limit - usage) / limit));
        const shares = Object.entries(shown).flatMap(([name, value]) =>
          name.includes("-Remaining-") ? [Number(value) / Number(shown[name.replace("Remaining", "Limit")])] : [],
        );
        // Under one name the least remaining counts, so with equal names the least share may stand behind it.
        if (
          new Set(list.map(({ label, seconds }) => `${headerToken(label).toLowerCase()}/${String(seconds)}`)).size ===
            list.length &&
          list.length > 0
        ) {
          expect(Math.min(...shares)).toBe(wanted);
        }
      }),
    );
  });
});

describe("on refusals", () => {
  test("[unit] each exceeded limit shows its reset, the whole the largest", () => {
    const exhausted = [
      aStatus({ label: "a", usage: 100, waitMs: 12_001 }),
      aStatus({ label: "b", usage: 100, waitMs: 300, seconds: 1 }),
    ];
    expect(refusalHeaders(exhausted, 12_001)).toEqual([
      "X-AI-RateLimit-Reset",
      "13",
      "X-AI-RateLimit-Retry-After",
      "13",
      "X-AI-RateLimit-Reset-minute-a",
      "13",
      "X-AI-RateLimit-Retry-After-minute-a",
      "13",
      "X-AI-RateLimit-Reset-second-b",
      "1",
      "X-AI-RateLimit-Retry-After-second-b",
      "1",
    ]);
  });

  test("[unit] of two exceeded limits under one name the longer wait is shown", () => {
    const exhausted = [
      aStatus({ usage: 100, waitMs: 5_000 }),
      aStatus({ usage: 100, waitMs: 9_000 }),
      aStatus({ usage: 100, waitMs: 7_000 }),
    ];
    expect(headerRecord(refusalHeaders(exhausted, 9_000))["X-AI-RateLimit-Reset-minute-minute"]).toBe("9");
  });

  test("[unit] of more than four exceeded limits those with the longest waits are shown", () => {
    const exhausted = [3, 9, 1, 7, 5].map((s) => aStatus({ label: `w${String(s)}`, usage: 100, waitMs: s * 1000 }));
    const names = Object.keys(headerRecord(refusalHeaders(exhausted, 9_000))).filter((name) =>
      name.includes("-Reset-minute"),
    );
    expect(names).toEqual([9, 7, 5, 3].map((s) => `X-AI-RateLimit-Reset-minute-w${String(s)}`));
  });

  test("[unit] Kong list 1, trap 8: one draw of jitter is in every Retry-After and in no reset", () => {
    const exhausted = [
      aStatus({ label: "a", usage: 100, waitMs: 12_000 }),
      aStatus({ label: "b", usage: 100, waitMs: 3_000, seconds: 1 }),
    ];
    expect(headerRecord(refusalHeaders(exhausted, 12_000, 1_500))).toEqual({
      "X-AI-RateLimit-Reset": "12",
      "X-AI-RateLimit-Retry-After": "14",
      "X-AI-RateLimit-Reset-minute-a": "12",
      "X-AI-RateLimit-Retry-After-minute-a": "14",
      "X-AI-RateLimit-Reset-second-b": "3",
      "X-AI-RateLimit-Retry-After-second-b": "5",
    });
  });
});
