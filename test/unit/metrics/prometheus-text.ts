// Reads the Prometheus text format, independently of what wrote it: name, labels, value of each sample.

export interface ParsedSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const LINE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/s;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"(?:,|$)/gy;

/** Throws on a line that is neither a comment nor a sample, and on a series that stands twice. */
export function parsePrometheus(text: string): ParsedSample[] {
  const seen = new Set<string>();
  return text.split("\n").flatMap((line) => {
    if (line === "" || line.startsWith("#")) return [];
    const [, name = "", labelText = "", value = ""] = LINE.exec(line) ?? [];
    if (name === "") throw new Error(`not a sample: ${line}`);
    const series = `${name}{${labelText}}`;
    if (seen.has(series)) throw new Error(`twice: ${series}`);
    seen.add(series);
    return [{ name, labels: parseLabels(labelText), value: Number(value) }];
  });
}

function parseLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  let end = 0;
  for (const match of text.matchAll(LABEL)) {
    const [whole, name = "", value = ""] = match;
    labels[name] = value.replace(/\\(.)/g, (_, c: string) => (c === "n" ? "\n" : c));
    end = match.index + whole.length;
  }
  if (end !== text.length) throw new Error(`not labels: ${text}`);
  return labels;
}
