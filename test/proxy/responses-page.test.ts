// The examples of docs/responses.md: each answer stands there as the gateway gives it.

import { readFileSync } from "node:fs";
import { expect, onTestFinished, test } from "vitest";
import { startGateway } from "../helpers/gateway-under-test.ts";
import { type CallResult, CHAT_BODY, call } from "../helpers/http-call.ts";
import { basics } from "../helpers/manifests.ts";
import { answersChat, startScriptedUpstream } from "../helpers/scripted-upstream.ts";

const NOW = Date.UTC(2025, 3, 18, 15, 9, 49);

interface Example {
  /** YAML of `response`. */
  readonly response: string;
  readonly answers: readonly string[];
}

/** A yaml block with `response`, and the http blocks that follow it. */
function examplesOf(page: string): { readonly limits: string; readonly examples: readonly Example[] } {
  const examples: { response: string; answers: string[] }[] = [];
  let limits = "";
  for (const [, language, text = ""] of page.matchAll(/^```(yaml|http)\n(.*?)^```$/gms)) {
    if (language === "http") examples.at(-1)?.answers.push(text.trimEnd());
    else if (text.startsWith("limits:")) limits = text.replace("limits:\n", "").replace(/^/gm, "  ");
    else examples.push({ response: text.trim(), answers: [] });
  }
  return { limits, examples };
}

const { limits, examples } = examplesOf(readFileSync("docs/responses.md", "utf8"));

/** What the page shows of an answer: the status, what tells of limits, and the body of a refusal. */
function shown({ status, rawHeaders, body }: CallResult, phrase: string): string {
  const lines: string[] = [];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? "";
    const isType = status !== 200 && name === "Content-Type";
    if (isType || /ratelimit|retry/i.test(name)) lines.push(`${name}: ${rawHeaders[i + 1] ?? ""}`);
  }
  return [`HTTP/1.1 ${String(status)} ${phrase}`, ...lines, ...(status === 200 ? [] : ["", body.trimEnd()])].join("\n");
}

test("[proxy] the page has examples", () => {
  expect(examples.length).toBeGreaterThan(9);
  expect(examples.every(({ answers }) => answers.length > 0)).toBe(true);
});

test.for(examples)("[proxy] $response", async ({ response, answers }) => {
  const clock = { nowMs: NOW };
  const upstream = await startScriptedUpstream(
    answersChat({ prompt_tokens: 5, completion_tokens: 570, total_tokens: 575 }),
  );
  const yaml = basics({ endpoint: upstream.origin, limits, response: `  ${response}` });
  const gateway = await startGateway(yaml, { nowMs: () => clock.nowMs });
  onTestFinished(async () => {
    await gateway.stop();
    await upstream.close();
  });
  expect(gateway.findings.filter((f) => f.severity === "error")).toEqual([]);
  const ask = (): Promise<CallResult> =>
    call(gateway.origin, { path: "/v1/chat/completions", headers: { apikey: "key-alice" }, body: CHAT_BODY });
  const first = await ask();
  clock.nowMs += 8_000;
  const second = await ask();
  for (const answer of answers) {
    const [, , phrase = ""] = /^HTTP\/1\.1 (\d+) (.*)$/m.exec(answer) ?? [];
    expect(shown(answer.startsWith("HTTP/1.1 200") ? first : second, phrase)).toBe(answer);
  }
});
