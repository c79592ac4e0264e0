// `ai-rate-limit run`: the data plane in one process, configured by files.

import { usageError } from "./cli-error.ts";
import { overrideEndpoints } from "./endpoint-override.ts";
import type { HelpPage } from "./help.ts";
import {
  formatAddress,
  readAddress,
  readChoice,
  readCidr,
  readDuration,
  readEndpoint,
  readSize,
} from "./option-values.ts";
import type { OptionSpec, Options } from "./options.ts";
import { type GatewaySettings, LOG_LEVELS, type Platform } from "./platform.ts";
import { objectCounts, type Serving, serve } from "./serve.ts";
import { FILES_OPTION, pathsOf } from "./validate.ts";

export const ADMIN_OPTION: OptionSpec = {
  name: "admin",
  value: "HOST:PORT",
  fallback: "127.0.0.1:9090",
  text: "Where /readyz, /livez and /metrics are served.",
};

export const RUN_PAGE: HelpPage = {
  summary: "Runs the gateway on manifests, without Kubernetes. A change of the files is taken over while it runs.",
  usage: ["ai-rate-limit run -f PATH... [options]"],
  notes: [
    "With an error in any object nothing is started. While it runs, an edit with an error leaves the last good\nconfiguration in force and says why; a good edit keeps all counters. SIGHUP reads the files again. SIGTERM and\nSIGINT let requests under way end (see --drain); a second one ends at once.",
    "${NAME} in a text of a manifest is replaced by the environment variable; upper-case names only, so that templates\nsuch as ${http_x_id} stay. The result is always a text. $${NAME} stands for the text ${NAME} itself.",
  ],
  options: [
    FILES_OPTION,
    { name: "listen", value: "HOST:PORT", fallback: "127.0.0.1:8080", text: "Where clients send their LLM traffic." },
    ADMIN_OPTION,
    {
      name: "redis",
      value: "URL",
      text: "Keep counters in Redis (redis:// or rediss://), shared with other gateways. Without it: in memory, lost at the end.",
    },
    {
      name: "endpoint",
      value: "NAME=URL",
      multiple: true,
      text: "Reach a backend (by name), or all backends of a provider, at this URL.",
    },
    { name: "trusted-proxy", value: "CIDR", multiple: true, text: "Believe X-Forwarded-For from these addresses." },
    { name: "max-body", value: "SIZE", fallback: "32MiB", text: "Largest request body; larger ones are answered 413." },
    { name: "drain", value: "DURATION", fallback: "30s", text: "Longest wait for requests under way when stopping." },
    {
      name: "log-level",
      value: "LEVEL",
      fallback: "info",
      text: `One of ${LOG_LEVELS.join(", ")}. Logs are JSON on standard error, one line a request at info.`,
    },
  ],
  examples: [
    [
      "ai-rate-limit run -f examples/quickstart/quickstart.yaml",
      "the quickstart; `ai-rate-limit demo` in another terminal is its provider",
    ],
    [
      "OPENAI_API_KEY=sk-... ai-rate-limit run -f manifests/ --redis redis://127.0.0.1:6379",
      "a folder, counters in Redis",
    ],
    [
      "ai-rate-limit run -f gateway.yaml --endpoint openai=http://127.0.0.1:9000",
      "a real configuration against a fake provider",
    ],
  ],
  exitCodes: [
    ["0", "stopped by a signal and drained"],
    ["1", "the manifests have errors, or an address cannot be listened on"],
    ["2", "the command line is wrong"],
  ],
};

export async function run(options: Options, platform: Platform): Promise<number> {
  const paths = pathsOf(options);
  const endpoints = options.all("endpoint").map((text) => readEndpoint("endpoint", text));
  const gateway = readGatewaySettings(options);
  const logLevel = readChoice("log-level", required(options, "log-level"), LOG_LEVELS);
  return serve({
    paths,
    gateway,
    logLevel,
    adapt: (values) => overrideEndpoints(values, endpoints),
    platform,
    signals: platform.takeSignals(),
    greeting: (serving) => greeting(serving, gateway, platform.version),
  });
}

function readGatewaySettings(options: Options): GatewaySettings {
  return {
    listen: readAddress("listen", required(options, "listen")),
    admin: readAddress("admin", required(options, "admin")),
    redisUrl: readRedisUrl(options.one("redis")),
    trustedProxies: options.all("trusted-proxy").map((text) => readCidr("trusted-proxy", text)),
    maxBodyBytes: readSize("max-body", required(options, "max-body")),
    drainMs: readDuration("drain", required(options, "drain")),
  };
}

/** For options with a default, which are always there. */
export function required(options: Options, name: string): string {
  const value = options.one(name);
  if (value === undefined) throw usageError(`--${name} is missing`);
  return value;
}

/** The message never repeats the URL: it may hold a password. */
function readRedisUrl(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  if (URL.canParse(text) && ["redis:", "rediss:"].includes(new URL(text).protocol)) return text;
  throw usageError("--redis: wanted a URL such as redis://user:password@127.0.0.1:6379/0");
}

export function greeting({ traffic, admin, compiled }: Serving, settings: GatewaySettings, version: string): string[] {
  const { fileCount, objects } = compiled;
  const redis = settings.redisUrl === undefined ? undefined : new URL(settings.redisUrl);
  return [
    `ai-rate-limit ${version}`,
    `  traffic   http://${formatAddress(traffic)}`,
    `  admin     http://${formatAddress(admin)} (/readyz, /livez, /metrics)`,
    `  objects   ${objectCounts(objects)} from ${fileCount} ${fileCount === 1 ? "file" : "files"}`,
    `  counters  ${redis === undefined ? "in memory, lost when this process ends" : `in Redis at ${redis.host}`}`,
  ];
}
