// OpenAI's API as the proxy sees it: which paths are calls of it, and how each call's bodies are read.
// Paths: https://platform.openai.com/docs/api-reference. Other dialects that share the shape reuse these operations.

import { OpenAiJsonMeter } from "./openai-json-meter.ts";
import { createChatRequestReader, injectIncludeUsage } from "./openai-request.ts";
import { OpenAiStreamMeter } from "./openai-stream-meter.ts";
import { createPassthroughMeter } from "./passthrough-meter.ts";
import type { Dialect, MeterOptions, Operation, RequestInfo, RequestReader, ResponseMeter } from "./provider.ts";

const CHAT_SUFFIX = "/chat/completions";
/** A model's id may have slashes ("meta-llama/Llama-3"). */
const MODELS_PATH = /\/v1(\/models(?:\/[^?#]+)?)$/;
const JSON_TYPE = /^(?:application|text)\/(?:[^;\s]+\+)?json$/;

const CHAT: Operation = {
  name: "chat",
  upstreamPath: "/v1/chat/completions",
  charged: true,
  readRequest: createChatRequestReader,
  injectUsage: injectIncludeUsage,
  meterResponse: meterChat,
};

export const openAiDialect: Dialect = {
  name: "OpenAI",
  operationFor: (method, path) => {
    const bare = path.split("?", 1)[0] ?? path;
    if (method === "POST" && bare.endsWith(CHAT_SUFFIX)) return CHAT;
    return method === "GET" ? modelsOperation(bare) : undefined;
  },
  defaultOperation: CHAT,
};

function meterChat(contentType: string, options: MeterOptions): ResponseMeter {
  const mediaType = (contentType.split(";", 1)[0] ?? "").trim();
  if (mediaType === "text/event-stream") return new OpenAiStreamMeter(options);
  return JSON_TYPE.test(mediaType) ? new OpenAiJsonMeter() : createPassthroughMeter();
}

/** Lists models or shows one. Costs no tokens, so it must not reach any other path of the provider. */
function modelsOperation(path: string): Operation | undefined {
  const suffix = MODELS_PATH.exec(path)?.[1];
  if (suffix === undefined || !isPlainPath(suffix)) return undefined;
  return {
    name: "models",
    upstreamPath: `/v1${suffix}`,
    charged: false,
    readRequest: createEmptyRequestReader,
    injectUsage: () => undefined,
    meterResponse: createPassthroughMeter,
  };
}

/** False when a segment leads elsewhere once a server has decoded it. */
function isPlainPath(path: string): boolean {
  try {
    const decoded = decodeURIComponent(path);
    const leadsElsewhere = decoded.split("/").some((segment) => segment === "." || segment === "..");
    return !leadsElsewhere && !/[\\%?#\p{Cc}]/u.test(decoded);
  } catch {
    return false;
  }
}

function createEmptyRequestReader(): RequestReader {
  const info: RequestInfo = { model: undefined, stream: false, promptTextBytes: 0, malformed: undefined };
  return {
    push: () => undefined,
    end: () => info,
  };
}
