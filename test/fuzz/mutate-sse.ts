// Mutations of server-sent events: events repeat, go and change; line ends, fields and comments are written in odd ways.

import { mutateJson } from "./mutate-json.ts";
import type { Random } from "./random.ts";

const LINE_ENDS = ["\n", "\r\n", "\r"] as const;
const EXTRAS = [
  ": comment",
  ":",
  "event: message",
  "id: 7",
  "retry: 10",
  "data",
  "data:",
  "datax: 1",
  " data: 1",
  "\ufeffdata: {}",
  "data: [DONE]",
  "data:  [DONE] ",
  'data: {"usage":null}',
] as const;

export function mutateSse(input: Buffer, random: Random, tokens: readonly string[]): Buffer {
  const events = input.toString("latin1").split(/\r\n\r\n|\n\n|\r\r/);
  const at = random.int(events.length);
  const event = events[at] ?? "";
  const deed = random.int(9);
  if (deed === 0) events.splice(at, 1);
  else if (deed === 1) events.splice(random.int(events.length), 0, event);
  else if (deed === 2) events[at] = `${event}\n${random.pick(EXTRAS)}`;
  else if (deed === 3) events[at] = `${random.pick(EXTRAS)}\n${event}`;
  else if (deed === 4) events[at] = overSeveralLines(event, random);
  else if (deed === 5) events.splice(at, 0, random.pick(EXTRAS));
  else events[at] = withChangedData(event, random, tokens);
  return Buffer.from(joined(events, random), "latin1");
}

function withChangedData(event: string, random: Random, tokens: readonly string[]): string {
  const match = /^data: ?(.*)$/m.exec(event);
  const changed = match?.[1] === undefined ? undefined : mutateJson(Buffer.from(match[1], "latin1"), random, tokens);
  if (match === null || changed === undefined) return event;
  // Line ends in the JSON go on in a data line of their own.
  const text = changed.toString("latin1").replace(/\r\n|\r|\n/g, "\ndata: ");
  return `${event.slice(0, match.index)}data:${random.oneIn(4) ? "" : " "}${text}${event.slice(match.index + match[0].length)}`;
}

/** The data go on in a second data line, between two JSON tokens most of the time. */
function overSeveralLines(event: string, random: Random): string {
  const commas = [...event.matchAll(/[,:{[]/g)].map((match) => match.index + 1).filter((i) => i > 5);
  const at = commas[random.int(commas.length)] ?? random.int(event.length);
  return `${event.slice(0, at)}\ndata:${random.oneIn(2) ? " " : ""}${event.slice(at)}`;
}

function joined(events: readonly string[], random: Random): string {
  const mixed = random.oneIn(4);
  const lineEnd = random.pick(LINE_ENDS);
  const end = (): string => (mixed ? random.pick(LINE_ENDS) : random.oneIn(3) ? lineEnd : "\n");
  return events.map((event) => `${event}${end()}${end()}`).join("");
}
