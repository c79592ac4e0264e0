// What Prometheus reads of the controller.

import { expect, test } from "vitest";
import { type ControllerMetrics, createControllerMetrics } from "../../controller/metrics.ts";

/** Lines of the controller's own metrics without buckets and comments. */
async function linesOf(metrics: ControllerMetrics): Promise<string[]> {
  const text = await metrics.render();
  return text.split("\n").filter((line) => line.startsWith("airl_controller_") && !line.includes("_bucket{"));
}

test("[unit] everything that is told can be read", async () => {
  const metrics = createControllerMetrics();
  metrics.reconciled(0.5);
  metrics.queueDepth("status", 3);
  metrics.objects([{ kind: "Consumer", condition: "Accepted", status: "True", count: 7 }]);
  metrics.findings([{ code: "SecretNotFound", severity: "error", count: 2 }]);
  metrics.published("ok", 0.25);
  metrics.leader(true);
  metrics.configRevision(12);
  metrics.dataPlanes({ current: 4, behind: 1, silent: 0 });
  metrics.redisUp(true);
  metrics.watchRestarted("Secret");
  metrics.relists("AIRoute", 1);
  metrics.watchEvent("AIRoute", 1_700_000_000);
  metrics.statusWritten("failed");
  metrics.webhookReviewed("refused");
  metrics.webhookCertificate(1_800_000_000);
  expect(await linesOf(metrics)).toEqual([
    "airl_controller_reconcile_duration_seconds_sum 0.5",
    "airl_controller_reconcile_duration_seconds_count 1",
    'airl_controller_queue_depth{queue="status"} 3',
    'airl_controller_publish_duration_seconds_sum{result="ok"} 0.25',
    'airl_controller_publish_duration_seconds_count{result="ok"} 1',
    'airl_controller_objects{kind="Consumer",condition="Accepted",status="True"} 7',
    'airl_controller_findings{code="SecretNotFound",severity="error"} 2',
    "airl_controller_leader 1",
    "airl_controller_redis_up 1",
    "airl_controller_config_revision 12",
    'airl_controller_data_planes{state="current"} 4',
    'airl_controller_data_planes{state="behind"} 1',
    'airl_controller_data_planes{state="silent"} 0',
    'airl_controller_watch_restarts_total{kind="Secret"} 1',
    'airl_controller_relists_total{kind="AIRoute"} 1',
    'airl_controller_last_event_timestamp_seconds{kind="AIRoute"} 1700000000',
    'airl_controller_status_writes_total{result="failed"} 1',
    'airl_controller_webhook_reviews_total{result="refused"} 1',
    "airl_controller_webhook_certificate_expiry_timestamp_seconds 1800000000",
  ]);
});

test("[unit] a finding or a condition that is gone is not shown any more", async () => {
  const metrics = createControllerMetrics();
  metrics.objects([{ kind: "Consumer", condition: "Accepted", status: "False", count: 1 }]);
  metrics.findings([{ code: "Invalid", severity: "error", count: 1 }]);
  metrics.objects([{ kind: "Consumer", condition: "Accepted", status: "True", count: 1 }]);
  metrics.findings([]);
  metrics.leader(true);
  metrics.leader(false);
  expect((await linesOf(metrics)).filter((line) => /objects|findings|leader/.test(line))).toEqual([
    'airl_controller_objects{kind="Consumer",condition="Accepted",status="True"} 1',
    "airl_controller_leader 0",
  ]);
});

test("[unit] without a certificate there is no time at which it expires, and a renewed one has its own", async () => {
  const metrics = createControllerMetrics();
  const expiry = async () => (await linesOf(metrics)).filter((line) => line.includes("certificate_expiry"));
  expect(await expiry()).toEqual([]);
  metrics.webhookCertificate(1_700_000_000);
  metrics.webhookCertificate(1_800_000_000);
  expect(await expiry()).toEqual(["airl_controller_webhook_certificate_expiry_timestamp_seconds 1800000000"]);
});

test("[unit] two sets of metrics share nothing", async () => {
  const [one, other] = [createControllerMetrics(), createControllerMetrics()];
  one.leader(true);
  expect(await linesOf(other)).toContain("airl_controller_leader 0");
});
