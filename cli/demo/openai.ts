// OpenAI's conventions in the demo upstream: errors, headers, fields that several endpoints share.
// https://platform.openai.com/docs/api-reference

import { isRecord } from "../../compiler/is-record.ts";
import type { Answer, DemoRequest, Dialect, Frame, JsonRecord } from "./answer.ts";
import { MAX_COMPLETION_TOKENS } from "./tokens.ts";

export interface OpenAIProblem {
  readonly message: string;
  readonly param?: string;
  readonly code?: string;
  readonly status?: number;
}

/** Thrown by the field readers below, answered by `answering`. */
class Refused extends Error {
  readonly problem: OpenAIProblem;

  constructor(problem: OpenAIProblem) {
    super(problem.message);
    this.problem = problem;
  }
}

export function refuse(problem: OpenAIProblem): Error {
  return new Refused(problem);
}

/** OpenAI prints JSON bodies with two spaces and ends errors with a line end. */
export function errorAnswer({ message, param, code, status }: OpenAIProblem): Answer {
  const error = { message, type: "invalid_request_error", param: param ?? null, code: code ?? null };
  return { kind: "error", status: status ?? 400, body: `${JSON.stringify({ error }, null, 2)}\n` };
}

/** An endpoint whose field readers may refuse. */
export function answering(answer: (request: DemoRequest) => Answer): (request: DemoRequest) => Answer {
  return (request) => {
    try {
      return answer(request);
    } catch (error) {
      if (error instanceof Refused) return errorAnswer(error.problem);
      throw error;
    }
  };
}

const KEY_MISSING =
  "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth " +
  "(i.e. Authorization: Bearer YOUR_KEY), or as the password field (with blank username) if you're accessing the API " +
  "from your browser and are prompted for a username and password.";

export const openaiDialect: Dialect = {
  unauthorized: (headers) => {
    const { authorization } = headers;
    const bearer = typeof authorization === "string" && /^Bearer +\S/i.test(authorization);
    return bearer ? undefined : errorAnswer({ message: KEY_MISSING, status: 401 });
  },
  malformed: () =>
    errorAnswer({
      message:
        "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your HTTP library " +
        "correctly. The OpenAI API expects a JSON payload, but what was sent was not valid JSON.)",
    }),
  tooLarge: () => errorAnswer({ message: "The request body is too large.", status: 413 }),
  notFound: ({ method, path }) => errorAnswer({ message: `Invalid URL (${method} ${path})`, status: 404 }),
  headers: (requestId) => ({
    "openai-organization": "demo",
    "openai-processing-ms": "1",
    "openai-version": "2020-10-01",
    "x-request-id": `req_${requestId}`,
    "x-ratelimit-limit-requests": "10000",
    "x-ratelimit-limit-tokens": "30000000",
    "x-ratelimit-remaining-requests": "9999",
    "x-ratelimit-remaining-tokens": "29999990",
    "x-ratelimit-reset-requests": "6ms",
    "x-ratelimit-reset-tokens": "0s",
  }),
};

export function readModel(body: JsonRecord): string {
  const { model } = body;
  if (typeof model === "string" && model !== "") return model;
  throw refuse({ message: "you must provide a model parameter" });
}

export function missing(param: string): Error {
  return refuse({ message: `Missing required parameter: '${param}'.`, param, code: "missing_required_parameter" });
}

/** Undefined when absent or null, as OpenAI reads it. */
export function readInteger(body: JsonRecord, param: string, max: number): number | undefined {
  const value = body[param] ?? undefined;
  if (value === undefined) return undefined;
  if (typeof value !== "number" || !Number.isInteger(value)) {
    const message = `Invalid type for '${param}': expected an integer, but got ${typeof value} instead.`;
    throw refuse({ message, param, code: "invalid_type" });
  }
  if (value < 1) {
    const message = `Invalid '${param}': integer below minimum value. Expected a value >= 1, but got ${value} instead.`;
    throw refuse({ message, param, code: "integer_below_min_value" });
  }
  if (value > max) {
    const message = `Invalid '${param}': integer above maximum value. Expected a value <= ${max}, but got ${value} instead.`;
    throw refuse({ message, param, code: "integer_above_max_value" });
  }
  return value;
}

export function readTokenCap(body: JsonRecord, param: string): number | undefined {
  return readInteger(body, param, MAX_COMPLETION_TOKENS);
}

export interface StreamOptions {
  readonly stream: boolean;
  /** Usage in an extra chunk, and `"usage":null` on all others; without it no word of usage. */
  readonly includeUsage: boolean;
  /** Padding against traffic analysis, on by default. */
  readonly obfuscation: boolean;
}

export function readStreamOptions(body: JsonRecord): StreamOptions {
  const stream = body["stream"] === true;
  const options = body["stream_options"] ?? undefined;
  if (options === undefined) return { stream, includeUsage: false, obfuscation: true };
  const param = "stream_options";
  if (!stream) throw refuse({ message: `The '${param}' parameter is only allowed when 'stream' is enabled.`, param });
  if (!isRecord(options)) {
    const message = `Invalid type for '${param}': expected an object, but got ${typeof options} instead.`;
    throw refuse({ message, param, code: "invalid_type" });
  }
  return {
    stream,
    includeUsage: options["include_usage"] === true,
    obfuscation: options["include_obfuscation"] !== false,
  };
}

export interface TokenCounts {
  readonly promptTokens: number;
  readonly completionTokens: number;
}

export function usageObject({ promptTokens, completionTokens }: TokenCounts): object {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
    completion_tokens_details: {
      reasoning_tokens: 0,
      audio_tokens: 0,
      accepted_prediction_tokens: 0,
      rejected_prediction_tokens: 0,
    },
  };
}

export function jsonAnswer(value: object, charged: TokenCounts): Answer {
  return { kind: "json", body: `${JSON.stringify(value, null, 2)}\n`, charged };
}

export interface ChunkStream {
  /** Members that every chunk starts with: id, object, created, model. */
  readonly head: object;
  readonly options: StreamOptions;
  readonly counts: TokenCounts;
  /** Choices of one chunk, and how many tokens are in it. */
  readonly chunks: Iterable<readonly [choices: readonly object[], completionTokens: number]>;
}

/** Chunks, then the usage chunk if it was asked for, then [DONE]. */
export function* chunkFrames({ head, options, counts, chunks }: ChunkStream): Generator<Frame> {
  const usage = options.includeUsage ? { usage: null } : {};
  let index = 0;
  for (const [choices, completionTokens] of chunks) {
    const padding = options.obfuscation ? { obfuscation: PADDING.slice(0, 3 + ((index * 5) % 11)) } : {};
    index += 1;
    yield { text: data({ ...head, choices, ...usage, ...padding }), completionTokens };
  }
  if (options.includeUsage) {
    const padding = options.obfuscation ? { obfuscation: PADDING.slice(0, 3) } : {};
    yield { text: data({ ...head, choices: [], usage: usageObject(counts), ...padding }), completionTokens: 0 };
  }
  yield { text: "data: [DONE]\n\n", completionTokens: 0 };
}

const PADDING = "kx7Pq2mZw9Tn4b";

function data(chunk: object): string {
  return `data: ${JSON.stringify(chunk)}\n\n`;
}
