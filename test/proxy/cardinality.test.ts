// However many consumers call with whatever names, the metrics page stays as small as docs/metrics.md says.

import { pino } from "pino";
import { describe, expect, test } from "vitest";
import { NO_LINE } from "../../dataplane/config/lineage.ts";
import { createHeaderNames, HeaderList } from "../../dataplane/identify/header-list.ts";
import { createGatewayMetrics, type GatewayMetrics } from "../../dataplane/metrics/gateway-metrics.ts";
import { Exchange } from "../../dataplane/proxy/exchange.ts";
import { createRecorder } from "../../dataplane/record.ts";
import { aClientExchange } from "../helpers/client-exchange.ts";
import { startGateway } from "../helpers/gateway-under-test.ts";
import { call } from "../helpers/http-call.ts";
import { basics } from "../helpers/manifests.ts";
import { answersChat, startScriptedUpstream } from "../helpers/scripted-upstream.ts";
import { aBackend, aGatewayConfig, aRoute } from "../unit/config/builders.ts";
import { parseExposition } from "../unit/metrics/prometheus-text.ts";

/** docs/metrics.md: 200 names and "other"; and requests without a model. */
const MOST_MODELS = 202;
/** docs/metrics.md: combinations of label values, and the one that all others share. */
const MOST_COMBINATIONS = 5_001;

const ODD = ['"', "\\", "\n", "\r", "\0", "}", "{a=", "\ud800", "é", "😀", "__proto__", "constructor", "# HELP "];

/** A name that no other number gives, of a kind that a page could trip over. */
function hostileName(i: number): string {
  return `${ODD[i % ODD.length] ?? ""}${String(i)}${i % 97 === 0 ? "x".repeat(8_000) : ""}`;
}

function labelsOf(page: string, label: string): Set<string | undefined> {
  const samples = parseExposition(page).flatMap((family) => family.samples);
  return new Set(samples.flatMap(({ labels }) => (Object.hasOwn(labels, label) ? [labels[label]] : [])));
}

function mostCombinations(page: string): number {
  return Math.max(
    ...parseExposition(page).map(({ samples }) => {
      const combinations = samples.map(({ labels: { le: _, ...others } }) => JSON.stringify(others));
      return new Set(combinations).size;
    }),
  );
}

/** The page without its figures, in which only what is counted can differ. */
function shapeOf(page: string): string {
  return page
    .split("\n")
    .filter((line) => line.startsWith("airl_"))
    .map((line) => line.slice(0, line.lastIndexOf(" ")))
    .join("\n");
}

/** Records a request of consumer number i, on a path of its own. */
function createCaller(
  metrics: GatewayMetrics,
  pairs: number,
  { modelOf = hostileName, consumerOf = hostileName } = {},
): (i: number) => void {
  const record = createRecorder(metrics, pino({ level: "silent" }));
  const names = Array.from({ length: pairs }, (_, i) => `b${String(i)}`);
  const config = aGatewayConfig([
    aRoute({ backends: names.map((name) => ({ name, weight: 1 })) }),
    ...names.map((name) => aBackend({ name })),
  ]);
  const route = config.snapshot.routes.find({ method: "POST", host: "", path: "/", header: () => undefined })?.route;
  const client = aClientExchange();
  const headers = new HeaderList(
    [],
    createHeaderNames(() => true),
  );
  return (i) => {
    const exchange = new Exchange({ id: String(i), ...client, headers, config, startedAt: 0 });
    exchange.route = route;
    exchange.path = `/${hostileName(i)}`;
    exchange.backend = route?.balancer.pick();
    const name = consumerOf(i);
    const who = { namespace: "default", name, username: name, groups: [name], displayName: `default/${name}` };
    exchange.consumer = { ...who, isSuspended: false, models: undefined, line: NO_LINE };
    exchange.info = { model: modelOf(i), stream: i % 2 === 0, promptTextBytes: 1, malformed: undefined };
    exchange.status = [200, 200, 429, 500, 404][i % 5] ?? 200;
    exchange.headAt = 1;
    exchange.usage = { prompt: 1, completion: 2 };
    exchange.source = i % 3 === 0 ? "estimated" : "reported";
    record(exchange, i % 7 === 0 ? "client_gone" : "forwarded");
  };
}

