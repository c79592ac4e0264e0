// Headers of an upstream that have the names of ours: one of the two goes out under that name.

import { describe, expect, test } from "vitest";
import { FORMAT, LABELLED_FORMATS } from "../../../dataplane/respond/header-rules.ts";
import { formatsNamed, settleClashes } from "../../../dataplane/respond/name-clashes.ts";

test.for([
  { name: "x-ratelimit-limit-requests", formats: FORMAT.OpenAI },
  { name: "anthropic-ratelimit-tokens-reset", formats: FORMAT.Anthropic },
  { name: "ratelimit", formats: FORMAT.IETF | FORMAT.IETFDraft03 },
  { name: "ratelimit-policy", formats: FORMAT.IETF | FORMAT.IETFDraft03 },
  { name: "x-ai-ratelimit-limit-minute-a", formats: LABELLED_FORMATS },
  { name: "x-ai-1-ratelimit-limit", formats: LABELLED_FORMATS },
  { name: "retry-after", formats: 0 },
  { name: "x-request-id", formats: 0 },
  { name: "anthropic-organization-id", formats: 0 },
  { name: "content-type", formats: 0 },
  { name: "", formats: 0 },
])("[unit] $name may be a header of formats $formats", ({ name, formats }) => {
  expect(formatsNamed(name)).toBe(formats);
});

describe("one name for two headers", () => {
  const upstream = ["X-RateLimit-Limit-Tokens", "1", "Server", "u", "x-ratelimit-limit-requests", "2"];
  const own = ["X-AIRL-Request-Id", "id", "x-ratelimit-limit-tokens", "9", "x-ratelimit-reset-tokens", "1s"];

  function settled(status: number): string[] {
    const headers = [...upstream, ...own];
    settleClashes(headers, { status, upstreamTexts: upstream.length });
    return headers;
  }

  test("[unit] on an answer ours stays, and the upstream's is told under another name", () => {
    expect(settled(200)).toEqual([
      "X-AIRL-Upstream-X-RateLimit-Limit-Tokens",
      "1",
      "Server",
      "u",
      "x-ratelimit-limit-requests",
      "2",
      ...own,
    ]);
  });

  test.for([400, 429, 529])("[unit] on the upstream's own %i its headers stay, and ours are left out", (status) => {
    expect(settled(status)).toEqual([...upstream, "X-AIRL-Request-Id", "id", "x-ratelimit-reset-tokens", "1s"]);
  });
});
