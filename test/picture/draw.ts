// Panels of a dashboard as SVG: what a query answered, as lines, numbers or bars. Nothing is smoothed, filled in or made up.

import type { Dashboard, Panel } from "../helpers/dashboards.ts";
import type { Series, Span } from "../helpers/prometheus.ts";
import { clockText, escaped, ticks, valueText } from "./text.ts";

export interface NamedSeries extends Series {
  readonly name: string;
}

export interface Drawing {
  readonly dashboard: Dashboard;
  readonly span: Span;
  /** By panel id. */
  readonly found: ReadonlyMap<number, readonly NamedSeries[]>;
  readonly caption: string;
}

interface Box {
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
}

const WIDTH = 1680;
const MARGIN = 16;
const COLUMN = (WIDTH - 2 * MARGIN) / 24;
const UNIT = 33;
const GAP = 8;
const HEADER = 62;
const FOOTER = 30;

const COLORS = [
  "#73bf69",
  "#f2cc0c",
  "#5794f2",
  "#ff9830",
  "#f2495c",
  "#b877d9",
  "#8ab8ff",
  "#ffa6b0",
  "#37872d",
  "#e0b400",
  "#1f60c4",
  "#fa6400",
];
const NAMED: Readonly<Record<string, string>> = {
  green: "#73bf69",
  orange: "#ff9830",
  red: "#f2495c",
  text: "#d8d9da",
};
const GREY = "#8e8e99";

export function draw({ dashboard, span, found, caption }: Drawing): string {
  const bottom = Math.max(...dashboard.panels.map(({ gridPos: { y, h } }) => y + h));
  const height = HEADER + bottom * UNIT + FOOTER;
  const panels = dashboard.panels.map((panel) => drawPanel(panel, found.get(panel.id) ?? [], span)).join("\n");
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" font-family="DejaVu Sans, sans-serif" font-size="12">
<rect width="100%" height="100%" fill="#111217"/>
${words(MARGIN, 32, dashboard.title, { size: 20, fill: "#ffffff", weight: "bold" })}
${words(MARGIN, 52, `${clockText(span.startSeconds)} to ${clockText(span.endSeconds)} UTC`, { fill: GREY })}
${panels}
${words(MARGIN, height - 12, caption, { fill: GREY })}
</svg>
`;
}

interface Words {
  readonly size?: number;
  readonly fill?: string;
  readonly weight?: string;
  readonly anchor?: string;
}

function words(
  x: number,
  y: number,
  text: string,
  { size = 12, fill = "#d8d9da", weight = "normal", anchor = "start" }: Words = {},
): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" font-size="${size}" fill="${fill}" font-weight="${weight}" text-anchor="${anchor}">${escaped(text)}</text>`;
}

function drawPanel(panel: Panel, series: readonly NamedSeries[], span: Span): string {
  const { x, y, w, h } = panel.gridPos;
  const box = { x: MARGIN + x * COLUMN, y: HEADER + y * UNIT, w: w * COLUMN - GAP, h: h * UNIT - GAP };
  if (panel.type === "row") return words(box.x + 2, box.y + 18, `▾ ${panel.title}`, { size: 14, weight: "bold" });
  const frame = `<rect x="${box.x}" y="${box.y}" width="${box.w}" height="${box.h}" fill="#181b1f" stroke="#2a2d33" rx="2"/>`;
  const title = words(box.x + 10, box.y + 19, panel.title, { size: 12.5, weight: "bold" });
  const inner = { x: box.x + 10, y: box.y + 30, w: box.w - 20, h: box.h - 38 };
  const drawn = series.filter(({ points }) => points.some(([, value]) => Number.isFinite(value)));
  if (drawn.length === 0)
    return frame + title + words(box.x + box.w / 2, box.y + box.h / 2, "No data", { fill: GREY, anchor: "middle" });
  return frame + title + contentOf(panel, drawn, { box: inner, span });
}

interface Place {
  readonly box: Box;
  readonly span: Span;
}

function contentOf(panel: Panel, series: readonly NamedSeries[], place: Place): string {
  if (panel.type === "stat") return drawStat(panel, series, place);
  if (panel.type === "bargauge") return drawBars(panel, series, place.box);
  return drawLines(panel, series, place);
}

function lastOf({ points }: Series): number {
  return points.findLast(([, value]) => Number.isFinite(value))?.[1] ?? Number.NaN;
}

