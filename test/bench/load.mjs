// One closed-loop load by wrk: how many requests were answered, and how late. Every answer must be 2xx.

import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { promisify } from "node:util";

const KEYS = 1000;

/** A wrk script that posts a chat body of this size with one of 1000 keys in turn. */
export function writeScript(file, { bodyBytes, stream = false }) {
  const content = "word ".repeat(Math.max(1, Math.floor(bodyBytes / 5)));
  const body = JSON.stringify({
    model: "gpt-4o",
    messages: [{ role: "user", content }],
    max_tokens: 256,
    temperature: 0.7,
    ...(stream ? { stream: true, stream_options: { include_usage: true } } : {}),
  });
  writeFileSync(
    file,
    `local body = [==[${body}]==]
local n = 0
request = function()
  n = n + 1
  return wrk.format("POST", "/v1/chat/completions", {
    ["Content-Type"] = "application/json", ["Accept"] = "application/json",
    ["Authorization"] = string.format("Bearer key-%04d", n % ${String(KEYS)}),
    ["User-Agent"] = "OpenAI/JS 6.49.0", ["X-Stainless-Lang"] = "js", ["X-Stainless-Runtime"] = "node",
    ["X-Stainless-Package-Version"] = "6.49.0", ["X-Stainless-Retry-Count"] = "0", ["X-Request-Source"] = "bench",
  }, body)
end
`,
  );
}

export async function load({ port, script, connections, seconds }) {
  const args = ["-c", "0", "wrk", "-t1", `-c${connections}`, `-d${seconds}s`, "--latency", "-s", script];
  const { stdout } = await promisify(execFile)("taskset", [...args, `http://127.0.0.1:${port}/`]);
  if (/Non-2xx|Socket errors/.test(stdout)) throw new Error(`port ${port} did not answer every request:\n${stdout}`);
  const number = (pattern) => Number(pattern.exec(stdout)?.[1]);
  return { requests: number(/(\d+) requests in/), p50: latency(stdout, "50%"), p99: latency(stdout, "99%") };
}

/** Microseconds. */
function latency(text, percentile) {
  const [, value, unit] = new RegExp(`${percentile}\\s+([\\d.]+)(us|ms|s)`).exec(text) ?? [];
  return Math.round(Number(value) * { us: 1, ms: 1000, s: 1_000_000 }[unit]);
}

export const BENCH_KEYS = KEYS;
