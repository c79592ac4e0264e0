// Sends chat requests to a gateway without a pause until SIGUSR2, then prints what came of them; a line of progress each
// second. Runs in a Pod. Nothing is tried twice: what fails has failed. Three kinds of workers:
//
//   streams  one stream after another on one connection, as long as the gateway keeps it
//   kept     short answers, likewise on one connection
//   fresh    short answers, a new connection for each
//
//   node --input-type=module -e SOURCE GATEWAY HOST KEY STREAMS KEPT FRESH

import { Agent, request } from "node:http";

const [gateway, host, apikey, streams, kept, fresh] = process.argv.slice(1);
const TIMEOUT_MS = 60_000;
const PAUSE_MS = 50; // of a worker without streams, so that it does not take the machine for itself
const outcome = { answered: 0, streamed: 0, tokens: 0, failed: 0, failures: [] };
const MAX_TOLD = 20; // of the failures
let stopping = false;

function send(agent, stream) {
  const text = {
    model: stream ? "demo-150" : "demo-45",
    messages: [{ role: "user", content: "Who is Jimi Hendrix?" }],
    ...(stream && { stream: true, stream_options: { include_usage: true } }),
  };
  const body = JSON.stringify(text);
  const headers = { host, apikey, "content-type": "application/json", "content-length": Buffer.byteLength(body) };
  return new Promise((resolve, reject) => {
    const req = request(
      `${gateway}/v1/chat/completions`,
      { method: "POST", headers, agent, timeout: TIMEOUT_MS },
      (res) => {
        let received = "";
        res.setEncoding("utf8");
        res.on("data", (piece) => (received += piece));
        res.on("error", reject);
        res.on("end", () => {
          if (res.statusCode === 200 && (!stream || received.endsWith("data: [DONE]\n\n"))) resolve(received);
          else reject(new Error(`${res.statusCode} ${received.slice(-200)}`));
        });
      },
    );
    req.on("timeout", () => req.destroy(new Error("timeout")));
    req.on("error", reject);
    req.end(body);
  });
}

async function work(kind) {
  const agent = new Agent({ keepAlive: kind !== "fresh", maxSockets: 1 });
  while (!stopping) {
    const startedMs = Date.now();
    try {
      const received = await send(agent, kind === "streams");
      outcome.answered++;
      if (kind === "streams") outcome.streamed++;
      outcome.tokens += Number(/.*"total_tokens":\s*(\d+)/s.exec(received)[1]);
    } catch (error) {
      const after = `${Date.now() - startedMs} ms`;
      const failure = { at: new Date().toISOString(), after, kind, error: String(error), code: error.code };
      if (outcome.failed++ < MAX_TOLD) outcome.failures.push(failure);
    }
    if (kind !== "streams") await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
  agent.destroy();
}

process.on("SIGUSR2", () => (stopping = true));
const progress = setInterval(() => console.log(JSON.stringify({ answered: outcome.answered })), 1000);
const workers = { streams, kept, fresh };
await Promise.all(
  Object.entries(workers).flatMap(([kind, count]) => Array.from({ length: Number(count) }, () => work(kind))),
);
clearInterval(progress);
console.log(JSON.stringify({ ...outcome, done: true }));
