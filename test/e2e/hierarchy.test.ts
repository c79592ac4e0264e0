// examples/hierarchy: money on three levels, as its README tells it.

import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type GatewayUnderTest, startGateway } from "../helpers/gateway-under-test.ts";
import { type CallResult, call } from "../helpers/http-call.ts";
import { answersChat, type ScriptedUpstream, startScriptedUpstream } from "../helpers/scripted-upstream.ts";

let gateway: GatewayUnderTest;
let upstream: ScriptedUpstream;

beforeAll(async () => {
  // 5 tokens at 10 and 570 at 1000 per million: 0.57005.
  upstream = await startScriptedUpstream(answersChat({ completion_tokens: 570, prompt_tokens: 5, total_tokens: 575 }));
  const yaml = readFileSync("examples/hierarchy/hierarchy.yaml", "utf8");
  const pointed = yaml.replace(/endpoint: \S+/, `endpoint: ${upstream.origin}`);
  expect(pointed).not.toBe(yaml);
  const nowMs = Date.UTC(2026, 0, 1);
  gateway = await startGateway(pointed, { nowMs: () => nowMs });
  expect(gateway.findings.filter(({ code }) => code !== "InlineSecret")).toEqual([]);
});

afterAll(async () => {
  await gateway.stop();
  await upstream.close();
});

const ask = (name: string): Promise<CallResult> =>
  call(gateway.origin, {
    path: "/v1/chat/completions",
    headers: { "Content-Type": "application/json", apikey: `${name}-key` },
    body: JSON.stringify({ messages: [{ role: "user", content: "Who is Jimi Hendrix?" }], model: "demo-570" }),
  });

const remaining = ({ headers }: CallResult, label: string): unknown =>
  headers[`x-ai-ratelimit-remaining-month-${label}`];

test("[e2e] each level is charged, and the first that is used up refuses by its name", async () => {
  const first = await ask("ann");
  expect(first.status).toBe(200);
  expect([
    remaining(first, "organisation-acme"),
    remaining(first, "team-research"),
    remaining(first, "person"),
  ]).toEqual(["2.5", "1.5", "1"]);
  await ask("ann");
  const own = await ask("ann");
  expect([own.status, own.body.includes('limit \\"person\\" of policy default/people reached')]).toEqual([429, true]);
  const second = await ask("bob");
  expect([second.status, remaining(second, "team-research"), remaining(second, "person")]).toEqual([
    200,
    "0.3599",
    "1",
  ]);
  const team = await ask("bob");
  expect(team.status).toBe(429);
  expect(team.body).toContain(
    'Gateway limit \\"team\\" of policy default/teams for Consumer research, 1 level above the caller, reached: 1.5 in cost per month, 1.71015 used.',
  );
  const other = await ask("carl");
  expect([other.status, remaining(other, "team-support"), remaining(other, "organisation-acme")]).toEqual([
    200,
    "1.5",
    "0.78985",
  ]);
});
