// The dashboards as files: what Grafana needs to show them, and what a reader needs to understand them. That their queries
// find data is for test/kubernetes/panels.test.ts.

import { describe, expect, test } from "vitest";
import { DASHBOARD_FILES, filledIn, type Panel, queriesOf, readDashboard, selectorsOf } from "../helpers/dashboards.ts";
import { documentedMetrics, isDocumented } from "../helpers/documented-metrics.ts";

/** Grafana's own names of units, and texts behind a number. */
const UNITS = /^(?:reqps|percentunit|s|d|bytes|none|short|suffix: \/(?:s|min|h))$/;
const BUILT_IN = ["__rate_interval", "__range", "datasource"];

const isChart = ({ type }: Panel): boolean => type !== "row" && type !== "text";

function overlap(a: Panel, b: Panel): boolean {
  const [p, q] = [a.gridPos, b.gridPos];
  return p.x < q.x + q.w && q.x < p.x + p.w && p.y < q.y + q.h && q.y < p.y + p.h;
}

test("[unit] there are three, with names of their own", () => {
  expect(DASHBOARD_FILES).toEqual(["consumer.json", "operations.json", "overview.json"]);
  expect(new Set(DASHBOARD_FILES.map((file) => readDashboard(file).uid)).size).toBe(3);
});

describe.for(DASHBOARD_FILES)("%s", (file) => {
  const dashboard = readDashboard(file);
  const { panels } = dashboard;

  test("[unit] is in the schema of Grafana 10", () => {
    expect(dashboard.schemaVersion).toBe(38);
  });

  test("[unit] numbers its panels, places them side by side and names each once", () => {
    expect(panels.map(({ id }) => id)).toEqual(panels.map((_, i) => i + 1));
    const pairs = panels.flatMap((a, i) => panels.slice(i + 1).map((b) => ({ a, b })));
    expect(pairs.filter(({ a, b }) => overlap(a, b)).map(({ a, b }) => [a.title, b.title])).toEqual([]);
    expect(panels.every(({ gridPos: { x, w } }) => x + w <= 24)).toBe(true);
    const titles = panels.map(({ title }) => title);
    expect(new Set(titles).size).toBe(titles.length);
  });

  test("[unit] says of every panel what it shows, in which unit and from where", () => {
    for (const panel of panels.filter(isChart)) {
      expect(panel.description, panel.title).toMatch(/^\S.{15,}[.\])]$/);
      expect(panel.fieldConfig?.defaults.unit, panel.title).toMatch(UNITS);
      expect(panel.datasource, panel.title).toEqual({ type: "prometheus", uid: "${datasource}" });
      expect(panel.targets?.length, panel.title).toBeGreaterThan(0);
    }
  });

  test("[unit] tells series of one panel apart by their legend", () => {
    for (const { panel, expr, legend } of queriesOf(dashboard)) {
      const [, by] = /^(?:\w+\(\d+, )?(?:\d+ \* )?sum by \(([^)]+)\)/.exec(expr) ?? [];
      for (const label of by?.split(", ") ?? []) {
        if (label !== "le") expect(legend, panel.title).toContain(`{{${label}}}`);
      }
    }
  });

  test("[unit] uses only variables that it has, and has only those that it uses", () => {
    const names = dashboard.templating.list.map(({ name }) => name);
    const texts = [
      ...queriesOf(dashboard).map(({ expr }) => expr),
      ...dashboard.templating.list.map(({ definition = "" }) => definition),
    ];
    const used = new Set(texts.flatMap((text) => [...text.matchAll(/\$\{?(\w+)/g)].map(([, name = ""]) => name)));
    expect([...used].filter((name) => !BUILT_IN.includes(name) && !names.includes(name))).toEqual([]);
    expect(names.filter((name) => name !== "datasource" && !used.has(name))).toEqual([]);
  });

  test("[unit] asks for metrics that there are, in the namespace that is chosen", () => {
    const known = documentedMetrics();
    for (const { panel, expr } of queriesOf(dashboard)) {
      for (const selector of selectorsOf(filledIn(expr, {}).replaceAll(/__name__=~"[^"]*"/g, ""))) {
        const name = selector.replace(/\{.*/, "");
        expect(isDocumented(known, name), `${panel.title}: ${name}`).toBe(true);
        expect(selector, panel.title).toContain('namespace=~"$namespace"');
      }
    }
  });
});
