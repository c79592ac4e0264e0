// The data plane's metrics: what stands in the text, and that no client can make it grow or break.

import { describe, expect, test } from "vitest";
import { createGatewayMetrics, type GatewayMetrics } from "../../../dataplane/metrics/gateway-metrics.ts";
import { type ParsedSample, parsePrometheus } from "./prometheus-text.ts";

async function samplesOf(metrics: GatewayMetrics, name: string): Promise<ParsedSample[]> {
  return parsePrometheus(await metrics.render()).filter((sample) => sample.name === name);
}

describe("traffic", () => {
  test("[unit] requests and tokens count by what they are", async () => {
    const metrics = createGatewayMetrics();
    const cells = metrics.traffic("ai/chat", "openai", "gpt-4");
    cells.request(200, "forwarded").value++;
    cells.request(429, "refused").value++;
    cells.request(200, "forwarded").value++;
    cells.tokens("prompt", "reported").value += 7;
    cells.tokens("completion", "estimated").value += 5;
    const where = { route: "ai/chat", backend: "openai", model: "gpt-4" };
    expect(await samplesOf(metrics, "airl_requests_total")).toEqual([
      { name: "airl_requests_total", labels: { ...where, status: "200", decision: "forwarded" }, value: 2 },
      { name: "airl_requests_total", labels: { ...where, status: "429", decision: "refused" }, value: 1 },
    ]);
    expect(
      (await samplesOf(metrics, "airl_tokens_total")).map(({ labels, value }) => [
        labels["kind"],
        labels["source"],
        value,
      ]),
    ).toEqual([
      ["prompt", "reported", 7],
      ["completion", "estimated", 5],
    ]);
  });

  test("[unit] the cells of one place are looked up once", () => {
    const metrics = createGatewayMetrics();
    expect(metrics.traffic("r", "b", "m")).toBe(metrics.traffic("r", "b", "m"));
    expect(metrics.traffic("r", "b", undefined)).toBe(metrics.traffic("r", "b", ""));
    expect(metrics.traffic("r", "b", "m")).not.toBe(metrics.traffic("r", "b2", "m"));
  });

  test("[unit] durations know no model", async () => {
    const metrics = createGatewayMetrics();
    metrics.traffic("r", "b", "m1").duration.observe(0.2);
    metrics.traffic("r", "b", "m2").duration.observe(0.4);
    const counts = await samplesOf(metrics, "airl_request_duration_seconds_count");
    expect(counts).toEqual([
      { name: "airl_request_duration_seconds_count", labels: { route: "r", backend: "b" }, value: 2 },
    ]);
  });
});

describe("models, which clients choose", () => {
  const modelsOf = async (metrics: GatewayMetrics): Promise<(string | undefined)[]> =>
    (await samplesOf(metrics, "airl_requests_total")).map(({ labels }) => labels["model"]);

  test("[unit] beyond 200 names all further ones are other", async () => {
    const metrics = createGatewayMetrics();
    for (let i = 0; i < 300; i++) metrics.traffic("r", "b", `model-${String(i)}`).request(200, "forwarded").value++;
    metrics.traffic("r", "b", "model-0").request(200, "forwarded").value++;
    const samples = await samplesOf(metrics, "airl_requests_total");
    expect(samples).toHaveLength(201);
    expect(samples.find(({ labels }) => labels["model"] === "model-0")?.value).toBe(2);
    expect(samples.find(({ labels }) => labels["model"] === "other")?.value).toBe(100);
  });

  test("[unit] a long name is cut, and names that are equal then are one", async () => {
    const metrics = createGatewayMetrics();
    for (const end of ["a", "b"]) metrics.traffic("r", "b", "m".repeat(128) + end).request(200, "forwarded").value++;
    expect(await modelsOf(metrics)).toEqual(["m".repeat(128)]);
  });

  test("[unit] half characters and control characters do not make one series stand twice", async () => {
    const metrics = createGatewayMetrics();
    for (const model of ["\ud800", "\udbff", "\udc00", "\0", "\r", `${"m".repeat(127)}😀`, `${"m".repeat(127)}𐀀`]) {
      metrics.traffic("r", "b", model).request(200, "forwarded").value++;
    }
    const bytes = Buffer.from(await metrics.render(), "utf8").toString("utf8");
    const models = parsePrometheus(bytes)
      .filter(({ name }) => name === "airl_requests_total")
      .map(({ labels }) => labels["model"]);
    expect(models).toEqual(["\ufffd", `${"m".repeat(127)}\ufffd`]);
  });

  test("[unit] text that looks like another series is only a value", async () => {
    const metrics = createGatewayMetrics();
    metrics.traffic("r", "b", 'x"} 1\nairl_requests_total{route="forged').request(200, "forwarded").value++;
    expect(await modelsOf(metrics)).toEqual(['x"} 1\ufffdairl_requests_total{route="forged']);
  });
});