describe("a hundred thousand consumers", () => {
  test("[unit] when so many are counted by name are those names and other, and every figure is kept", async () => {
    const metrics = createGatewayMetrics({ consumers: 20 });
    // As Kubernetes allows them.
    const callAs = createCaller(metrics, 4, { consumerOf: (i) => `c${String(i)}` });
    for (let i = 0; i < 100_000; i++) callAs(i);
    for (let i = 0; i < 10; i++) callAs(3);
    const page = await metrics.render();
    const names = labelsOf(page, "consumer");
    expect(names).toEqual(new Set([...Array.from({ length: 20 }, (_, i) => `default/c${String(i)}`), "other"]));
    const families = parseExposition(page).filter(({ name }) => name.startsWith("airl_consumer_"));
    const total = (name: string, labels: Readonly<Record<string, string>> = {}): number =>
      families
        .flatMap(({ samples }) => samples)
        .filter((sample) => sample.name === name)
        .filter((sample) => Object.entries(labels).every(([label, value]) => sample.labels[label] === value))
        .reduce((sum, { value }) => sum + value, 0);
    expect(total("airl_consumer_requests_total")).toBe(100_010);
    expect(total("airl_consumer_requests_total", { consumer: "default/c3" })).toBe(11);
    expect(total("airl_consumer_requests_total", { consumer: "other" })).toBe(100_000 - 20);
    expect(total("airl_consumer_tokens_total", { kind: "prompt" })).toBe(100_010);
    expect(total("airl_consumer_tokens_total", { kind: "completion", consumer: "default/c3" })).toBe(22);
    expect(total("airl_consumer_labels_max")).toBe(20);
  });

  test("[unit] are not on the page unless they are asked for", async () => {
    const metrics = createGatewayMetrics();
    const callAs = createCaller(metrics, 4);
    for (let i = 0; i < 100; i++) callAs(i);
    const page = await metrics.render();
    expect(page).toContain("airl_consumer_labels_max 0");
    expect(labelsOf(page, "consumer").size).toBe(0);
  });

  test("[unit] with as many models and paths leave a page that stops growing", async () => {
    const metrics = createGatewayMetrics();
    const callAs = createCaller(metrics, 4);
    for (let i = 0; i < 20_000; i++) callAs(i);
    const early = await metrics.render();
    for (let i = 20_000; i < 100_000; i++) callAs(i);
    const page = await metrics.render();
    expect(shapeOf(page)).toBe(shapeOf(early));
    expect(labelsOf(page, "model").size).toBeLessThanOrEqual(MOST_MODELS);
    expect(mostCombinations(page)).toBeLessThanOrEqual(MOST_COMBINATIONS);
    expect(page.length).toBeLessThan(2_000_000);
    const requests = parseExposition(page).find(({ name }) => name === "airl_requests_total");
    expect(requests?.samples.reduce((sum, { value }) => sum + value, 0)).toBe(100_000);
  });

  test("[unit] where routes and backends are many too, share one series beyond the cap", async () => {
    const metrics = createGatewayMetrics();
    const callAs = createCaller(metrics, 60, { modelOf: (i) => hostileName(Math.floor(i / 60) % 300) });
    for (let i = 0; i < 100_000; i++) callAs(i);
    const page = await metrics.render();
    expect(mostCombinations(page)).toBe(MOST_COMBINATIONS);
    expect(page).toContain('airl_requests_total{route="other",backend="other",model="other"');
    const requests = parseExposition(page).find(({ name }) => name === "airl_requests_total");
    expect(requests?.samples.reduce((sum, { value }) => sum + value, 0)).toBe(100_000);
  });
});

test("[proxy] hundreds of models, paths and keys over a socket stay within the same bounds", async () => {
  const upstream = await startScriptedUpstream(answersChat());
  const limits = "  - {name: minute, limit: 1000000, window: {duration: 60s}}";
  const gateway = await startGateway(basics({ endpoint: upstream.origin, limits }));
  const ask = (i: number): Promise<unknown> => {
    const model = hostileName(i).replace(/\p{Surrogate}/gu, "?");
    return call(gateway.origin, {
      path: `/${String(i)}/${encodeURIComponent(model).slice(0, 200)}/v1/chat/completions?q=${String(i)}`,
      headers: { apikey: i % 4 === 0 ? `nobody-${String(i)}` : "key-alice", "user-agent": String(i) },
      body: JSON.stringify({ model: model.slice(0, 2_000), messages: [] }),
    });
  };
  for (let i = 0; i < 400; i += 20) await Promise.all(Array.from({ length: 20 }, (_, j) => ask(i + j)));
  for (let i = 0; i < 400; i++) await gateway.nextRequestLine();
  const page = await (await fetch(`${gateway.adminOrigin}/metrics`)).text();
  expect(labelsOf(page, "model").size).toBe(MOST_MODELS);
  expect(labelsOf(page, "route")).toEqual(new Set(["default/all"]));
  expect(page).not.toMatch(/nobody|alice/);
  expect(page.length).toBeLessThan(500_000);
  await gateway.stop();
  await upstream.close();
});
