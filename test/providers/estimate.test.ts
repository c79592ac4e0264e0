import { expect, test } from "vitest";
import { estimateTokens } from "../../dataplane/providers/estimate.ts";

test.for([
  { bytes: 0, tokens: 0 },
  { bytes: 1, tokens: 1 },
  { bytes: 4, tokens: 1 },
  { bytes: 5, tokens: 2 },
  { bytes: 400_000, tokens: 100_000 },
])("[unit] estimates $tokens tokens for $bytes bytes of text", ({ bytes, tokens }) => {
  expect(estimateTokens(bytes)).toBe(tokens);
});
