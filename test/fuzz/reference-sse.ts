// A second reading of server-sent events to compare with: splits the whole text into lines, as the specification's
// algorithm does. Works on latin1.

export interface ReferenceEvent {
  /** The event's exact text, the blank line included. */
  readonly text: string;
  /** Values of its data lines. */
  readonly data: readonly string[];
  /** False for what the end of the stream cut off. */
  readonly isWhole: boolean;
}

const BOM = /^\u00ef\u00bb\u00bf/;
const LINE = /([^\r\n]*)(\r\n|\r|\n|$)/g;

export function readEvents(stream: string): ReferenceEvent[] {
  const events: ReferenceEvent[] = [];
  let text = "";
  let data: string[] = [];
  for (const [, line = "", end = ""] of stream.matchAll(LINE)) {
    const isFirst = events.length === 0 && text === "";
    data.push(...dataIn(isFirst ? line.replace(BOM, "") : line));
    text += line + end;
    if (line !== "" || end === "") continue;
    events.push({ text, data, isWhole: true });
    text = "";
    data = [];
  }
  return text === "" ? events : [...events, { text, data, isWhole: false }];
}

function dataIn(line: string): string[] {
  return line.startsWith("data:") ? [line.slice(line.startsWith("data: ") ? 6 : 5)] : [];
}
