// Windows of the calendar at the boundary that clients see: when a budget is free again, what headers and refusals say of it.

import { afterEach, describe, expect, test } from "vitest";
import { type GatewayUnderTest, startGateway } from "../helpers/gateway-under-test.ts";
import { CHAT_BODY, call } from "../helpers/http-call.ts";
import { basics } from "../helpers/manifests.ts";
import {
  answersChat,
  type Script,
  type ScriptedUpstream,
  startScriptedUpstream,
} from "../helpers/scripted-upstream.ts";

let gateway: GatewayUnderTest;
let upstream: ScriptedUpstream;
let clock: { nowMs: number };

afterEach(async () => {
  await gateway.stop();
  await upstream.close();
});

/** Each answer uses 12 tokens. */
async function start(at: string, limits: string, script: Script = answersChat()): Promise<void> {
  clock = { nowMs: Date.parse(at) };
  upstream = await startScriptedUpstream(script);
  gateway = await startGateway(basics({ endpoint: upstream.origin, limits }), { nowMs: () => clock.nowMs });
  expect(gateway.findings.filter((f) => f.severity === "error")).toEqual([]);
}

const chat = (): ReturnType<typeof call> =>
  call(gateway.origin, { path: "/v1/chat/completions", headers: { apikey: "key-alice" }, body: CHAT_BODY });

async function usage(): Promise<unknown> {
  const answer = await call(gateway.origin, { method: "GET", path: "/.airl/usage", headers: { apikey: "key-alice" } });
  return JSON.parse(answer.body);
}

async function statusAt(at: string): Promise<number> {
  clock.nowMs = Date.parse(at);
  return (await chat()).status;
}

const BERLIN_DAY = "  - {name: day, limit: 12, window: {calendar: Day, timeZone: Europe/Berlin}}";

describe("when a budget is free again", () => {
  test("[proxy] with the local midnight, on a day of 23 hours too", async () => {
    await start("2026-03-28T23:00:00Z", BERLIN_DAY);
    expect((await chat()).status).toBe(200);
    const refused = await chat();
    expect(refused.status).toBe(429);
    expect(refused.headers["retry-after"]).toBe(String(23 * 3600));
    expect(await statusAt("2026-03-29T21:59:59.999Z")).toBe(429);
    expect(await statusAt("2026-03-29T22:00:00Z")).toBe(200);
  });

  test("[proxy] on the day of the month that the bill is made, in short months on their last", async () => {
    await start("2027-02-27T23:00:00Z", "  - {name: bill, limit: 12, window: {calendar: Month, anchorDay: 31}}");
    expect([await statusAt("2027-02-27T23:00:00Z"), await statusAt("2027-02-27T23:59:59Z")]).toEqual([200, 429]);
    expect([await statusAt("2027-02-28T00:00:00Z"), await statusAt("2027-03-30T23:59:59Z")]).toEqual([200, 429]);
    expect(await statusAt("2027-03-31T00:00:00Z")).toBe(200);
  });

  test("[proxy] what is used of an hour that comes twice is used of one of the two", async () => {
    await start(
      "2026-10-25T00:30:00Z",
      "  - {name: hour, limit: 12, window: {calendar: Hour, timeZone: Europe/Berlin}}",
    );
    expect([(await chat()).status, await statusAt("2026-10-25T00:59:59Z")]).toEqual([200, 429]);
    expect(await statusAt("2026-10-25T01:00:00Z")).toBe(200);
  });

  test("[proxy] an answer that is complete after midnight counts for the new day", async () => {
    let isFirst = true;
    const script: Script = (request, response) => {
      if (isFirst) clock.nowMs = Date.parse("2026-06-01T22:00:01Z");
      isFirst = false;
      answersChat()(request, response);
    };
    await start("2026-06-01T21:59:59Z", BERLIN_DAY, script);
    expect((await chat()).status).toBe(200);
    expect((await chat()).status).toBe(429);
  });

  test("[proxy] requests are counted in windows of the calendar as well", async () => {
    await start("2026-06-01T12:00:00Z", "  - {name: year, unit: Requests, limit: 2, window: {calendar: Year}}");
    expect([(await chat()).status, (await chat()).status, (await chat()).status]).toEqual([200, 200, 429]);
    expect(await statusAt("2026-12-31T23:59:59.999Z")).toBe(429);
    expect(await statusAt("2027-01-01T00:00:00Z")).toBe(200);
  });
});

