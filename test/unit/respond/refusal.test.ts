// The whole answer to a refused request: status, headers and body.

import { STATUS_CODES } from "node:http";
import { describe, expect, test } from "vitest";
import type { ResponseRules } from "../../../dataplane/contract/compiled.ts";
import type { DialectName } from "../../../dataplane/providers/provider.ts";
import type { LabelledStatus } from "../../../dataplane/respond/labelled-status.ts";
import { type Refusal, refusal } from "../../../dataplane/respond/refusal.ts";
import { aStatus, headerRecord } from "./builders.ts";

/** The first exhausted status decides unless another waits longer, as the core says. */
function refuse(
  labelled: readonly LabelledStatus[],
  response: Partial<ResponseRules> = {},
  { dialect = "OpenAI", jitterMs = 0 }: { readonly dialect?: DialectName; readonly jitterMs?: number } = {},
): Refusal {
  const statuses = labelled.map(({ status }) => status);
  const exhausted = statuses.filter((status) => status.exhausted);
  const decidedBy = exhausted.toSorted((a, b) => b.waitMs - a.waitMs)[0];
  if (decidedBy === undefined) throw new Error("nothing is exhausted");
  return refusal({
    decision: { kind: "deny", statuses, exhausted, decidedBy, shadowed: [] },
    labelled,
    response: { statusCode: 429, bodyFormat: "Dialect", message: "", headers: { formats: ["Window"] }, ...response },
    jitterMs,
    asker: { dialect, requestId: "req-1" },
  });
}

describe("Message bodies", () => {
  const kong = { bodyFormat: "Message" as const };
  const row = (name: string, labelled: readonly LabelledStatus[], message: string, body: string) => ({
    name,
    labelled,
    message,
    body,
  });
  const spent = (label: string, waitMs = 1_000, policy = "policy") =>
    aStatus({ label, usage: 100, waitMs, policy, name: label });
  test.for([
    row(
      "the default text and the label",
      [spent("bedrock")],
      "",
      '{"message":"AI token rate limit exceeded for provider(s): bedrock"}',
    ),
    row(
      "several labels in policy order",
      [spent("openai"), spent("bedrock", 9_000)],
      "",
      '{"message":"AI token rate limit exceeded for provider(s): openai, bedrock"}',
    ),
    row(
      "no label of a limit that is not exhausted",
      [aStatus({ label: "azure" }), spent("bedrock")],
      "",
      '{"message":"AI token rate limit exceeded for provider(s): bedrock"}',
    ),
    row(
      "a label once",
      [spent("bedrock"), spent("bedrock")],
      "",
      '{"message":"AI token rate limit exceeded for provider(s): bedrock"}',
    ),
    row(
      "labels of the deciding policy only",
      [spent("mine", 9_000), spent("theirs", 1_000, "other")],
      "",
      '{"message":"AI token rate limit exceeded for provider(s): mine"}',
    ),
    row("a text of its own before the labels", [spent("bedrock")], "Slow down: ", '{"message":"Slow down: bedrock"}'),
    row(
      "Kong list 1, trap 29: a text is a prefix, which JSON must escape",
      [spent("bedrock")],
      'Sag "Halt"\n\u0001\\: ',
      '{"message":"Sag \\"Halt\\"\\n\\u0001\\\\: bedrock"}',
    ),
    row(
      "a label that JSON must escape",
      [spent('a"b\n')],
      "",
      '{"message":"AI token rate limit exceeded for provider(s): a\\"b\\n"}',
    ),
  ])("[unit] $name", ({ labelled, message, body }) => {
    expect(refuse(labelled, { ...kong, message }).body).toBe(body);
  });
});

describe("hideDetails", () => {
  test.for([
    {
      name: "Kong list 1, trap 29: the text stands without labels",
      response: { bodyFormat: "Message" as const, message: "Slow down." },
      body: '{"message":"Slow down."}',
    },
    {
      name: "so does the default text, as it is",
      response: { bodyFormat: "Message" as const },
      body: '{"message":"AI token rate limit exceeded for provider(s): "}',
    },
    {
      name: "a Dialect body names neither limit, policy nor usage",
      response: {},
      body: '{"error":{"message":"Gateway limit reached. Try again in 42 s.","type":"tokens","param":null,"code":"rate_limit_exceeded"}}',
    },
    {
      name: "a Dialect text of its own stands as it is",
      response: { message: "Ask us." },
      body: '{"error":{"message":"Ask us.","type":"tokens","param":null,"code":"rate_limit_exceeded"}}',
    },
  ])("[unit] $name", ({ response, body }) => {
    expect(refuse([aStatus({ usage: 100, waitMs: 41_200 })], { ...response, hideDetails: true }).body).toBe(body);
  });
});

