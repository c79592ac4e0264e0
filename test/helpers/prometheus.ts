// A real Prometheus on a port of its own, which reads targets that a test names, and promtool. scripts/prometheus.sh finds
// them, or takes them from Debian's package.

import { spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { stringify } from "yaml";
import { z } from "zod";
import { eventually } from "./clock.ts";
import { startKubeProcess } from "./kube-process.ts";

export interface Target {
  /** "http://127.0.0.1:1234": its admin port. */
  readonly admin: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface Series {
  readonly labels: Readonly<Record<string, string>>;
  /** Time in seconds since 1970, and value. */
  readonly points: readonly (readonly [number, number])[];
}

export interface LoadedRule {
  readonly name: string;
  readonly health: string;
  readonly lastError: string;
}

export interface Prometheus {
  readonly url: string;
  /** Throws with Prometheus's own words when the expression is wrong. */
  range(expr: string, span: Span): Promise<readonly Series[]>;
  instant(expr: string): Promise<readonly Series[]>;
  rules(): Promise<readonly LoadedRule[]>;
  stop(): Promise<void>;
}

export interface Span {
  readonly startSeconds: number;
  readonly endSeconds: number;
  readonly stepSeconds: number;
}

export interface PrometheusOptions {
  readonly targets: readonly Target[];
  /** Texts of rule files. */
  readonly rules: Readonly<Record<string, string>>;
  /** Of scrapes and of rules, at least a second. */
  readonly intervalSeconds: number;
}

/** The first line with an address has the port that was asked for; this one has what the kernel gave. */
const LISTENING = /"address":"(127\.0\.0\.1:\d+)".*"msg":"Listening on"/;

interface Programs {
  readonly prometheus: string;
  readonly promtool: string;
}

/** Throws where they cannot be had. */
function findPrograms(): Programs {
  const found = spawnSync(join("scripts", "prometheus.sh"), { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
  if (found.status !== 0) throw new Error("needs prometheus and promtool: run scripts/prometheus.sh to see why");
  const paths = new Map(found.stdout.split("\n").map((line) => [line.split(" ", 1)[0], line.replace(/^\w+ /, "")]));
  return { prometheus: paths.get("prometheus") ?? "", promtool: paths.get("promtool") ?? "" };
}

/** What promtool says, on both streams, and how it ended. */
export function promtool(
  args: readonly string[],
  input = "",
): { readonly output: string; readonly code: number | null } {
  const { stdout, stderr, status } = spawnSync(findPrograms().promtool, args, { encoding: "utf8", input });
  return { output: stdout + stderr, code: status };
}

export async function startPrometheus(options: PrometheusOptions): Promise<Prometheus> {
  const folder = await mkdtemp(join(tmpdir(), "airl-prometheus-"));
  for (const [name, text] of Object.entries(options.rules)) await writeFile(join(folder, name), text);
  await writeFile(join(folder, "prometheus.yml"), stringify(configOf(options)));
  const server = await startKubeProcess({
    program: findPrograms().prometheus,
    args: [
      `--config.file=${join(folder, "prometheus.yml")}`,
      `--storage.tsdb.path=${join(folder, "data")}`,
      "--web.listen-address=127.0.0.1:0",
      "--log.format=json",
    ],
    ready: ({ line }) => line(LISTENING),
  });
  const address = server.log.map((line) => LISTENING.exec(line)?.[1]).find((each) => each !== undefined) ?? "";
  const url = `http://${address}`;
  await eventually("Prometheus is ready", async () => (await fetch(`${url}/-/ready`)).ok);
  return {
    url,
    range: (expr, span) => query(url, "query_range", { query: expr, ...spanOf(span) }),
    instant: (expr) => query(url, "query", { query: expr }),
    rules: async () => rulesOf(await get(url, "rules", {})),
    async stop() {
      await server.stop();
      await rm(resolve(folder), { recursive: true, force: true });
    },
  };
}

function configOf({ targets, rules, intervalSeconds }: PrometheusOptions): unknown {
  const interval = `${String(intervalSeconds)}s`;
  return {
    global: { scrape_interval: interval, scrape_timeout: interval, evaluation_interval: interval },
    rule_files: Object.keys(rules),
    scrape_configs: [
      {
        job_name: "airl",
        static_configs: targets.map(({ admin, labels }) => ({ targets: [new URL(admin).host], labels })),
      },
    ],
  };
}

function spanOf({ startSeconds, endSeconds, stepSeconds }: Span): Record<string, string> {
  return { start: String(startSeconds), end: String(endSeconds), step: String(stepSeconds) };
}

const answer = z.object({ status: z.string(), error: z.string().optional(), data: z.unknown() });
const point = z.tuple([z.number(), z.string()]);
const result = z.object({
  resultType: z.string(),
  result: z.union([
    z.array(
      z.object({
        metric: z.record(z.string(), z.string()),
        values: z.array(point).optional(),
        value: point.optional(),
      }),
    ),
    point,
  ]),
});

async function get(url: string, path: string, parameters: Readonly<Record<string, string>>): Promise<unknown> {
  const response = await fetch(`${url}/api/v1/${path}`, { method: "POST", body: new URLSearchParams(parameters) }).then(
    (first) => (first.status === 405 ? fetch(`${url}/api/v1/${path}`) : first),
  );
  const { status, error, data } = answer.parse(await response.json());
  if (status !== "success") throw new Error(`${error ?? status}: ${parameters["query"] ?? path}`);
  return data;
}

async function query(
  url: string,
  path: string,
  parameters: Readonly<Record<string, string>>,
): Promise<readonly Series[]> {
  const { result: found } = result.parse(await get(url, path, parameters));
  if (!isSeries(found)) return [{ labels: {}, points: [pointOf(found)] }];
  return found.map(({ metric, values, value }) => ({
    labels: metric,
    points: (values ?? (value === undefined ? [] : [value])).map(pointOf),
  }));
}

type Found = z.infer<typeof result>["result"];

function isSeries(found: Found): found is Exclude<Found, [number, string]> {
  return typeof found[0] === "object" || found.length === 0;
}

function pointOf([seconds, value]: readonly [number, string]): readonly [number, number] {
  return [seconds, Number(value.replace("Inf", "Infinity"))];
}

const loaded = z.object({
  groups: z.array(
    z.object({ rules: z.array(z.object({ name: z.string(), health: z.string(), lastError: z.string().optional() })) }),
  ),
});

function rulesOf(data: unknown): readonly LoadedRule[] {
  return loaded
    .parse(data)
    .groups.flatMap(({ rules }) => rules)
    .map(({ name, health, lastError }) => ({ name, health, lastError: lastError ?? "" }));
}
