// Meters Anthropic's messages, streamed or not. Events: https://docs.anthropic.com/en/docs/build-with-claude/streaming

import { ScanPlan } from "../json/scan-plan.ts";
import type { JsonScanner } from "../json/scanner.ts";
import { ScannerPool } from "../json/scanner-pool.ts";
import { AnthropicUsage } from "./anthropic-usage.ts";
import { type EventReader, EventStreamMeter } from "./event-stream-meter.ts";
import { JsonMeter } from "./json-meter.ts";
import type { ResponseMeter } from "./provider.ts";

/** Texts, thinking, and tool input, which is streamed as JSON in pieces. */
const TEXT_KEYS = ["text", "thinking", "partial_json"];

const EVENT_TYPE = 0;
const START_USAGE = 1;
const DELTA_USAGE = 2;
const EVENT_PLAN = new ScanPlan({
  paths: [["type"], ["message", "usage"], ["usage"]],
  textKeys: TEXT_KEYS,
  ambiguousKeys: "last",
  maxCaptureBytes: 8192,
  maxDepth: 512,
});

const MESSAGE_USAGE = 0;
const MESSAGE_SCANNERS = new ScannerPool(
  new ScanPlan({
    paths: [["usage"]],
    textKeys: TEXT_KEYS,
    ambiguousKeys: "last",
    maxCaptureBytes: 8192,
    maxDepth: 512,
  }),
);

const MESSAGE_STOP = '"message_stop"';

export function createAnthropicJsonMeter(): ResponseMeter {
  return new JsonMeter(MESSAGE_SCANNERS, (scanner) => {
    const reported = new AnthropicUsage();
    reported.read(scanner.captured(MESSAGE_USAGE)?.raw());
    return reported.resolve();
  });
}

export function createAnthropicStreamMeter(): ResponseMeter {
  const reported = new AnthropicUsage();
  const reader: EventReader = {
    plan: EVENT_PLAN,
    // Which event it is says its shape: servers that speak this dialect do not all name their events alike.
    takeEvent: (scanner: JsonScanner) => {
      reported.readStart(scanner.captured(START_USAGE)?.raw());
      reported.read(scanner.captured(DELTA_USAGE)?.raw());
      return scanner.captured(EVENT_TYPE)?.raw()?.toString("latin1") === MESSAGE_STOP;
    },
    usage: () => reported.resolve(),
  };
  return new EventStreamMeter(reader);
}
