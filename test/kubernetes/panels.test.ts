// A real Prometheus over the whole product: every query of the dashboards and every rule is evaluated under traffic, then
// while one thing after another fails. Each must find what it is written for.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually } from "../helpers/clock.ts";
import {
  allRules,
  DASHBOARD_FILES,
  filledIn,
  queriesOf,
  RULE_FILES,
  type Rule,
  readDashboard,
  ruleText,
  selectorsOf,
} from "../helpers/dashboards.ts";
import { type Prometheus, promtool, type Series, type Span, startPrometheus } from "../helpers/prometheus.ts";
import { aPolicyOf, startWatchedProduct, type WatchedProduct } from "../helpers/watched-product.ts";

/** As short as Prometheus and the product's own rhythm allow. */
const INTERVAL_SECONDS = 1;
const TURN_MS = 60;

/** Panel queries that may find nothing here, and why. */
const EMPTY_QUERIES: ReadonlyMap<string, string> = new Map([
  ["operations: Webhook certificate A", "the controllers here serve no webhook"],
  ["operations: Status writes and reviews B", "the controllers here serve no webhook"],
  ["operations: Watches begun again A", "no watch fails here"],
]);

/** What rules name that has no series here, and why. */
const EMPTY_SELECTORS: ReadonlyMap<string, string> = new Map([
  ["airl_controller_webhook_certificate_expiry_timestamp_seconds", "the controllers here serve no webhook"],
]);

/** What the traffic brings about by itself. */
const FIRING_UNDER_TRAFFIC = [
  "AirlBudgetNearlyUsed",
  "AirlBudgetUsed",
  "AirlErrors",
  "AirlExpressionFaults",
  "AirlObjectsNotAccepted",
  "AirlRefusalSpike",
  "AirlUnpricedModels",
];

/** Finds something or nothing as the machine is quick or slow; its own rule test says when it rings. */
const BY_MACHINE = "AirlGatewaySlow";
/** What has nothing to find in this test, and why; test/chart/rules/alerts.test.yaml has their cases. */
const QUIET: ReadonlyMap<string, string> = new Map([
  ["AirlChargesLost", "tens of thousands of charges must wait before one is dropped"],
  ["AirlConfigLag", "takes a minute without Redis"],
  ["AirlConfigUnreadable", "nothing publishes in another schema"],
  ["AirlWebhookCertificateEnding", "the controllers here serve no webhook"],
]);

const VARIABLES = {
  __rate_interval: "30s",
  __range: "60s",
  namespace: ".*",
  route: ".*",
  policy: ".*",
  consumer: "default/alice",
};

let watched: WatchedProduct;
let prometheus: Prometheus;
let startedSeconds: number;
/** When the traffic had been there for long enough and nothing had failed yet. */
let healthy: Span;
let turns = 0;

const nowSeconds = (): number => Math.floor(Date.now() / 1000);
const sinceStart = (): Span => ({ startSeconds: startedSeconds, endSeconds: nowSeconds(), stepSeconds: 1 });
const alerts = (): readonly Rule[] => allRules().filter(({ alert }) => alert !== undefined);

function hasData(found: readonly Series[]): boolean {
  return found.some(({ points }) => points.some(([, value]) => Number.isFinite(value)));
}

async function traffic(seconds: number, to = watched.gateways): Promise<void> {
  const untilMs = Date.now() + seconds * 1000;
  while (Date.now() < untilMs) {
    const nextMs = Date.now() + TURN_MS;
    await watched.turn(turns++, to);
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, nextMs - Date.now())));
  }
}

/** Waits until an alert's expression finds something, at a scrape's pace. */
async function untilFound(alert: string): Promise<void> {
  const expr = alerts().find((each) => each.alert === alert)?.expr ?? "";
  await eventually(`${alert} finds something`, async () => {
    if (hasData(await prometheus.range(expr, { ...sinceStart(), startSeconds: healthy.endSeconds }))) return true;
    await new Promise((resolve) => setTimeout(resolve, 250));
    return false;
  });
}

beforeAll(async () => {
  const started = await startWatchedProduct({ paceMs: 2, consumers: 2 });
  if ("missing" in started) throw new Error(`needs ${started.missing}`);
  watched = started;
  const rules = Object.fromEntries(
    RULE_FILES.map((file) => [file, ruleText(file).replace("interval: 30s", "interval: 1s")]),
  );
  prometheus = await startPrometheus({ targets: watched.targets, rules, intervalSeconds: INTERVAL_SECONDS });
  // Prometheus takes its time before the first scrape.
  await eventually("all targets are read", async () => (await prometheus.instant("up == 1")).length === 4);
  startedSeconds = nowSeconds();
  await traffic(3);
  const { product } = watched;
  await product.apply(aPolicyOf("more", { routes: ["chat"] }, { limit: 1_000_000 }));
  await product.apply(aPolicyOf("wrong", { routes: ["chat"] }, { limit: 5, window: { duration: "0s" } }));
  await traffic(6);
  const endSeconds = nowSeconds();
  healthy = { startSeconds: endSeconds - 4, endSeconds, stepSeconds: 1 };
});
afterAll(async () => {
  await prometheus.stop();
  await watched.stop();
});

