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
    // As Go reads it: prom-client writes "Nan" for what has not been measured yet.
    if (!isFigure(value)) throw new Error(`not a number: ${line}`);
    if (name === "") throw new Error(`not a sample: ${line}`);
    const series = `${name}{${labelText}}`;
    if (seen.has(series)) throw new Error(`twice: ${series}`);
    seen.add(series);
    return [{ name, labels: parseLabels(labelText), value: Number(value) }];
  });
}

function isFigure(text: string): boolean {
  return text.toLowerCase() === "nan" || !Number.isNaN(Number(text.replace("Inf", "Infinity")));
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

export interface ParsedFamily {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly samples: readonly ParsedSample[];
}

const SUFFIXES: Readonly<Record<string, readonly string[]>> = {
  counter: [""],
  gauge: [""],
  histogram: ["_bucket", "_sum", "_count"],
  summary: ["", "_sum", "_count"],
};

/**
 * The page by metric. Throws unless each has one HELP, then one TYPE, then its samples in one piece; unless counters end in
 * _total and do not fall below 0, and buckets rise to the count.
 */
export function parseExposition(text: string): ParsedFamily[] {
  const blocks = text.split(/^(?=# HELP )/m).filter((block) => block.trim() !== "");
  const families = blocks.map(parseFamily);
  const names = families.map(({ name }) => name);
  if (new Set(names).size < names.length) throw new Error(`a metric stands twice: ${names.join(" ")}`);
  return families;
}

function parseFamily(block: string): ParsedFamily {
  const { name, help, type, rest } = headOf(block);
  const wrong = (says: string): Error => new Error(`${says}: ${block.slice(0, 200)}`);
  const samples = parsePrometheus(rest);
  const names = (SUFFIXES[type] ?? []).map((suffix) => name + suffix);
  if (!samples.every((sample) => names.includes(sample.name))) throw wrong("a sample of another metric");
  if (type === "counter") checkCounter(name, samples);
  if (type === "histogram") checkHistogram(name, samples);
  return { name, type, help, samples };
}

function headOf(block: string): Readonly<Record<"name" | "help" | "type" | "rest", string>> {
  const [head = "", name = "", help = "", type = ""] = /^# HELP (\S+) (.+)\n# TYPE \1 (\S+)\n/.exec(block) ?? [];
  const rest = block.slice(head.length);
  if (head === "" || /^#/m.test(rest)) throw new Error(`not HELP, TYPE and samples: ${block.slice(0, 200)}`);
  return { name, help, type, rest };
}

function checkCounter(name: string, samples: readonly ParsedSample[]): void {
  if (!name.endsWith("_total")) throw new Error(`the counter ${name} does not end in _total`);
  if (samples.some(({ value }) => value < 0)) throw new Error(`the counter ${name} is below 0`);
}

function checkHistogram(name: string, samples: readonly ParsedSample[]): void {
  const bySeries = new Map<string, ParsedSample[]>();
  for (const sample of samples) {
    const { le: _, ...labels } = sample.labels;
    const key = JSON.stringify(labels);
    bySeries.set(key, [...(bySeries.get(key) ?? []), sample]);
  }
  for (const series of bySeries.values()) checkBuckets(name, series);
}

function checkBuckets(name: string, series: readonly ParsedSample[]): void {
  const buckets = series.filter((sample) => sample.name === `${name}_bucket`);
  const bounds = buckets.map(({ labels }) => Number(labels["le"]?.replace("+Inf", "Infinity")));
  const rises = (numbers: readonly number[]): boolean => numbers.every((n, i) => i === 0 || n >= (numbers[i - 1] ?? 0));
  if (!rises(bounds) || !rises(buckets.map(({ value }) => value))) throw new Error(`buckets of ${name} fall`);
  const count = series.find((sample) => sample.name === `${name}_count`)?.value;
  const last = buckets.at(-1);
  if (bounds.at(-1) !== Infinity || last?.value !== count) throw new Error(`${name}: the last bucket is not the count`);
}
