// `response` of a policy as data planes read it: what has its default is left out.

import { expect, test } from "vitest";
import { aLimit, aPolicy, compiled } from "./manifest-builders.ts";

function compiledResponse(response: object): unknown {
  const [policy] = compiled(aPolicy({}, { limits: [aLimit()], response })).objects;
  return policy?.kind === "AIRateLimitPolicy" && policy.response;
}

const DEFAULTS = { statusCode: 429, bodyFormat: "Dialect", message: "", headers: { formats: ["Window", "IETF"] } };

test.for([
  { given: {}, wanted: DEFAULTS },
  {
    given: { hideDetails: false, headers: { hide: "None", maxLimits: 4 }, retryAfterJitter: "0s" },
    wanted: DEFAULTS,
  },
  {
    given: { hideDetails: true, headers: { hide: "All", maxLimits: 64 }, retryAfterJitter: "1m30s" },
    wanted: {
      ...DEFAULTS,
      hideDetails: true,
      headers: { ...DEFAULTS.headers, hide: "All", maxLimits: 64 },
      retryAfterJitterMs: 90_000,
    },
  },
  { given: { retryAfterJitter: "24h" }, wanted: { ...DEFAULTS, retryAfterJitterMs: 86_400_000 } },
])("[unit] $given", ({ given, wanted }) => {
  expect(compiledResponse(given)).toEqual(wanted);
});
