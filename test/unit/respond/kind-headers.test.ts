// The formats that show one limit of a kind: IETFDraft03, OpenAI and Anthropic.

import { describe, expect, test } from "vitest";
import {
  ANTHROPIC,
  IETF_DRAFT_03,
  type KindFormat,
  OPENAI,
  writeKinds,
} from "../../../dataplane/respond/kind-headers.ts";
import type { LabelledStatus } from "../../../dataplane/respond/labelled-status.ts";
import { aStatus, headerRecord, type StatusParts, written } from "./builders.ts";

function shown(entries: readonly LabelledStatus[], as: KindFormat): Record<string, string> {
  return headerRecord(
    written((out) => {
      writeKinds(out, entries, as);
    }),
  );
}

const all = (parts: StatusParts): LabelledStatus =>
  aStatus({ formats: ["IETFDraft03", "OpenAI", "Anthropic"], algorithm: "Fixed", ...parts });

const requests = all({ name: "calls", unit: "Requests", limit: 60, usage: 1, passedMs: 59_000 });
const tokens = all({ name: "tokens", limit: 150_000, usage: 16, passedMs: 0, seconds: 360 });

describe("IETFDraft03", () => {
  test("[unit] shows the limit with the least share remaining, in whole seconds", () => {
    const entries = [all({ limit: 1_000, usage: 100 }), all({ limit: 50, usage: 20, passedMs: 500 }), requests];
    expect(shown(entries, IETF_DRAFT_03)).toEqual({
      "RateLimit-Limit": "50",
      "RateLimit-Remaining": "30",
      "RateLimit-Reset": "60",
    });
  });

  test("[unit] of several that are exhausted the one with the longest wait, so that Retry-After is not before it", () => {
    const entries = [all({ usage: 100, waitMs: 3_000 }), all({ limit: 70, usage: 70, waitMs: 8_001 })];
    expect(shown(entries, IETF_DRAFT_03)).toMatchObject({ "RateLimit-Limit": "70", "RateLimit-Reset": "9" });
  });

  test("[unit] shows no money, which has decimals", () => {
    expect(shown([all({ unit: "Cost", usage: 100 })], IETF_DRAFT_03)).toEqual({});
  });
});

describe("OpenAI", () => {
  test("[unit] shows requests and tokens, each with its own reset as a duration", () => {
    expect(shown([tokens, requests], OPENAI)).toEqual({
      "x-ratelimit-limit-requests": "60",
      "x-ratelimit-remaining-requests": "59",
      "x-ratelimit-reset-requests": "1s",
      "x-ratelimit-limit-tokens": "150000",
      "x-ratelimit-remaining-tokens": "149984",
      "x-ratelimit-reset-tokens": "6m0s",
    });
  });

  test.for(["TotalTokens", "PromptTokens", "CompletionTokens", "Expression"] as const)(
    "[unit] %s are tokens, and the tightest limit of them is shown",
    (unit) => {
      const headers = shown([tokens, all({ unit, limit: 10, usage: 5 })], OPENAI);
      expect(headers).toMatchObject({ "x-ratelimit-limit-tokens": "10", "x-ratelimit-remaining-tokens": "5" });
    },
  );

  test("[unit] shows nothing of money, and nothing of what is not limited", () => {
    expect(shown([all({ unit: "Cost" })], OPENAI)).toEqual({});
    expect(Object.keys(shown([requests], OPENAI)).every((name) => name.endsWith("-requests"))).toBe(true);
  });
});

describe("Anthropic", () => {
  test("[unit] tells requests, tokens, input and output tokens apart, with instants to come back at", () => {
    const entries = [
      tokens,
      requests,
      all({ unit: "PromptTokens", limit: 40, usage: 10 }),
      all({ unit: "CompletionTokens", limit: 8, usage: 8, waitMs: 1_500 }),
    ];
    // The clock of these statuses begins in 1970.
    expect(shown(entries, ANTHROPIC)).toEqual({
      "anthropic-ratelimit-requests-limit": "60",
      "anthropic-ratelimit-requests-remaining": "59",
      "anthropic-ratelimit-requests-reset": "1970-01-01T00:02:00Z",
      "anthropic-ratelimit-tokens-limit": "150000",
      "anthropic-ratelimit-tokens-remaining": "149984",
      "anthropic-ratelimit-tokens-reset": "1970-01-01T00:12:00Z",
      "anthropic-ratelimit-input-tokens-limit": "40",
      "anthropic-ratelimit-input-tokens-remaining": "30",
      "anthropic-ratelimit-input-tokens-reset": "1970-01-01T00:02:00Z",
      "anthropic-ratelimit-output-tokens-limit": "8",
      "anthropic-ratelimit-output-tokens-remaining": "0",
      "anthropic-ratelimit-output-tokens-reset": "1970-01-01T00:01:02Z",
    });
  });

  test("[unit] of several of a kind the tightest is shown, the first of equals", () => {
    const entries = [all({ limit: 10, usage: 9 }), all({ limit: 1_000, usage: 900 }), all({ limit: 20, usage: 2 })];
    expect(shown(entries, ANTHROPIC)).toMatchObject({ "anthropic-ratelimit-tokens-limit": "10" });
  });
});

test.for([
  { as: IETF_DRAFT_03, left: ["RateLimit-Reset"] },
  { as: OPENAI, left: ["x-ratelimit-reset-tokens"] },
  { as: ANTHROPIC, left: ["anthropic-ratelimit-tokens-reset"] },
])("[unit] of a limit whose quota is hidden there is $left alone", ({ as, left }) => {
  expect(Object.keys(shown([all({ usage: 100, hide: "Quota" })], as))).toEqual(left);
});
