// Meters a stream of OpenAI's Responses API. Events: https://platform.openai.com/docs/api-reference/responses-streaming

import { ScanPlan } from "../json/scan-plan.ts";
import { EventStreamMeter } from "./event-stream-meter.ts";
import { OpenAiUsage } from "./openai-usage.ts";
import type { ResponseMeter } from "./provider.ts";

const EVENT_TYPE = 0;
const USAGE = 1;
const PLAN = new ScanPlan({
  paths: [["type"], ["response", "usage"]],
  // Each text comes in deltas, and again whole in the events that end its part, its item and the response.
  textKeys: ["delta"],
  ambiguousKeys: "last",
  maxCaptureBytes: 8192,
  maxDepth: 512,
});

/** The events that end a response; all carry its usage. An `error` event ends the stream without any. */
const TERMINAL = new Set(['"response.completed"', '"response.incomplete"', '"response.failed"']);

export function createResponsesStreamMeter(): ResponseMeter {
  const reported = new OpenAiUsage();
  return new EventStreamMeter({
    plan: PLAN,
    takeEvent: (scanner) => {
      reported.read(scanner.captured(USAGE)?.raw());
      return TERMINAL.has(scanner.captured(EVENT_TYPE)?.raw()?.toString("latin1") ?? "");
    },
    usage: () => reported.resolve(),
  });
}