describe("the page", () => {
  test("[unit] holds every metric of its own with help and type, and the process's", async () => {
    const text = await createGatewayMetrics().render();
    const names = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => `${name ?? ""} ${type ?? ""}`);
    expect(names.filter((name) => name.startsWith("airl_")).toSorted()).toMatchInlineSnapshot(`
      [
        "airl_charges_lost_total counter",
        "airl_client_disconnects_total counter",
        "airl_config_applied_timestamp_seconds gauge",
        "airl_config_checked_timestamp_seconds gauge",
        "airl_config_follow_seconds histogram",
        "airl_config_namespaces gauge",
        "airl_config_objects gauge",
        "airl_config_reads_total counter",
        "airl_config_rejected_total counter",
        "airl_config_revision gauge",
        "airl_config_schema_unknown gauge",
        "airl_consumer_labels_max gauge",
        "airl_cost_total counter",
        "airl_data_planes gauge",
        "airl_expression_faults_total counter",
        "airl_gateway_overhead_seconds histogram",
        "airl_identification_failures_total counter",
        "airl_issuer_key_fetches_total counter",
        "airl_keyring_keys gauge",
        "airl_limit_notifications_dropped_total counter",
        "airl_limit_notifications_total counter",
        "airl_limit_overflow_total counter",
        "airl_limit_remaining_ratio gauge",
        "airl_limit_unresolved_total counter",
        "airl_open_requests gauge",
        "airl_open_streams gauge",
        "airl_price_missing_total counter",
        "airl_prompt_estimate_ratio histogram",
        "airl_refusals_total counter",
        "airl_request_duration_seconds histogram",
        "airl_requests_total counter",
        "airl_store_breaker_open gauge",
        "airl_store_latency_seconds histogram",
        "airl_store_local_decisions_total counter",
        "airl_time_per_output_token_seconds histogram",
        "airl_time_to_first_token_seconds histogram",
        "airl_tokens_total counter",
        "airl_unreadable_requests_total counter",
        "airl_usage_missing_total counter",
        "airl_would_refuse_total counter",
      ]
    `);
    expect(names).toContain("process_cpu_seconds_total counter");
    expect([...text.matchAll(/^# HELP airl_\S+ (.*)$/gm)].every(([, help]) => help?.endsWith("."))).toBe(true);
  });

  test("[unit] single numbers are there from the start, so that alerts can tell 0 from absent", async () => {
    const names = new Set(parsePrometheus(await createGatewayMetrics().render()).map(({ name }) => name));
    for (const name of ["airl_store_breaker_open", "airl_store_local_decisions_total", "airl_charges_lost_total"])
      expect(names).toContain(name);
  });

  test("[unit] refusals count by policy and limit", async () => {
    const metrics = createGatewayMetrics();
    metrics.refused("ai/p", "minute", "exhausted").value++;
    metrics.wouldRefuse("ai/p", "hour").value++;
    expect(await samplesOf(metrics, "airl_refusals_total")).toEqual([
      { name: "airl_refusals_total", labels: { policy: "ai/p", limit: "minute", reason: "exhausted" }, value: 1 },
    ]);
    expect(await samplesOf(metrics, "airl_would_refuse_total")).toEqual([
      { name: "airl_would_refuse_total", labels: { policy: "ai/p", limit: "hour" }, value: 1 },
    ]);
  });

  test("[unit] two data planes in one process count apart", async () => {
    const one = createGatewayMetrics();
    one.traffic("r", "b", "m").request(200, "forwarded").value++;
    expect(await samplesOf(createGatewayMetrics(), "airl_requests_total")).toEqual([]);
  });
});
