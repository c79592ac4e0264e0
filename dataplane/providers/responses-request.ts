// Reads a request of OpenAI's Responses API. Fields: https://platform.openai.com/docs/api-reference/responses/create

import type { JsonScanner } from "../json/scanner.ts";
import { createJsonReader, JsonRequestInfo, MEMBER, readCount, type TypedReader } from "./json-request.ts";

/** What a background response is taken to generate when its request has no max_output_tokens. */
const UNCAPPED_BACKGROUND_TOKENS = 4096;
/** Values with which a request is answered on its own connection. */
const FOREGROUND = new Set(["false", "null"]);

/**
 * A background response is made whether or not somebody waits for it, and its usage is told only to who asks later. So its
 * request says how much to assume where no usage is seen: its own cap.
 */
export class ResponsesRequestInfo extends JsonRequestInfo {
  readonly detachedCompletion: number | undefined;

  constructor(scanner: JsonScanner) {
    super(scanner);
    const background = scanner.captured(MEMBER.background);
    const isForeground = background === undefined || FOREGROUND.has(background.raw()?.toString("latin1") ?? "");
    this.detachedCompletion = isForeground
      ? undefined
      : (readCount(scanner, MEMBER.maxOutputTokens) ?? UNCAPPED_BACKGROUND_TOKENS);
  }
}

export function createResponsesRequestReader(): TypedReader<ResponsesRequestInfo> {
  return createJsonReader((scanner) => new ResponsesRequestInfo(scanner));
}