describe("ErrorMsg bodies", () => {
  const apisix = { bodyFormat: "ErrorMsg" as const };

  test("[unit] have the text, escaped, and end their line", () => {
    const { body, contentType } = refuse([aStatus({ usage: 100 })], { ...apisix, message: 'Sorry, "no".' });
    expect([body, contentType]).toEqual(['{"error_msg":"Sorry, \\"no\\"."}\n', undefined]);
  });

  test.for([
    { statusCode: 429, phrase: "Too Many Requests" },
    { statusCode: 503, phrase: "Service Unavailable" },
    { statusCode: 200, phrase: "OK" },
    { statusCode: 299, phrase: "OK" },
    { statusCode: 499, phrase: "Bad Request" },
    { statusCode: 599, phrase: "Internal Server Error" },
  ])("[unit] APISIX trap 22: without a text $statusCode is $phrase, as plain text", ({ statusCode, phrase }) => {
    const { body, contentType } = refuse([aStatus({ usage: 100 })], { ...apisix, statusCode });
    expect([body, contentType]).toEqual([`${phrase}\n`, "text/plain; charset=utf-8"]);
  });

  test("[unit] have the words of the status line for every status that has any", () => {
    for (const [code, phrase] of Object.entries(STATUS_CODES)) {
      const statusCode = Number(code);
      if (statusCode < 200) continue;
      expect(refuse([aStatus({ usage: 100 })], { ...apisix, statusCode }).body).toBe(`${phrase ?? ""}\n`);
    }
  });
});

describe("Dialect bodies", () => {
  test.for([
    {
      name: "name limit, window, usage and wait",
      status: aStatus({ limit: 500, usage: 612.7, waitMs: 41_200 }),
      error: {
        message:
          'Gateway limit "minute" of policy ai/policy reached: 500 tokens per minute, 612 used. Try again in 42 s.',
        type: "tokens",
      },
    },
    {
      name: "say what is counted",
      status: aStatus({ usage: 100, unit: "PromptTokens", seconds: 3600 }),
      error: {
        message:
          'Gateway limit "minute" of policy ai/policy reached: 100 prompt tokens per hour, 100 used. Try again in 1 s.',
        type: "tokens",
      },
    },
    {
      name: "say seconds where a window has no name",
      status: aStatus({ usage: 100, unit: "CompletionTokens", seconds: 30 }),
      error: {
        message:
          'Gateway limit "minute" of policy ai/policy reached: 100 completion tokens per 30 seconds, 100 used. Try again in 1 s.',
        type: "tokens",
      },
    },
    {
      name: "say that requests ran out",
      status: aStatus({ limit: 3, usage: 3, unit: "Requests", seconds: 1 }),
      error: {
        message: 'Gateway limit "minute" of policy ai/policy reached: 3 requests per second, 3 used. Try again in 1 s.',
        type: "requests",
      },
    },
  ])("[unit] $name", ({ status, error }) => {
    const wanted = { error: { message: error.message, type: error.type, param: null, code: "rate_limit_exceeded" } };
    expect(refuse([status]).body).toBe(JSON.stringify(wanted));
  });

  test("[unit] a text of its own replaces the sentence, labels and all", () => {
    const { body } = refuse([aStatus({ usage: 100 })], { message: "Ask platform@example.com." });
    expect(body).toBe(
      '{"error":{"message":"Ask platform@example.com.","type":"tokens","param":null,"code":"rate_limit_exceeded"}}',
    );
  });

  test("[unit] the limit with the longest wait is the one that is named", () => {
    const { body } = refuse([
      aStatus({ name: "short", usage: 100, waitMs: 10 }),
      aStatus({ name: "long", usage: 100, waitMs: 99_000 }),
    ]);
    expect(body).toContain('Gateway limit \\"long\\"');
  });
});

describe("Anthropic clients", () => {
  test.for([
    { unit: "TotalTokens", used: "100 tokens per minute" },
    { unit: "Requests", used: "100 requests per minute" },
  ] as const)("[unit] are told of $unit by the type of their own error", ({ unit, used }) => {
    expect(refuse([aStatus({ usage: 100, unit })], {}, { dialect: "Anthropic" }).body).toBe(
      '{"type":"error","error":{"type":"rate_limit_error","message":"Gateway limit \\"minute\\" of policy ai/policy ' +
        `reached: ${used}, 100 used. Try again in 1 s."},"request_id":"req-1"}`,
    );
  });

  test("[unit] get a Message body where the policy asks for one", () => {
    const response = { bodyFormat: "Message" as const, message: "No: " };
    expect(refuse([aStatus({ usage: 100 })], response, { dialect: "Anthropic" }).body).toBe('{"message":"No: minute"}');
  });
});

