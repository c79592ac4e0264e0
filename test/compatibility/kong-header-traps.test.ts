// Mistakes that are easily made where Kong's hidden headers and jitter are rebuilt, each with the number that it has in
// traps.ts.

import { expect, test } from "vitest";
import { inWorld, limitHeaders, tokens } from "./world.ts";

const fixed = { duration: "60s", algorithm: "Fixed" };

test("[proxy] kong trap 30: hidden quotas leave Reset and Retry-After on refusals", () =>
  inWorld({ policy: { response: { headers: { formats: ["Window"], hide: "Quota" } } } }, async (world) => {
    expect(limitHeaders(await world.ask())).toEqual({});
    expect(Object.keys(limitHeaders(await world.ask())).toSorted()).toEqual([
      "retry-after",
      "x-ai-ratelimit-reset",
      "x-ai-ratelimit-reset-minute-l",
      "x-ai-ratelimit-retry-after",
      "x-ai-ratelimit-retry-after-minute-l",
    ]);
  }));

test("[proxy] kong trap 8: one draw of jitter for all that tell of the wait, and none for Reset", () => {
  const response = { headers: { formats: ["Window"] }, retryAfterJitter: "1000s" };
  return inWorld({ limits: [tokens({ window: fixed })], policy: { response } }, async (world) => {
    await world.ask();
    const seen = new Set<string>();
    for (let i = 0; i < 10; i += 1) {
      const { headers } = await world.ask();
      expect([headers["x-ai-ratelimit-reset"], headers["x-ai-ratelimit-reset-minute-l"]]).toEqual(["60", "60"]);
      const waits = ["retry-after", "x-ai-ratelimit-retry-after", "x-ai-ratelimit-retry-after-minute-l"].map((name) =>
        String(headers[name]),
      );
      expect(new Set(waits).size).toBe(1);
      expect(waits[0]).toMatch(/^\d+$/);
      expect(Number(waits[0])).toBeGreaterThanOrEqual(60);
      expect(Number(waits[0])).toBeLessThanOrEqual(1060);
      seen.add(waits.join());
    }
    expect(seen.size).toBeGreaterThan(1);
  });
});

test("[proxy] kong trap 29: a message that hides its details stands alone", () =>
  inWorld({ policy: { response: { bodyFormat: "Message", message: "Wait.", hideDetails: true } } }, async (world) => {
    await world.ask();
    expect((await world.ask()).body).toBe('{"message":"Wait."}');
  }));
