// Counters, gauges and histograms as plain numbers: no work on the hot path but an addition; text is made at scrape.
// They register with a prom-client Registry, which renders them beside its own process metrics.

import type { Registry } from "prom-client";

export interface Cell {
  value: number;
}

/** A metric with labels: one cell for each combination of label values. The caller keeps its cell. */
export interface Family<C> {
  cell(...labelValues: readonly string[]): C;
}

interface Sample {
  readonly value: number;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly metricName?: string;
}

interface MetricOptions {
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
  /** The most combinations kept; further ones share the cell whose labels are all "other". */
  readonly maxSeries?: number;
}

const DEFAULT_MAX_SERIES = 5_000;

export function counter(registry: Registry, options: MetricOptions): Family<Cell> {
  return family(registry, { ...options, type: "counter" }, PLAIN);
}

export function gauge(registry: Registry, options: MetricOptions): Family<Cell> {
  return family(registry, { ...options, type: "gauge" }, PLAIN);
}

/** How a kind of metric keeps a cell and what it shows of it. */
interface CellKind<C> {
  readonly make: () => C;
  readonly samples: (labels: Readonly<Record<string, string>>, cell: C) => Sample[];
}

const PLAIN: CellKind<Cell> = {
  make: () => ({ value: 0 }),
  samples: (labels, cell) => [{ labels, value: cell.value }],
};

/** How long a low value is shown for: one to two of these. */
const PERIOD_MS = 60_000;

export interface LowCell {
  /** `nowMs` by any clock that `lowGauge` was given. */
  observe(value: number, nowMs: number): void;
}

interface LowState extends LowCell {
  lowest(nowMs: number): number;
}

/** A gauge of the lowest value (0..1) that was observed in this minute and the last; 1 when there was none. */
export function lowGauge(registry: Registry, options: MetricOptions, nowMs: () => number): Family<LowCell> {
  const make = (): LowState => {
    let period = -1;
    let current = 1;
    let before = 1;
    const turn = (now: number): void => {
      const next = Math.floor(now / PERIOD_MS);
      if (next === period) return;
      before = next === period + 1 ? current : 1;
      current = 1;
      period = next;
    };
    return {
      observe(value, now) {
        turn(now);
        if (value < current) current = value;
      },
      lowest(now) {
        turn(now);
        return Math.min(current, before);
      },
    };
  };
  const samples = (labels: Readonly<Record<string, string>>, state: LowState): Sample[] => [
    { labels, value: state.lowest(nowMs()) },
  ];
  return family(registry, { ...options, type: "gauge" }, { make, samples });
}

export interface HistogramCell {
  /** Seconds. */
  observe(value: number): void;
}

interface HistogramState extends HistogramCell {
  /** Observations by bucket, the last one without a bound; behind them their sum. */
  readonly numbers: Float64Array;
}

/** `buckets` are upper bounds in seconds, ascending. */
export function histogram(
  registry: Registry,
  options: MetricOptions & { readonly buckets: readonly number[] },
): Family<HistogramCell> {
  const { buckets, name } = options;
  const make = (): HistogramState => {
    const numbers = new Float64Array(buckets.length + 2);
    const sumAt = buckets.length + 1;
    return {
      numbers,
      observe(value) {
        let i = 0;
        while (i < buckets.length && value > (buckets[i] ?? Infinity)) i++;
        numbers[i] = (numbers[i] ?? 0) + 1;
        numbers[sumAt] = (numbers[sumAt] ?? 0) + value;
      },
    };
  };
  const samples = (labels: Readonly<Record<string, string>>, state: HistogramState): Sample[] => {
    let total = 0;
    const sum = state.numbers[buckets.length + 1] ?? 0;
    const rows = [...state.numbers.subarray(0, -1)].map((count, i): Sample => {
      total += count;
      return { labels: { ...labels, le: buckets[i] ?? "+Inf" }, value: total, metricName: `${name}_bucket` };
    });
    rows.push({ labels, value: sum, metricName: `${name}_sum` });
    rows.push({ labels, value: total, metricName: `${name}_count` });
    return rows;
  };
  return family(registry, { ...options, type: "histogram" }, { make, samples });
}

function family<C>(
  registry: Registry,
  options: MetricOptions & { readonly type: "counter" | "gauge" | "histogram" },
  { make, samples }: CellKind<C>,
): Family<C> {
  const { name, help, type, labels, maxSeries = DEFAULT_MAX_SERIES } = options;
  const cells = new Map<string, { readonly labels: Readonly<Record<string, string>>; readonly cell: C }>();
  const overflow = labels.map(() => "other");
  function cellOf(values: readonly string[]): C {
    const key = JSON.stringify(values);
    const known = cells.get(key);
    if (known) return known.cell;
    if (cells.size >= maxSeries && values !== overflow) return cellOf(overflow);
    const entry = { labels: Object.fromEntries(labels.map((label, i) => [label, values[i] ?? ""])), cell: make() };
    cells.set(key, entry);
    return entry.cell;
  }
  if (labels.length === 0) cellOf([]);
  const metric = {
    name,
    get: () => {
      const values = [...cells.values()].flatMap((entry) => samples(entry.labels, entry.cell));
      return Promise.resolve({ name, help, type, values, aggregator: "sum" });
    },
  };
  register(registry, metric);
  return { cell: (...values) => cellOf(values) };
}

/**
 * prom-client renders whatever answers get() in its own form; its types know only its own classes, so the object goes in
 * through Reflect.
 */
function register(registry: Registry, metric: { readonly name: string }): void {
  const accept: unknown = Reflect.get(registry, "registerMetric");
  if (typeof accept !== "function") throw new TypeError("this prom-client Registry takes no metrics");
  Reflect.apply(accept, registry, [metric]);
}
