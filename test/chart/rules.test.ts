// The chart's rules by Prometheus's own tool: syntax, and for each alert a case in which it fires and one in which it does
// not. What needs a running Prometheus is in test/kubernetes/panels.test.ts.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { allRules, RULE_FILES, selectorsOf } from "../helpers/dashboards.ts";
import { documentedMetrics, isDocumented } from "../helpers/documented-metrics.ts";
import { promtool } from "../helpers/prometheus.ts";

const CASES = join("test", "chart", "rules", "alerts.test.yaml");

const cases = z.object({
  tests: z.array(
    z.object({
      alert_rule_test: z.array(z.object({ alertname: z.string(), exp_alerts: z.array(z.unknown()) })),
    }),
  ),
});

const alerts = allRules().flatMap(({ alert, ...rest }) => (alert === undefined ? [] : [{ alert, ...rest }]));
const records = new Set(allRules().flatMap(({ record }) => record ?? []));

test("[unit] promtool finds the rules correct", () => {
  const { output, code } = promtool([
    "check",
    "rules",
    ...RULE_FILES.map((file) => join("charts/ai-rate-limit/rules", file)),
  ]);
  expect(code, output).toBe(0);
});

test("[unit] every alert fires when it should and is quiet when it should be", () => {
  const { output, code } = promtool(["test", "rules", CASES]);
  expect(code, output).toBe(0);
});

describe("each alert", () => {
  const tested = cases.parse(parse(readFileSync(CASES, "utf8"))).tests.flatMap((each) => each.alert_rule_test);
  const page = readFileSync(join("docs", "dashboards.md"), "utf8");

  test.for(alerts)("[unit] $alert has both cases", ({ alert }) => {
    const own = tested.filter(({ alertname }) => alertname === alert);
    expect(own.some(({ exp_alerts: expected }) => expected.length > 0)).toBe(true);
    expect(own.some(({ exp_alerts: expected }) => expected.length === 0)).toBe(true);
  });

  test.for(alerts)("[unit] $alert says how bad it is, what it is, with figures, and where to read on", (alert) => {
    expect(["critical", "warning", "info"]).toContain(alert.labels?.["severity"]);
    expect(alert.annotations?.["summary"]).toMatch(/^[A-Z0-9].{5,60}$/);
    expect(alert.annotations?.["description"]).toMatch(/\$value|\d/);
    expect(alert.annotations?.["runbook"]).toBe(`docs/dashboards.md#${alert.alert.toLowerCase()}`);
    expect(page).toContain(`\n### ${alert.alert}\n`);
  });
});

test("[unit] docs/dashboards.md has a section for no other alert", () => {
  const sections = [...readFileSync(join("docs", "dashboards.md"), "utf8").matchAll(/^### (Airl\w+)$/gm)];
  expect(sections.map(([, name]) => name)).toEqual(alerts.map(({ alert }) => alert));
});

test("[unit] rules name only metrics that there are", () => {
  const known = documentedMetrics();
  const selectors = allRules().flatMap(({ expr }) => selectorsOf(expr));
  const names = new Set(selectors.map((selector) => selector.replace(/\{.*/, "")));
  expect([...names].filter((name) => !isDocumented(known, name) && !records.has(name) && name !== "up")).toEqual([]);
});