describe("under traffic", () => {
  test.for(DASHBOARD_FILES)("[e2e] every query of %s finds data, but for those named above", async (file) => {
    const name = file.replace(".json", "");
    const empty: string[] = [];
    for (const { panel, refId, expr } of queriesOf(readDashboard(file))) {
      const found = await prometheus.range(filledIn(expr, VARIABLES), healthy);
      const what = `${name}: ${panel.title} ${refId}`;
      if (!hasData(found) && !EMPTY_QUERIES.has(what)) empty.push(what);
    }
    expect(empty).toEqual([]);
  });

  test.for(DASHBOARD_FILES)("[e2e] the variables of %s have values", async (file) => {
    for (const { name, definition } of readDashboard(file).templating.list) {
      if (definition === undefined) continue;
      const [, selector = "", label = ""] = /^label_values\((.*), (\w+)\)$/.exec(definition) ?? [];
      const found = await prometheus.instant(`count by (${label}) (${filledIn(selector, VARIABLES)})`);
      expect(
        found.filter(({ labels }) => labels[label] !== undefined),
        name,
      ).not.toEqual([]);
    }
  });

  test("[e2e] Prometheus takes every rule, and each can be evaluated", async () => {
    const loaded = await prometheus.rules();
    expect(loaded.filter(({ health, lastError }) => health !== "ok" || lastError !== "")).toEqual([]);
    expect(loaded.map(({ name }) => name).toSorted()).toEqual(
      allRules()
        .map(({ alert, record }) => alert ?? record ?? "")
        .toSorted(),
    );
  });

  test("[e2e] everything that rules ask for is there, and recording rules have values", async () => {
    const selectors = new Set(allRules().flatMap(({ expr }) => selectorsOf(expr)));
    const records = allRules().flatMap(({ record }) => (record === undefined ? [] : [record]));
    const empty: string[] = [];
    for (const selector of [...selectors, ...records]) {
      if (!hasData(await prometheus.range(selector, healthy))) empty.push(selector);
    }
    expect(empty).toEqual([...EMPTY_SELECTORS.keys()]);
  });

  test("[e2e] exactly the alerts about the traffic find something", async () => {
    const found: string[] = [];
    for (const { alert = "", expr } of alerts()) if (hasData(await prometheus.range(expr, healthy))) found.push(alert);
    expect(found.filter((alert) => alert !== BY_MACHINE).toSorted()).toEqual(FIRING_UNDER_TRAFFIC);
  });

  test("[e2e] what data planes have in force is what the controller has published", async () => {
    const revisions = await prometheus.instant("airl_controller_config_revision > 0 or airl_config_revision");
    const values = revisions.map(({ points }) => points[0]?.[1]);
    expect(values).toHaveLength(3); // the leader and two data planes
    expect(new Set(values).size).toBe(1);
    const planes = await prometheus.instant("airl_controller_data_planes > 0");
    expect(planes.map(({ labels, points }) => [labels["state"], points[0]?.[1]])).toEqual([["current", 2]]);
  });
});

describe("promtool", () => {
  test.for(["controller", "dataplane"])("[e2e] finds nothing wrong with the metrics of a %s", async (component) => {
    const admin = watched.targets.find(({ labels }) => labels["component"] === component)?.admin ?? "";
    const page = await (await fetch(`${admin}/metrics`)).text();
    const { output } = promtool(["check", "metrics"], page);
    // prom-client's own names are its own; what cannot be read would be told too.
    expect(output.split("\n").filter((line) => line !== "" && !line.startsWith("nodejs_"))).toEqual([]);
  });
});

describe("when something fails", () => {
  test("[e2e] each alert finds it, and no alert is left over", { timeout: 60_000 }, async () => {
    const { controllers, gateways, product } = watched;
    gateways[1]?.process.signal("SIGSTOP");
    await untilFound("AirlProcessDown");
    controllers[0]?.process.signal("SIGKILL");
    await untilFound("AirlNoLeader");
    await controllers[1]?.process.line(/"kind":"leading"/);
    await untilFound("AirlDataPlaneNotAcknowledging");
    await product.redis.stop();
    await untilFound("AirlControllerRedisAway");
    await traffic(2, gateways.slice(0, 1));
    await untilFound("AirlRedisAway");
    for (const { process } of gateways) process.signal("SIGKILL");
    await untilFound("AirlDataPlaneAbsent");
    controllers[1]?.process.signal("SIGKILL");
    await untilFound("AirlControllerAbsent");
    const quiet: string[] = [];
    for (const { alert = "", expr } of alerts()) {
      if (!hasData(await prometheus.range(expr, sinceStart()))) quiet.push(alert);
    }
    expect(quiet.filter((alert) => alert !== BY_MACHINE).toSorted()).toEqual([...QUIET.keys()]);
  });
});
