// docs/metrics-controller.md against the page: every metric with its type, its labels and its meaning.

import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { createControllerMetrics } from "../../controller/metrics.ts";
import { type StateSources, tellState } from "../../controller/state-metrics.ts";
import { createHandClock } from "../helpers/hand-clock.ts";
import { type ParsedFamily, parseExposition } from "../unit/metrics/prometheus-text.ts";

/** A page on which every metric has a value. */
async function fullPage(): Promise<readonly ParsedFamily[]> {
  const metrics = createControllerMetrics();
  metrics.reconciled(0.5);
  metrics.queueDepth("status", 3);
  metrics.objects([{ kind: "Consumer", condition: "Accepted", status: "True", count: 7 }]);
  metrics.findings([{ code: "SecretNotFound", severity: "error", count: 2 }]);
  metrics.published("ok", 0.25);
  metrics.dataPlanes({ current: 1, behind: 0, silent: 0 });
  metrics.watchRestarted("Secret");
  metrics.relists("AIRoute", 1);
  metrics.watchEvent("AIRoute", 1_700_000_000);
  metrics.statusWritten("failed");
  metrics.webhookReviewed("refused");
  metrics.webhookCertificate(1_800_000_000);
  metrics.notified("events", "delivered", 2);
  return parseExposition(await metrics.render()).filter(({ name }) => name.startsWith("airl_"));
}

function rowOf({ name, type, help, samples }: ParsedFamily): string {
  const labels = new Set(samples.flatMap((sample) => Object.keys(sample.labels)));
  labels.delete("le");
  return `| \`${name}\` | ${type} | ${[...labels].map((label) => `\`${label}\``).join(" ")} | ${help} |`;
}

test("[unit] docs/metrics-controller.md lists every metric with its type, labels and meaning", async () => {
  const families = await fullPage();
  expect(families.filter(({ samples }) => samples.length === 0)).toEqual([]);
  const rows = readFileSync("docs/metrics-controller.md", "utf8")
    .split("\n")
    .filter((line) => /^\| `airl_\w+` \|/.test(line));
  expect(rows).toEqual(families.map(rowOf).toSorted());
});

describe("at a scrape", () => {
  const sources = (leads: boolean): StateSources => ({
    feed: {
      waiting: () => 4,
      watches: () => [{ kind: "AIRoute", synced: true, objects: 1, failures: 0, lastEventAtMs: undefined, relists: 2 }],
    },
    leader: {
      board: () => undefined,
      statusesPending: () => 5,
      acknowledgements: () => (leads ? { current: 2, behind: 1, silent: 3 } : undefined),
    },
    publisher: {
      counts: () => ({ namespaces: 2, objects: 9, waiting: 6 }),
      namespaces: () => ["ai", "batch"],
      positionOf: (namespace) => ({ generation: "g", revision: namespace === "ai" ? 10 : 5 }),
    },
    clock: createHandClock(),
  });

  async function figures(leads: boolean): Promise<Readonly<Record<string, number>>> {
    const metrics = createControllerMetrics();
    tellState(metrics, sources(true));
    tellState(metrics, sources(leads));
    const samples = parseExposition(await metrics.render())
      .filter(({ name }) => /queue_depth|config_revision|data_planes|relists/.test(name))
      .flatMap((family) => family.samples);
    return Object.fromEntries(samples.map(({ labels, value, name }) => [Object.values(labels)[0] ?? name, value]));
  }

  const queues = { compile: 4, publish: 6, status: 5, AIRoute: 2 };

  test("[unit] the leader tells what waits, how far it has published and who follows", async () => {
    const rest = { airl_controller_config_revision: 15, current: 2, behind: 1, silent: 3 };
    expect(await figures(true)).toEqual({ ...queues, ...rest });
  });

  test("[unit] one that leads no more tells nothing of data planes", async () => {
    expect(await figures(false)).toEqual({ ...queues, airl_controller_config_revision: 0 });
  });
});