function defaultsOf(panel: Panel): NonNullable<Panel["fieldConfig"]>["defaults"] {
  return panel.fieldConfig?.defaults ?? { unit: "none", thresholds: { steps: [] } };
}

function colorOf(panel: Panel, value: number): string {
  const { steps } = defaultsOf(panel).thresholds;
  const step = steps.findLast(({ value: from }) => from === null || value >= from);
  return NAMED[step?.color ?? "text"] ?? "#d8d9da";
}

function textOf(panel: Panel, value: number): string {
  const { unit, decimals } = defaultsOf(panel);
  return valueText(value, unit, decimals);
}

function drawStat(panel: Panel, series: readonly NamedSeries[], { box, span }: Place): string {
  const highest = Math.max(
    ...series.flatMap(({ points }) => points.map(([, value]) => value)).filter(Number.isFinite),
    1e-12,
  );
  const graph = { ...box, y: box.y + box.h * 0.62, h: box.h * 0.38 };
  return series
    .map((each, i) => {
      const value = lastOf(each);
      const color = colorOf(panel, value);
      const at = box.x + (box.w * (i + 0.5)) / series.length;
      const line = pathOf(each.points, { box: graph, span, highest });
      const text = textOf(panel, value);
      const size = Math.min(26, (box.w / series.length / Math.max(4, text.length)) * 1.6);
      const name =
        series.length > 1 || each.name !== panel.title
          ? words(at, box.y + 2, each.name, { fill: GREY, size: 11, anchor: "middle" })
          : "";
      return `<path d="${line}" fill="none" stroke="${color}" stroke-opacity="0.55"/>${name}${words(at, box.y + box.h * 0.48, text, { size, fill: color, weight: "bold", anchor: "middle" })}`;
    })
    .join("");
}

const BAR = 21;

function drawBars(panel: Panel, series: readonly NamedSeries[], box: Box): string {
  const highest = defaultsOf(panel).max ?? Math.max(...series.map(lastOf));
  const room = Math.floor(box.h / (BAR + 2));
  return series
    .slice(0, room)
    .map((each, i) => {
      const value = lastOf(each);
      const y = box.y + i * (BAR + 2);
      const from = box.x + box.w * 0.42;
      const full = box.w * 0.58 - 62;
      const color = colorOf(panel, value);
      return [
        words(from - 8, y + 14, cut(each.name, (box.w * 0.42) / 6.6), { size: 11, anchor: "end" }),
        `<rect x="${from}" y="${y}" width="${full}" height="${BAR - 3}" fill="#24272d"/>`,
        `<rect x="${from}" y="${y}" width="${Math.max(0, full * Math.min(1, value / highest))}" height="${BAR - 3}" fill="${color}"/>`,
        words(box.x + box.w, y + 14, textOf(panel, value), { size: 11, fill: color, anchor: "end" }),
      ].join("");
    })
    .join("");
}

const LEGEND_ROW = 15;
const LEGEND_ROWS = 6;

function drawLines(panel: Panel, series: readonly NamedSeries[], { box, span }: Place): string {
  const rows = Math.min(series.length, LEGEND_ROWS);
  const isStacked = defaultsOf(panel).custom?.stacking.mode === "normal";
  const shown = isStacked ? stacked(series) : series;
  const highest = Math.max(...shown.flatMap(({ points }) => points.map(([, value]) => value)).filter(Number.isFinite));
  const marks = ticks(defaultsOf(panel).max === 1 ? 1 : highest);
  const top = marks.at(-1) ?? 1;
  const chart = { x: box.x + 62, y: box.y, w: box.w - 66, h: box.h - 22 - (rows + 1) * LEGEND_ROW };
  const scale = { box: chart, span, highest: top };
  const areas = shown.map((each, i) => {
    const color = COLORS[i % COLORS.length] ?? GREY;
    const below = i === 0 ? undefined : shown[i - 1]?.points;
    const fill = isStacked ? `<path d="${areaOf(each.points, below, scale)}" fill="${color}" fill-opacity="0.3"/>` : "";
    return `${fill}<path d="${pathOf(each.points, scale)}" fill="none" stroke="${color}" stroke-width="1.4"/>`;
  });
  return (
    axes(panel, marks, scale) + areas.join("") + legend(panel, series, { ...box, y: chart.y + chart.h + 24, h: rows })
  );
}

