// The splitter of server-sent events: frames joined are the stream, and the data are those of a plain reading.

import { type SseFrame, SseSplitter } from "../../../dataplane/providers/sse.ts";
import { same, sameForAll } from "../laws.ts";
import { readEvents } from "../reference-sse.ts";
import { waysToCut } from "../split.ts";
import type { FuzzTarget } from "../target.ts";

interface Frames {
  readonly joined: string;
  /** Data of each event with data; a frame over the cap is one entry however many pieces it came in. */
  readonly events: readonly string[];
}

function split(pieces: readonly Buffer[], maxFrameBytes: number): Frames {
  const events: string[] = [];
  let joined = "";
  let unread = "";
  const takeFrame = ({ kind, buffer, from, to, data }: SseFrame): void => {
    const text = buffer.toString("latin1", from, to);
    joined += text;
    if (kind === "unread") unread += text;
    else if (kind !== "lineFeed" && unread !== "") unread = events.push("unread") > 0 ? "" : unread;
    if (kind === "event" || kind === "cut")
      events.push(JSON.stringify(data.map((d) => buffer.toString("latin1", d.from, d.to))));
  };
  const splitter = new SseSplitter(maxFrameBytes, { takeFrame, takeKnown: (_chunk, from) => from });
  for (const piece of pieces) splitter.push(piece);
  splitter.end();
  return { joined, events: events.filter((data) => data !== "[]" && data !== "unread") };
}

/** The splitter ends a frame at its first blank line, also one that has nothing before it. */
function wantedEvents(stream: string): readonly string[] {
  return readEvents(stream).flatMap(({ data }) => (data.length === 0 ? [] : [JSON.stringify(data)]));
}

export const target: FuzzTarget = {
  name: "sse-splitter",
  shape: "sse",
  seeds: [
    'data: {"a":1}\n\ndata: {"a":2}\n\ndata: [DONE]\n\n',
    "\ufeffdata: first\r\n\r\n: comment\r\nevent: x\r\ndata:second\r\ndata: line\r\n\r\n",
    "data: a\r\rdata: b\r\r\n\r\n\n\ndata",
  ],
  tokens: ["\n", "\r", "\r\n", "\n\n", "\r\r", "data:", "data: ", ":", "event: x", "\ufeff", "[DONE]"],
  // Nothing but blank lines is an event for each of them, read seven times.
  maxBytes: 16_384,
  run(input, random) {
    const ways = waysToCut(input, random);
    const stream = input.toString("latin1");
    const free = sameForAll(ways, (pieces) => split(pieces, 1_048_576), "another cut gives other frames");
    same(free.joined, stream, "frames joined are the stream");
    same(free.events, wantedEvents(stream), "the data of each event");
    const capped = sameForAll(ways, (pieces) => split(pieces, 24), "another cut gives other frames under a cap");
    same(capped.joined, stream, "frames joined are the stream, under a cap");
    return `${String(Math.min(free.events.length, 12))}/${String(Math.min(capped.events.length, 12))}`;
  },
};
