// `ai-rate-limit demo`: the fake LLM upstream, alone or together with a gateway on the manifests given.

import { usageError } from "../cli-error.ts";
import { redirectBackends } from "../endpoint-override.ts";
import type { HelpPage } from "../help.ts";
import { formatAddress, readAddress, readChoice, readDuration } from "../option-values.ts";
import type { Options } from "../options.ts";
import { LOG_LEVELS, type Platform } from "../platform.ts";
import { ADMIN_OPTION, greeting, required } from "../run.ts";
import { serve, startFailure } from "../serve.ts";
import { FILES_OPTION, pathsOf } from "../validate.ts";
import { createDemoUpstream, type DemoUpstream } from "./server.ts";
import { tryIt } from "./try-it.ts";

const UPSTREAM_LISTEN = "127.0.0.1:9000";
const GATEWAY_LISTEN = "127.0.0.1:8080";
const MAX_BODY_BYTES = 32 * 1_048_576;
const DRAIN_MS = 5_000;

export const DEMO_PAGE: HelpPage = {
  summary: "A fake LLM provider for trying out: OpenAI's and Anthropic's wire formats, without a key to pay for.",
  usage: ["ai-rate-limit demo [options]", "ai-rate-limit demo -f PATH... [options]"],
  notes: [
    "With -f a gateway on these manifests runs in the same process, every backend is reached at the fake provider\nwhatever its endpoint, and the first request to try is printed.",
    "Answers depend on the request alone: one prompt token for each word and each message; model demo-512 answers with\n512 tokens, other models with max_tokens of them, else 20. Any provider key will do; a request without one is refused.\n  POST /v1/chat/completions /v1/completions /v1/responses /v1/embeddings   GET /v1/models   (OpenAI)\n  POST /v1/messages /v1/messages/count_tokens                              (Anthropic)\n  GET  /demo/stats   what was charged so far: requests, prompt_tokens, completion_tokens",
  ],
  options: [
    { ...FILES_OPTION, text: "Manifests for a gateway in the same process: file, folder or - for standard input." },
    {
      name: "listen",
      value: "HOST:PORT",
      text: `Where to listen: the fake provider (default ${UPSTREAM_LISTEN}), with -f the gateway (default ${GATEWAY_LISTEN}).`,
    },
    {
      name: "upstream",
      value: "HOST:PORT",
      text: `With -f only: where the fake provider listens. Default: ${UPSTREAM_LISTEN}.`,
    },
    {
      ...ADMIN_OPTION,
      fallback: "127.0.0.1:9090",
      text: "With -f: where the gateway's /readyz, /livez and /metrics are served.",
    },
    { name: "pace", value: "DURATION", fallback: "20ms", text: "Time between the tokens of a stream." },
    {
      name: "log-level",
      value: "LEVEL",
      fallback: "warn",
      text: `With -f: the gateway's log on standard error, one of ${LOG_LEVELS.join(", ")}.`,
    },
  ],
  examples: [
    [
      "ai-rate-limit demo -f examples/quickstart/quickstart.yaml",
      "everything in one process, with the curl command to try",
    ],
    ["ai-rate-limit demo --listen 127.0.0.1:9000", "the fake provider alone"],
    ["curl -s http://127.0.0.1:9000/demo/stats", "what it has charged"],
  ],
  exitCodes: [
    ["0", "stopped by a signal"],
    ["1", "the manifests have errors, or an address cannot be listened on"],
    ["2", "the command line is wrong"],
  ],
};

export async function demo(options: Options, platform: Platform): Promise<number> {
  const withGateway = options.has("file") || options.positionals.length > 0;
  for (const name of ["upstream", "admin", "log-level"]) {
    if (!withGateway && options.has(name)) throw usageError(`--${name} needs a gateway: add -f PATH`);
  }
  const listen = options.one(withGateway ? "upstream" : "listen") ?? UPSTREAM_LISTEN;
  const upstream = createDemoUpstream({
    listen: readAddress(withGateway ? "upstream" : "listen", listen),
    paceMs: readDuration("pace", required(options, "pace")),
    nowMs: platform.nowMs,
    requireKey: true,
  });
  const serving = withGateway ? readGateway(options) : undefined;
  const origin = await startUpstream(upstream);
  try {
    if (serving !== undefined) return await serveGateway({ ...serving, platform, origin });
    const signals = platform.takeSignals();
    platform.terminal.out(`fake LLM provider at ${origin} (charges at ${origin}/demo/stats)`);
    await signals.stopped;
    return 0;
  } finally {
    await upstream.stop();
  }
}

async function startUpstream(upstream: DemoUpstream): Promise<string> {
  try {
    return `http://${formatAddress(await upstream.start())}`;
  } catch (error) {
    throw startFailure(error);
  }
}

type GatewayOptions = ReturnType<typeof readGateway>;

function readGateway(options: Options) {
  return {
    paths: pathsOf(options),
    logLevel: readChoice("log-level", required(options, "log-level"), LOG_LEVELS),
    gateway: {
      listen: readAddress("listen", options.one("listen") ?? GATEWAY_LISTEN),
      admin: readAddress("admin", required(options, "admin")),
      redisUrl: undefined,
      trustedProxies: [],
      maxBodyBytes: MAX_BODY_BYTES,
      drainMs: DRAIN_MS,
    },
  };
}

async function serveGateway(
  input: GatewayOptions & { readonly platform: Platform; readonly origin: string },
): Promise<number> {
  const { platform, origin, gateway } = input;
  return serve({
    ...input,
    adapt: (values) => ({ values: redirectBackends(values, origin), findings: [] }),
    signals: platform.takeSignals(),
    greeting: (serving) => {
      const first = tryIt(serving.compiled, `http://${formatAddress(serving.traffic)}`);
      return [
        ...greeting(serving, gateway, platform.version),
        `  provider  ${origin} (fake; every backend is reached there, charges at /demo/stats)`,
        ...(first === undefined ? [] : ["", "Try it, three times:", `  ${first.curl}`]),
        ...(first === undefined || first.expected.length === 0
          ? []
          : ["", "Expect in the answers:", ...first.expected.map((line) => `  ${line}`)]),
      ];
    },
  });
}
