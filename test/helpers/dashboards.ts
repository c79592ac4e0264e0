// The chart's dashboards and alerts as a test reads them: what Grafana and Prometheus would make of them.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { z } from "zod";

const CHART = join("charts", "ai-rate-limit");

const target = z.object({ refId: z.string(), expr: z.string(), legendFormat: z.string(), instant: z.boolean() });
const thresholds = z.object({ steps: z.array(z.object({ value: z.number().nullable(), color: z.string() })) });
const defaults = z.object({
  unit: z.string(),
  min: z.number().optional(),
  max: z.number().optional(),
  decimals: z.number().optional(),
  thresholds,
  custom: z.object({ stacking: z.object({ mode: z.string() }) }).optional(),
});
const panel = z.object({
  id: z.number(),
  type: z.string(),
  title: z.string(),
  description: z.string().optional(),
  datasource: z.object({ type: z.string(), uid: z.string() }).optional(),
  gridPos: z.object({ x: z.number(), y: z.number(), w: z.number(), h: z.number() }),
  fieldConfig: z.object({ defaults }).optional(),
  targets: z.array(target).optional(),
});
const dashboard = z.object({
  uid: z.string(),
  title: z.string(),
  schemaVersion: z.number(),
  templating: z.object({ list: z.array(z.object({ name: z.string(), definition: z.string().optional() })) }),
  panels: z.array(panel),
});

export type Panel = z.infer<typeof panel>;
export type Dashboard = z.infer<typeof dashboard>;

export const DASHBOARD_FILES: readonly string[] = readdirSync(join(CHART, "dashboards")).toSorted();

export function readDashboard(file: string): Dashboard {
  return dashboard.parse(JSON.parse(readFileSync(join(CHART, "dashboards", file), "utf8")));
}

export interface PanelQuery {
  readonly panel: Panel;
  readonly refId: string;
  readonly expr: string;
  readonly legend: string;
  /** Asked for the newest value alone. */
  readonly instant: boolean;
}

export function queriesOf({ panels }: Dashboard): readonly PanelQuery[] {
  return panels.flatMap((each) =>
    (each.targets ?? []).map(({ legendFormat: legend, ...rest }) => ({ panel: each, legend, ...rest })),
  );
}

/** As Grafana asks it, with values for the variables; the longest name first. */
export function filledIn(expr: string, values: Readonly<Record<string, string>>): string {
  const names = Object.keys(values).toSorted((a, b) => b.length - a.length);
  return names.reduce((text, name) => text.replaceAll(`$${name}`, values[name] ?? ""), expr);
}

const rule = z.object({
  alert: z.string().optional(),
  record: z.string().optional(),
  expr: z.string(),
  for: z.string().optional(),
  labels: z.record(z.string(), z.string()).optional(),
  annotations: z.record(z.string(), z.string()).optional(),
});
const rules = z.object({ groups: z.array(z.object({ name: z.string(), rules: z.array(rule) })) });

export type Rule = z.infer<typeof rule>;

export const RULE_FILES: readonly string[] = readdirSync(join(CHART, "rules")).toSorted();

export function ruleText(file: string): string {
  return readFileSync(join(CHART, "rules", file), "utf8");
}

export function allRules(): readonly Rule[] {
  return RULE_FILES.flatMap((file) => rules.parse(parse(ruleText(file))).groups.flatMap((group) => group.rules));
}

/** Metric names with their matchers, as they stand in an expression: "airl_x{a="b"}". */
export function selectorsOf(expr: string): readonly string[] {
  return [...expr.matchAll(/\b(?:airl[_:][\w:]+|up)(?:\{[^}]*\})?/g)].map(([selector]) => selector);
}
