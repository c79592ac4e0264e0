// Draws a dashboard of the chart from real data: starts the whole product, sends it traffic that rises and falls, lets a
// real Prometheus read it, asks every query of every panel and writes what comes back as SVG.
// Started by scripts/dashboards-picture.sh with the dashboard's file, the SVG's path and the seconds that it shows.

import { writeFile } from "node:fs/promises";
import { filledIn, queriesOf, readDashboard } from "../helpers/dashboards.ts";
import { type Prometheus, type Span, startPrometheus } from "../helpers/prometheus.ts";
import { startWatchedProduct, type WatchedProduct } from "../helpers/watched-product.ts";
import { draw, type NamedSeries } from "./draw.ts";
import { seriesName } from "./text.ts";

const SCRAPE_SECONDS = 2;
const VARIABLES = {
  __rate_interval: "12s",
  __range: "180s",
  namespace: ".*",
  route: ".*",
  policy: ".*",
  consumer: ".*",
};
/** A turn every so often where there is least to do; three times as often where there is most. */
const CALM_MS = 450;
/** From one top of the traffic to the next. */
const WAVE_SECONDS = 75;

const [file = "overview.json", to = "overview.svg", seconds = "180"] = process.argv.slice(2);

async function traffic(watched: WatchedProduct, forSeconds: number): Promise<void> {
  const startedMs = Date.now();
  const open = new Set<Promise<void>>();
  for (let i = 0; Date.now() - startedMs < forSeconds * 1000; i++) {
    const turning = watched.turn(i).finally(() => open.delete(turning));
    open.add(turning);
    const phase = Math.sin(((Date.now() - startedMs) / 1000 / WAVE_SECONDS) * 2 * Math.PI);
    await new Promise((resolve) => setTimeout(resolve, CALM_MS / (2 + phase)));
  }
  await Promise.all(open);
}

async function ask(prometheus: Prometheus, span: Span): Promise<ReadonlyMap<number, readonly NamedSeries[]>> {
  const found = new Map<number, readonly NamedSeries[]>();
  for (const { panel, expr, legend, instant } of queriesOf(readDashboard(file))) {
    const asked = filledIn(expr, VARIABLES);
    const series = await (instant ? prometheus.instant(asked) : prometheus.range(asked, span));
    const named = series.map((each) => ({ ...each, name: seriesName(each, legend, panel.title) }));
    found.set(panel.id, [...(found.get(panel.id) ?? []), ...named]);
  }
  return found;
}

async function main(): Promise<void> {
  const watched = await startWatchedProduct({ paceMs: 12, consumers: 10 });
  if ("missing" in watched) throw new Error(`needs ${watched.missing}`);
  const prometheus = await startPrometheus({ targets: watched.targets, rules: {}, intervalSeconds: SCRAPE_SECONDS });
  try {
    await traffic(watched, Number(seconds) + 16);
    const endSeconds = Math.floor(Date.now() / 1000);
    const span = { startSeconds: endSeconds - Number(seconds), endSeconds, stepSeconds: SCRAPE_SECONDS };
    const found = await ask(prometheus, span);
    const caption = `Drawn by make dashboards-picture from Prometheus's answers to the queries of dashboards/${file}: two controllers, two data planes and fake providers under a test's traffic.`;
    await writeFile(to, draw({ dashboard: readDashboard(file), span, found, caption }));
  } finally {
    await prometheus.stop();
    await watched.stop();
  }
}

await main();
