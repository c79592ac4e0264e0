// `make bench`: the gateway with everything on (keys, two limits in Redis, metrics, logs) against a bare node:http + undici
// pass-through and nginx, interleaved in one run. The proxy has core 1 to itself, all else shares core 0. What counts is CPU
// time per request (utime + stime of the proxy), as a ratio to the pass-through of the same round.
// Usage: node test/bench/main.mjs [--rounds 5] [--seconds 3] [--only json,json48k,sse] [--write]

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { load, writeScript } from "./load.mjs";
import { SIMPLE_LIMITS, writeManifests } from "./manifests.mjs";
import { completionServer, writeNginx } from "./nginx.mjs";
import { cpuSeconds, createPrograms, residentMegabytes } from "./programs.mjs";
import { median, table } from "./report.mjs";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "3" },
    only: { type: "string", default: "json,json48k,sse" },
    write: { type: "boolean", default: false },
  },
});
const PORTS = { redis: 6390, json: 9100, sse: 9101, nginx: 8101, undici: 8102, gateway: 8103, admin: 8104 };
const EVENTS = 200;
const SCENARIOS = {
  json: { name: "JSON, 0.5 KB request", bodyBytes: 400, connections: 64, upstream: PORTS.json },
  json48k: { name: "JSON, 48 KB request", bodyBytes: 48_000, connections: 16, upstream: PORTS.json },
  sse: { name: `SSE, ${EVENTS} events`, bodyBytes: 400, connections: 16, upstream: PORTS.sse, stream: true },
};
const TARGETS = ["nginx", "undici", "gateway"];
/** V8 goes on compiling hot functions for some seconds, on the core that is measured. */
const WARM_UP_SECONDS = 8;
const folder = mkdtempSync(join(tmpdir(), "airl-bench-"));

const nginx = (file, text) => writeNginx(folder, file, text);

async function startShared(programs) {
  const json = nginx("upstream.conf", completionServer(PORTS.json));
  await programs.start({ core: 0, command: json, port: PORTS.json });
  const stream = ["node", "test/bench/stream-upstream.mjs", String(PORTS.sse), String(EVENTS)];
  await programs.start({ core: 0, command: stream, port: PORTS.sse });
  const redis = ["redis-server", "--port", String(PORTS.redis), "--bind", "127.0.0.1", "--save", "", "--dir", folder];
  return programs.start({ core: 0, command: redis, port: PORTS.redis });
}

async function startTargets(programs, upstream) {
  const nginxProxy = nginx(
    "proxy.conf",
    `upstream u { server 127.0.0.1:${upstream}; keepalive 512; keepalive_requests 100000000; }
  server { listen 127.0.0.1:${PORTS.nginx} backlog=4096; location / { proxy_pass http://u; proxy_http_version 1.1;
    proxy_set_header Connection ""; proxy_buffering off; proxy_request_buffering on; } }`,
  );
  const pass = ["node", "test/bench/pass-through.mjs", String(PORTS.undici), String(upstream)];
  const log = join(folder, "gateway.log");
  const manifests = writeManifests(join(folder, "bench.yaml"), { upstream, limits: SIMPLE_LIMITS });
  const gateway = [
    ...["sh", "-c", `exec node dist/cli/main.js run -f ${manifests} --redis redis://127.0.0.1:${PORTS.redis}`],
  ];
  gateway[2] += ` --listen 127.0.0.1:${PORTS.gateway} --admin 127.0.0.1:${PORTS.admin} 2>${log}`;
  return {
    nginx: await programs.start({ core: 1, command: nginxProxy, port: PORTS.nginx }),
    undici: await programs.start({ core: 1, command: pass, port: PORTS.undici }),
    gateway: await programs.start({ core: 1, command: gateway, port: PORTS.gateway }),
  };
}

async function measure(pid, request) {
  const before = cpuSeconds(pid);
  const result = await load(request);
  return { ...result, cpu: ((cpuSeconds(pid) - before) * 1e6) / result.requests, megabytes: residentMegabytes(pid) };
}

async function runScenario(scenario, redisPid) {
  const programs = createPrograms();
  const script = join(folder, "load.lua");
  writeScript(script, scenario);
  const rows = Object.fromEntries(TARGETS.map((name) => [name, []]));
  const redisCpu = [];
  try {
    const pids = await startTargets(programs, scenario.upstream);
    const request = (name, seconds) => ({ port: PORTS[name], script, connections: scenario.connections, seconds });
    for (const name of TARGETS) await load(request(name, WARM_UP_SECONDS));
    for (let round = 0; round < Number(values.rounds); round++) {
      for (const name of TARGETS) {
        const redisBefore = cpuSeconds(redisPid);
        const row = await measure(pids[name], request(name, Number(values.seconds)));
        if (name === "gateway") redisCpu.push(((cpuSeconds(redisPid) - redisBefore) * 1e6) / row.requests);
        rows[name].push(row);
        process.stderr.write(`${scenario.name} round ${round + 1} ${name}: ${row.cpu.toFixed(1)} us\n`);
      }
    }
  } finally {
    await programs.stop();
  }
  return { scenario, rows, redisCpu: median(redisCpu) };
}

const shared = createPrograms();
try {
  const redisPid = await startShared(shared);
  const results = [];
  for (const name of values.only.split(",")) results.push(await runScenario(SCENARIOS[name], redisPid));
  const text = table(results);
  process.stdout.write(text);
  if (values.write) {
    const page = readFileSync("docs/benchmarks.md", "utf8");
    const [head] = page.split("<!-- table -->");
    const [, rest = ""] = page.split("<!-- end of table -->");
    writeFileSync("docs/benchmarks.md", `${head}<!-- table -->\n\n${text}\n<!-- end of table -->${rest}`);
  }
} finally {
  await shared.stop();
  rmSync(folder, { recursive: true, force: true });
}