describe("what is said", () => {
  const SEVERAL = [
    "  - {name: a, label: budget, limit: 1000, window: {duration: 1h}}",
    "  - {name: b, label: budget, limit: 1000, window: {calendar: Hour}}",
    "  - {name: c, label: budget, limit: 12, window: {calendar: Day, timeZone: Asia/Kathmandu}}",
    "  - {name: d, label: budget, limit: 1000, window: {calendar: Month}}",
  ].join("\n");

  test("[proxy] limits with one label and unlike windows have headers of their own, and only those refused tell a reset", async () => {
    await start("2026-06-01T12:00:00Z", SEVERAL);
    await chat();
    const { status, headers } = await chat();
    expect(status).toBe(429);
    const told = Object.entries(headers).filter(([name]) => name.startsWith("x-ai-ratelimit-"));
    expect(Object.fromEntries(told)).toEqual({
      "x-ai-ratelimit-limit-hour-budget": "1000",
      "x-ai-ratelimit-remaining-hour-budget": "988",
      "x-ai-ratelimit-limit-calendar-hour-budget": "1000",
      "x-ai-ratelimit-remaining-calendar-hour-budget": "988",
      "x-ai-ratelimit-limit-calendar-day-budget": "12",
      "x-ai-ratelimit-remaining-calendar-day-budget": "0",
      "x-ai-ratelimit-limit-calendar-month-budget": "1000",
      "x-ai-ratelimit-remaining-calendar-month-budget": "988",
      "x-ai-ratelimit-reset": "22500",
      "x-ai-ratelimit-retry-after": "22500",
      "x-ai-ratelimit-reset-calendar-day-budget": "22500",
      "x-ai-ratelimit-retry-after-calendar-day-budget": "22500",
    });
  });

  test.for([
    { calendar: "Hour", w: 3600, at: "2026-06-01T12:00:00Z" },
    { calendar: "Day", w: 86_400, at: "2026-06-01T12:00:00Z" },
    { calendar: "Week", w: 604_800, at: "2026-06-01T12:00:00Z" },
    { calendar: "Month", w: 28 * 86_400, at: "2026-02-01T12:00:00Z" },
    { calendar: "Month", w: 31 * 86_400, at: "2026-03-01T12:00:00Z" },
    { calendar: "Year", w: 366 * 86_400, at: "2028-06-01T12:00:00Z" },
  ])("[proxy] RateLimit-Policy of calendar $calendar: $w s", async ({ calendar, w, at }) => {
    await start(at, `  - {name: l, limit: 100, window: {calendar: ${calendar}}}`);
    const { headers } = await chat();
    expect(headers["ratelimit-policy"]).toBe(`"default/team/l";q=100;w=${String(w)};qu="tokens"`);
    expect(headers[`x-ai-ratelimit-limit-calendar-${calendar.toLowerCase()}-l`]).toBe("100");
  });

  test("[proxy] a refusal names the calendar, its time zone and the wait", async () => {
    await start("2026-06-01T21:00:00Z", BERLIN_DAY);
    await chat();
    const { body, headers } = await chat();
    expect(JSON.parse(body)).toMatchObject({
      error: {
        message:
          'Gateway limit "day" of policy default/team reached: 12 tokens per calendar day (Europe/Berlin), 12 used. Try again in 3600 s.',
      },
    });
    expect(headers["ratelimit"]).toBe('"default/team/day";r=0;t=3600');
  });

  test("[proxy] the usage API tells when the window began and when it ends, whatever is used of it", async () => {
    await start("2026-03-29T12:00:00Z", BERLIN_DAY);
    const window = {
      algorithm: "Calendar",
      calendar: "Day",
      timeZone: "Europe/Berlin",
      seconds: 23 * 3600,
      start: "2026-03-28T23:00:00.000Z",
      end: "2026-03-29T22:00:00.000Z",
    };
    expect(await usage()).toMatchObject({ limits: [{ used: 0, remaining: 12, resetSeconds: null, window }] });
    await chat();
    expect(await usage()).toMatchObject({ limits: [{ used: 12, remaining: 0, resetSeconds: 36_000, window }] });
  });

  test("[proxy] a counter whose key only a request says has a window all the same", async () => {
    await start(
      "2026-06-01T12:00:00Z",
      "  - {name: l, limit: 9, per: [{type: Consumer}, {type: Header, name: x}], window: {calendar: Day}}",
    );
    const window = { seconds: 86_400, start: "2026-06-01T00:00:00.000Z", end: "2026-06-02T00:00:00.000Z" };
    expect(await usage()).toMatchObject({ limits: [{ used: null, window }] });
  });

  test("[proxy] what is reached is told once in a window, and again in the next", async () => {
    await start("2026-06-01T12:00:00Z", "  - {name: day, limit: 24, window: {calendar: Day}}");
    const percents = (): unknown[] =>
      gateway.logLines.filter(({ msg }) => msg === "limit threshold").map(({ percent }) => percent);
    await chat();
    await chat();
    await statusAt("2026-06-01T23:59:59Z");
    expect(percents()).toEqual([80, 100]);
    await statusAt("2026-06-02T00:00:00Z");
    await statusAt("2026-06-02T00:00:00Z");
    expect(percents()).toEqual([80, 100, 80, 100]);
  });
});
