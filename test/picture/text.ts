// Numbers, names and marks of axes as a panel writes them.

import type { Panel } from "../helpers/dashboards.ts";
import type { Series } from "../helpers/prometheus.ts";

type Unit = NonNullable<Panel["fieldConfig"]>["defaults"]["unit"];

const THOUSANDS = [
  [1e9, "G"],
  [1e6, "M"],
  [1e3, "k"],
] as const;
const SECONDS = [
  [60, "min", 60],
  [1, "s", 1],
  [1e-3, "ms", 1e-3],
  [1e-6, "µs", 1e-6],
] as const;

/** Three digits are enough for a picture, unless the panel asks for some behind the point. */
export function valueText(value: number, unit: Unit, decimals?: number): string {
  if (unit === "percentunit") return `${digits(value * 100, decimals)} %`;
  if (unit === "s") return secondsText(value, decimals);
  if (unit === "reqps") return `${shortText(value, decimals)} req/s`;
  if (unit === "bytes") return `${shortText(value, decimals)}B`;
  if (unit === "d") return `${digits(value, decimals)} days`;
  return shortText(value, decimals) + (unit.startsWith("suffix:") ? unit.slice("suffix:".length) : "");
}

function secondsText(value: number, decimals: number | undefined): string {
  if (value === 0) return "0 s";
  const [, name, size] = SECONDS.find(([from]) => Math.abs(value) >= from) ?? [0, "µs", 1e-6];
  return `${digits(value / size, decimals)} ${name}`;
}

function shortText(value: number, decimals: number | undefined): string {
  const [size, name] = THOUSANDS.find(([from]) => Math.abs(value) >= from) ?? [1, ""];
  return digits(value / size, decimals) + (name === "" ? "" : ` ${name}`);
}

function digits(value: number, decimals: number | undefined): string {
  if (decimals !== undefined) return value.toFixed(decimals);
  return String(Number(value.toPrecision(3)));
}

/** Marks of an axis from 0 or below up to a round number at or above the highest. */
export function ticks(highest: number, count = 4): readonly number[] {
  if (!(highest > 0)) return [0, 1];
  const rough = highest / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((each) => each * power).find((each) => each >= rough * 0.999) ?? rough;
  return Array.from({ length: Math.ceil(highest / step - 1e-9) + 1 }, (_, i) => i * step);
}

export function seriesName({ labels }: Series, legend: string, title: string): string {
  if (legend !== "__auto")
    return legend.replaceAll(/\{\{(\w+)\}\}/g, (_, label: string) => labels[label] ?? "").trim() || "(none)";
  const own = Object.entries(labels).filter(([name]) => name !== "__name__");
  return own.length === 0 ? title : own.map(([name, value]) => `${name}=${value}`).join(" ");
}

export function clockText(seconds: number): string {
  return new Date(seconds * 1000).toISOString().slice(11, 19);
}

export function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