/** Each on top of those before it; what has no value at a moment adds none there. */
function stacked(series: readonly NamedSeries[]): readonly NamedSeries[] {
  const sums = new Map<number, number>();
  const times = [...new Set(series.flatMap(({ points }) => points.map(([at]) => at)))].toSorted((a, b) => a - b);
  return series.map((each) => {
    const own = new Map(each.points);
    const points = times.map((at): readonly [number, number] => {
      const value = own.get(at);
      const sum = (sums.get(at) ?? 0) + (value !== undefined && Number.isFinite(value) ? value : 0);
      sums.set(at, sum);
      return [at, sum];
    });
    return { ...each, points };
  });
}

interface Scale extends Place {
  readonly highest: number;
}

type Points = Series["points"];

function position([at, value]: Points[number], { box, span, highest }: Scale): string {
  const x = box.x + ((at - span.startSeconds) / (span.endSeconds - span.startSeconds)) * box.w;
  return `${x.toFixed(1)} ${(box.y + box.h - (Math.max(0, value) / highest) * box.h).toFixed(1)}`;
}

/** A line breaks where there was no value. */
function pathOf(points: Points, scale: Scale): string {
  let pen = "M";
  let path = "";
  let last = -Infinity;
  for (const point of points) {
    if (!Number.isFinite(point[1])) {
      pen = "M";
      continue;
    }
    if (point[0] - last > scale.span.stepSeconds * 1.5) pen = "M";
    path += `${pen}${position(point, scale)}`;
    pen = "L";
    last = point[0];
  }
  return path;
}

function areaOf(points: Points, below: Points | undefined, scale: Scale): string {
  const floor = below ?? points.map(([at]): readonly [number, number] => [at, 0]);
  const back = floor.toReversed().map((point) => position(point, scale));
  return `M${[...points.map((point) => position(point, scale)), ...back].join("L")}Z`;
}

const TIME_MARKS = 4;

function axes(panel: Panel, marks: readonly number[], { box, span, highest }: Scale): string {
  const across = marks.map((value) => {
    const y = box.y + box.h - (value / highest) * box.h;
    const line = `<path d="M${box.x} ${y}H${box.x + box.w}" stroke="#2c3036"/>`;
    return (
      line + words(box.x - 6, y + 4, valueText(value, defaultsOf(panel).unit), { size: 10, fill: GREY, anchor: "end" })
    );
  });
  const times = Array.from({ length: TIME_MARKS + 1 }, (_, i) => {
    const at = span.startSeconds + ((span.endSeconds - span.startSeconds) * i) / TIME_MARKS;
    const x = box.x + (box.w * i) / TIME_MARKS;
    const anchor = i === TIME_MARKS ? "end" : i === 0 ? "start" : "middle";
    return words(x, box.y + box.h + 13, clockText(at), { size: 10, fill: GREY, anchor });
  });
  return across.join("") + times.join("");
}

function legend(panel: Panel, series: readonly NamedSeries[], box: Box): string {
  const columns = [box.x + box.w - 84, box.x + box.w];
  const cells = (y: number, texts: readonly string[], fill: string): string =>
    texts.map((text, i) => words(columns[i] ?? 0, y, text, { size: 10.5, fill, anchor: "end" })).join("");
  const more = series.length - box.h;
  const head = cells(box.y + 10, ["last", "max"], GREY);
  const note = more > 0 ? words(box.x + 12, box.y + 10, `${more} more`, { size: 10.5, fill: GREY }) : "";
  const rows = series.slice(0, box.h).map((each, i) => {
    const y = box.y + 10 + (i + 1) * LEGEND_ROW;
    const highest = Math.max(...each.points.map(([, value]) => value).filter(Number.isFinite));
    const mark = `<rect x="${box.x}" y="${y - 8}" width="8" height="8" fill="${COLORS[i % COLORS.length] ?? GREY}"/>`;
    const name = words(box.x + 12, y, cut(each.name, (box.w - 190) / 6.2), { size: 10.5 });
    return mark + name + cells(y, [textOf(panel, lastOf(each)), textOf(panel, highest)], "#d8d9da");
  });
  return head + note + rows.join("");
}

function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, Math.max(1, Math.floor(length) - 1))}…`;
}
