// Mistakes that are easily made where Kong's prompt limits and estimates are rebuilt, each with the number that
// it has in traps.ts.

import { expect, test } from "vitest";
import { answersChat, type Script } from "../helpers/scripted-upstream.ts";
import { type Ask, inWorld, MINUTE_MS, type Scene, tokens } from "./world.ts";

const fixed = { duration: "60s", algorithm: "Fixed" };
const REMAINING = "x-ai-ratelimit-remaining-minute-l";
/** 40 bytes: an estimate of 10 tokens. */
const FORTY: Ask = { text: "x".repeat(40) };

test("[proxy] kong trap 9: a prompt that fills its limit to the last token passes, one that would cross it does not", () =>
  inWorld({ limits: [tokens({ unit: "RequestPrompt", limit: 20, window: fixed })] }, async (world) => {
    expect(await world.statuses(FORTY, FORTY, { text: "y" })).toEqual([200, 200, 429]);
    expect(world.received).toHaveLength(2);
  }));

function estimating(limit: number, script: Script, window: object = fixed): Scene {
  return { limits: [tokens({ limit, window })], policy: { admission: { estimate: "Prompt" } }, script };
}

test("[proxy] kong trap 1: with an estimate, Remaining is after it", () =>
  inWorld(estimating(600, answersChat()), async (world) => {
    expect(await world.header(REMAINING, FORTY)).toBe("590");
  }));

test.for([
  { name: "more than the estimate", usage: { prompt_tokens: 30, completion_tokens: 50 }, left: "510" },
  { name: "less than the estimate", usage: { prompt_tokens: 2, completion_tokens: 1 }, left: "587" },
  { name: "nothing: an error", usage: undefined, left: "590" },
])("[proxy] kong trap 35: the estimate gives way to the truth: $name", ({ usage, left }) => {
  const failing: Script = (_request, res) => {
    res.writeHead(500, { "content-type": "application/json" }).end("{}");
  };
  return inWorld(estimating(600, usage === undefined ? failing : answersChat(usage)), async (world) => {
    await world.ask(FORTY);
    expect(await world.header(REMAINING, FORTY)).toBe(left);
  });
});

test("[proxy] kong trap 35: the estimate is taken back from the window that it was added to", () => {
  const late = { pass: 0, advance: (_ms: number): void => {} };
  const script: Script = (request, res) => {
    if (late.pass++ === 0) late.advance(MINUTE_MS);
    answersChat({ prompt_tokens: 3, completion_tokens: 4 })(request, res);
  };
  return inWorld(estimating(600, script, { duration: "60s" }), async (world) => {
    late.advance = (ms) => world.advance(ms);
    world.advance(1_000);
    await world.ask(FORTY);
    // Of the window before nothing is left; the truth counts in the window of the answer.
    expect(await world.header(REMAINING, { text: "" })).toBe("593");
  });
});
