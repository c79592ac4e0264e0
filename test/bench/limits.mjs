// `make bench-limits`: what a request costs with 1, 4 and 16 limits, beside the simple case of `make bench` (two), interleaved
// in one run. All gateways have core 1 to themselves in turn, all else shares core 0. What counts is CPU time per request
// (utime + stime of the gateway), as a ratio to the simple case of the same round, and that of Redis.
// Usage: node test/bench/limits.mjs [--rounds 5] [--seconds 3] [--write]

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { load, writeScript } from "./load.mjs";
import { SIMPLE_LIMITS, writeManifests } from "./manifests.mjs";
import { completionServer, writeNginx } from "./nginx.mjs";
import { cpuSeconds, createPrograms } from "./programs.mjs";
import { limitsTable } from "./report.mjs";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "3" },
    write: { type: "boolean", default: false },
  },
});
const PORTS = { redis: 6391, upstream: 9110 };
const CONNECTIONS = 64;
/** V8 goes on compiling hot functions for some seconds, on the core that is measured. */
const WARM_UP_SECONDS = 8;

const UNITS = ["TotalTokens", "PromptTokens", "CompletionTokens", "Requests"];
const WINDOWS = ["60s", "1h", "24h", "30d"];
/** Every unit that answers report, in every window that has a name. */
const SIXTEEN = WINDOWS.flatMap((duration) =>
  UNITS.map(
    (unit) =>
      `{name: l-${unit.toLowerCase()}-${duration}, unit: ${unit}, limit: 100000000000, window: {duration: ${duration}}}`,
  ),
);
const CASES = {
  simple: SIMPLE_LIMITS,
  one: SIMPLE_LIMITS.slice(0, 1),
  four: SIXTEEN.slice(0, 4),
  sixteen: SIXTEEN,
};
const folder = mkdtempSync(join(tmpdir(), "airl-bench-limits-"));

async function startGateways(programs) {
  const pids = {};
  for (const [i, [name, limits]] of Object.entries(CASES).entries()) {
    const port = 8110 + 2 * i;
    const file = join(folder, `${name}.yaml`);
    writeManifests(file, { upstream: PORTS.upstream, limits, policy: `limits-${name}` });
    const listen = `--listen 127.0.0.1:${port} --admin 127.0.0.1:${port + 1}`;
    const redis = `--redis redis://127.0.0.1:${PORTS.redis}`;
    const command = `exec node dist/cli/main.js run -f ${file} ${redis} ${listen} 2>${folder}/${name}.log`;
    pids[name] = { port, pid: await programs.start({ core: 1, command: ["sh", "-c", command], port }) };
  }
  return pids;
}

const programs = createPrograms();
try {
  const upstream = writeNginx(folder, "upstream.conf", completionServer(PORTS.upstream));
  await programs.start({ core: 0, command: upstream, port: PORTS.upstream });
  const redis = ["redis-server", "--port", String(PORTS.redis), "--bind", "127.0.0.1", "--save", "", "--dir", folder];
  const redisPid = await programs.start({ core: 0, command: redis, port: PORTS.redis });
  const gateways = await startGateways(programs);
  const script = join(folder, "load.lua");
  writeScript(script, { bodyBytes: 400 });
  const rows = Object.fromEntries(Object.keys(CASES).map((name) => [name, []]));
  for (const { port } of Object.values(gateways)) {
    await load({ port, script, connections: CONNECTIONS, seconds: WARM_UP_SECONDS });
  }
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const [name, { port, pid }] of Object.entries(gateways)) {
      const [before, redisBefore] = [cpuSeconds(pid), cpuSeconds(redisPid)];
      const result = await load({ port, script, connections: CONNECTIONS, seconds: Number(values.seconds) });
      const perRequest = (now, then) => ((now - then) * 1e6) / result.requests;
      const cpu = perRequest(cpuSeconds(pid), before);
      rows[name].push({ ...result, cpu, redisCpu: perRequest(cpuSeconds(redisPid), redisBefore) });
      process.stderr.write(`limits ${name} round ${round + 1}: ${cpu.toFixed(1)} us\n`);
    }
  }
  const text = limitsTable(rows);
  process.stdout.write(text);
  if (values.write) {
    const page = readFileSync("docs/benchmarks.md", "utf8");
    const [head] = page.split("<!-- limits -->");
    const [, rest = ""] = page.split("<!-- end of limits -->");
    writeFileSync("docs/benchmarks.md", `${head}<!-- limits -->\n\n${text}\n<!-- end of limits -->${rest}`);
  }
} finally {
  await programs.stop();
  rmSync(folder, { recursive: true, force: true });
}
