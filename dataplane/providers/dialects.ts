// Which dialect and operation a request is: by its path, else by its body's shape. A path of a known API that nobody meters
// is told apart from a path that says nothing, and is never forwarded.

import type { JsonScanner } from "../json/scanner.ts";
import { anthropicDialect } from "./anthropic.ts";
import { createJsonReader, JsonRequestInfo, MEMBER } from "./json-request.ts";
import { openAiByBody, openAiDialect } from "./openai.ts";
import { ChatRequestInfo } from "./openai-request.ts";
import type { DialectName, Operation, RequestInfo, RequestReader } from "./provider.ts";
import { ResponsesRequestInfo } from "./responses-request.ts";

/** What is known of a call before its body. */
export interface Call {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  /** Whether it has the header anthropic-version, which every call of that API must have. */
  readonly hasAnthropicVersion: boolean;
}

export type Choice =
  | { readonly kind: "operation"; readonly operation: Operation }
  /** The body must say it: `createShapeReader`. */
  | { readonly kind: "byBody" }
  /** A call of a known API whose cost cannot be read. */
  | { readonly kind: "unmetered" }
  | { readonly kind: "unknown" };

/** Reads a body and finds out which operation it is of. */
export interface ShapeReader extends RequestReader {
  /** After `end`. When the body fits none, the dialect's main call, and the info says what is wrong. */
  operation(): Operation;
}

export interface Dialects {
  /** In whose words a call is answered before more is known of it. */
  dialectOf(call: Pick<Call, "path" | "hasAnthropicVersion">): DialectName;
  /** `serves` tells whether some backend speaks a dialect: it decides where two share a path. */
  choose(call: Call, serves: (dialect: DialectName) => boolean): Choice;
  createShapeReader(dialect: DialectName): ShapeReader;
  /** The one operation that an endpoint with this path answers; of a path that says nothing, the dialect's main call. */
  operationAt(path: string, dialect: DialectName): Operation;
}

const ANTHROPIC_PATH = /\/v1\/(?:messages|complete)(?:\/|$)/;
const OPENAI_PATH = /\/(?:completions|embeddings|responses)(?:\/|$)/;

/** First segments of what else the two APIs have, below /v1 or an Azure deployment. */
const UNMETERED_CALLS = [
  "assistants",
  "audio",
  "batches",
  "chat",
  "chatkit",
  "complete",
  "containers",
  "conversations",
  "edits",
  "embeddings",
  "engines",
  "evals",
  "files",
  "fine-tunes",
  "fine_tuning",
  "images",
  "messages",
  "moderations",
  "organization",
  "organizations",
  "realtime",
  "responses",
  "skills",
  "threads",
  "uploads",
  "vector_stores",
  "videos",
];
const UNMETERED_PATH = new RegExp(`/(?:v1|deployments/[^/]+)/(?:${UNMETERED_CALLS.join("|")})(?:/|$)`);
/** Paths of metered calls: with another method they are no call at all. */
const METERED_PATH =
  /\/(?:v1\/messages(?:\/count_tokens)?|(?:chat\/)?completions|embeddings|responses(?:\/input_tokens)?)$/;

export const dialects: Dialects = {
  dialectOf: ({ path, hasAnthropicVersion }) => {
    if (ANTHROPIC_PATH.test(path)) return "Anthropic";
    return hasAnthropicVersion && !OPENAI_PATH.test(path) ? "Anthropic" : "OpenAI";
  },
  choose: (call, serves) => {
    const operation = operationOf(call, serves);
    if (operation !== undefined) return { kind: "operation", operation };
    if (UNMETERED_PATH.test(call.path) && !METERED_PATH.test(call.path)) return { kind: "unmetered" };
    return { kind: call.method === "POST" ? "byBody" : "unknown" };
  },
  createShapeReader,
  operationAt: (path, name) => {
    const dialect = name === "Anthropic" ? anthropicDialect : openAiDialect;
    return dialect.operationFor("POST", path) ?? dialect.defaultOperation;
  },
};

function operationOf({ method, path, hasAnthropicVersion }: Call, serves: (dialect: DialectName) => boolean) {
  const ofOpenAi = openAiDialect.operationFor(method, path);
  const ofAnthropic = anthropicDialect.operationFor(method, path);
  if (ofOpenAi === undefined || ofAnthropic === undefined) return ofOpenAi ?? ofAnthropic;
  const isAnthropic = hasAnthropicVersion || (serves("Anthropic") && !serves("OpenAI"));
  return isAnthropic ? ofAnthropic : ofOpenAi;
}

interface Shape {
  readonly operation: Operation;
  readonly info: RequestInfo;
}

/** `dialect` is whose a body with `messages` is, because the two APIs share that shape. */
function createShapeReader(dialect: DialectName): ShapeReader {
  const main = dialect === "Anthropic" ? anthropicDialect.defaultOperation : openAiDialect.defaultOperation;
  let operation = main;
  const reader = createJsonReader((scanner) => {
    const shape = shapeOf(scanner, main);
    operation = shape.operation;
    return shape.info;
  });
  return {
    push: (chunk) => {
      reader.push(chunk);
    },
    end: () => reader.end(),
    operation: () => operation,
  };
}

/**
 * | member of the body                            | operation                          |
 * | messages                                      | the dialect's main call            |
 * | prompt                                        | OpenAI completions                 |
 * | input, with encoding_format or dimensions     | OpenAI embeddings                  |
 * | input                                         | OpenAI responses                   |
 * | none of these                                 | the main call, malformed           |
 *
 * The first row that fits decides. Embeddings have no member of their own that they must have, so that a body with
 * nothing but model and input counts as a response: it is the one that can cost more.
 */
function shapeOf(scanner: JsonScanner, main: Operation): Shape {
  const has = (member: keyof typeof MEMBER): boolean => scanner.captured(MEMBER[member]) !== undefined;
  if (has("messages")) return { operation: main, info: infoOfMessages(scanner, main) };
  if (has("prompt")) return { operation: openAiByBody.completions, info: new ChatRequestInfo(scanner) };
  if (has("input") && (has("encodingFormat") || has("dimensions"))) {
    return { operation: openAiByBody.embeddings, info: new JsonRequestInfo(scanner) };
  }
  if (has("input")) return { operation: openAiByBody.responses, info: new ResponsesRequestInfo(scanner) };
  const problem =
    "found none of `messages`, `prompt` and `input`, wanted one of them on a path that is no known API path";
  return { operation: main, info: new JsonRequestInfo(scanner, problem) };
}

function infoOfMessages(scanner: JsonScanner, main: Operation): RequestInfo {
  return main.dialect === "OpenAI" ? new ChatRequestInfo(scanner) : new JsonRequestInfo(scanner);
}
