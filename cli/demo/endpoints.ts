// Paths of the demo upstream, and whose conventions hold below each.

import type { Answer, DemoRequest, Dialect } from "./answer.ts";
import { anthropicDialect, countTokens, messages } from "./anthropic.ts";
import { chatCompletions } from "./chat-completions.ts";
import { completions } from "./completions.ts";
import { embeddings } from "./embeddings.ts";
import { listModels, showModel } from "./models.ts";
import { openaiDialect } from "./openai.ts";
import { responses } from "./responses.ts";

export interface Endpoint {
  readonly takesBody: boolean;
  readonly answer: (request: DemoRequest) => Answer;
}

export interface FoundEndpoint {
  /** Undefined: no such path, or not with this method. */
  readonly endpoint: Endpoint | undefined;
  readonly dialect: Dialect;
  readonly path: string;
}

interface Head {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  readonly headers: DemoRequest["headers"];
}

const POST = new Map<string, (request: DemoRequest) => Answer>([
  ["/v1/chat/completions", chatCompletions],
  ["/v1/completions", completions],
  ["/v1/embeddings", embeddings],
  ["/v1/responses", responses],
  ["/v1/messages", messages],
  ["/v1/messages/count_tokens", countTokens],
]);

/** The two providers share the path of models; Anthropic's clients say the version of its API. */
export function findEndpoint({ method = "GET", url = "/", headers }: Head): FoundEndpoint {
  const path = url.split("?", 1)[0] ?? "/";
  const shared = /^\/v1\/models(\/|$)/.test(path) && headers["anthropic-version"] !== undefined;
  const dialect = shared || /^\/v1\/messages(\/|$)/.test(path) ? anthropicDialect : openaiDialect;
  return { endpoint: method === "POST" ? posted(path) : method === "GET" ? got(path) : undefined, dialect, path };
}

function posted(path: string): Endpoint | undefined {
  const answer = POST.get(path);
  return answer && { takesBody: true, answer };
}

function got(path: string): Endpoint | undefined {
  if (path === "/v1/models") return { takesBody: false, answer: listModels };
  const id = /^\/v1\/models\/([^/]{1,200})$/.exec(path)?.[1];
  return id === undefined ? undefined : { takesBody: false, answer: (request) => showModel(id, request) };
}