describe("status and headers", () => {
  test("[unit] the status is the policy's", () => {
    expect(refuse([aStatus({ usage: 100 })]).status).toBe(429);
    expect(refuse([aStatus({ usage: 100 })], { statusCode: 503 }).status).toBe(503);
  });

  test("[unit] every limit is shown, resets for the exhausted ones, and how long to wait", () => {
    const open = aStatus({ label: "openai", usage: 30 });
    const spent = aStatus({ label: "bedrock", usage: 100, waitMs: 12_500 });
    expect(headerRecord(refuse([open, spent]).headers)).toEqual({
      "X-AI-RateLimit-Limit-minute-openai": "100",
      "X-AI-RateLimit-Remaining-minute-openai": "70",
      "X-AI-RateLimit-Limit-minute-bedrock": "100",
      "X-AI-RateLimit-Remaining-minute-bedrock": "0",
      "X-AI-RateLimit-Reset": "13",
      "X-AI-RateLimit-Retry-After": "13",
      "X-AI-RateLimit-Reset-minute-bedrock": "13",
      "X-AI-RateLimit-Retry-After-minute-bedrock": "13",
      "Retry-After": "13",
      "retry-after-ms": "12500",
    });
  });

  test("[unit] the wait of the whole is the longest of all policies", () => {
    const { headers } = refuse([
      aStatus({ label: "a", usage: 100, waitMs: 2_000 }),
      aStatus({ label: "b", usage: 100, waitMs: 86_400_000, policy: "other" }),
    ]);
    const record = headerRecord(headers);
    expect([record["Retry-After"], record["X-AI-RateLimit-Reset"], record["x-should-retry"]]).toEqual([
      "86400",
      "86400",
      "false",
    ]);
  });

  test.for([200, 204, 302, 399])(
    "[unit] APISIX trap 21: status %i looks like an answer, and has no retry headers",
    (statusCode) => {
      const { status, headers } = refuse([aStatus({ usage: 100 })], { statusCode });
      expect(status).toBe(statusCode);
      expect(Object.keys(headerRecord(headers)).filter((name) => /^(retry-|x-should-)/i.test(name))).toEqual([]);
      expect(headerRecord(headers)).toMatchObject({ "X-AI-RateLimit-Retry-After": "1" });
    },
  );

  test.for([400, 402, 403, 500, 503, 599])("[unit] status %i tells how long to wait", (statusCode) => {
    expect(headerRecord(refuse([aStatus({ usage: 100 })], { statusCode }).headers)["Retry-After"]).toBe("1");
  });

  test("[unit] Kong list 1, trap 8: all waits of an answer have the same jitter, and no reset has any", () => {
    const spent = aStatus({ label: "a", usage: 100, waitMs: 2_000, formats: ["Window", "IETF", "Instance"] });
    expect(headerRecord(refuse([spent], {}, { jitterMs: 3_250 }).headers)).toEqual({
      "X-AI-RateLimit-Limit-minute-a": "100",
      "X-AI-RateLimit-Remaining-minute-a": "0",
      "X-AI-RateLimit-Reset": "2",
      "X-AI-RateLimit-Retry-After": "6",
      "X-AI-RateLimit-Reset-minute-a": "2",
      "X-AI-RateLimit-Retry-After-minute-a": "6",
      "RateLimit-Policy": '"ai/policy/minute";q=100;w=60;qu="tokens"',
      RateLimit: '"ai/policy/minute";r=0;t=2',
      "X-AI-RateLimit-Limit-a": "100",
      "X-AI-RateLimit-Remaining-a": "0",
      "X-AI-RateLimit-Reset-a": "2",
      "Retry-After": "6",
      "retry-after-ms": "5250",
    });
  });

  test("[unit] jitter may make a short wait a long one, which SDKs do not sleep for", () => {
    const { headers } = refuse([aStatus({ usage: 100, waitMs: 29_000 })], {}, { jitterMs: 2_000 });
    expect(headerRecord(headers)).toMatchObject({ "Retry-After": "31", "x-should-retry": "false" });
  });
});
