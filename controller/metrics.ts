// Every metric of the controller: name, help, labels. Labels are closed sets, by type: no name of an object or a namespace.

import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { FindingCode } from "../compiler/finding.ts";
import type { Acknowledgements } from "./status/acknowledgement.ts";

export type QueueName = "compile" | "publish" | "status";

/** How many objects of a kind have a condition with this status. */
export interface ConditionCount {
  readonly kind: string;
  readonly condition: string;
  readonly status: "True" | "False" | "Unknown";
  readonly count: number;
}

/** How many findings of a code there are now. */
export interface FindingCount {
  readonly code: FindingCode;
  readonly severity: "error" | "warning";
  readonly count: number;
}

export interface ControllerMetrics {
  readonly contentType: string;
  render(): Promise<string>;
  /** One pass from changed objects to what is to be published. */
  reconciled(seconds: number): void;
  queueDepth(queue: QueueName, depth: number): void;
  /** All at once: what is not named any more is 0. */
  objects(counts: readonly ConditionCount[]): void;
  /** All at once: what is not named any more is 0. */
  findings(counts: readonly FindingCount[]): void;
  /**
   * One write to the store, whatever came of it. fenced: another leader has taken over; behind: Redis has lost what was
   * published, and all of it is written anew.
   */
  published(result: "ok" | "fenced" | "behind" | "failed", seconds: number): void;
  leader(isLeader: boolean): void;
  /** Sum of the revisions of all published namespaces; 0 while another leads. */
  configRevision(revision: number): void;
  /** Undefined while another leads: it knows them. */
  dataPlanes(counts: Acknowledgements | undefined): void;
  redisUp(isUp: boolean): void;
  watchRestarted(kind: string): void;
  /** Lists of a kind so far, after the first. */
  relists(kind: string, total: number): void;
  /** An event or bookmark came; time since 1970 in seconds. Its age is `time() - ...` in a query. */
  watchEvent(kind: string, atSeconds: number): void;
  statusWritten(result: "ok" | "failed" | "dropped"): void;
  /** What data planes told of limits: written as an Event, posted to the webhook, or neither. */
  notified(
    sink: "events" | "webhook",
    result: "delivered" | "refused" | "expired" | "lost" | "missed",
    count: number,
  ): void;
  webhookReviewed(result: "allowed" | "warned" | "refused" | "malformed" | "failed"): void;
  /** The webhook serves a certificate that expires then; time since 1970 in seconds. */
  webhookCertificate(expiresSeconds: number): void;
}

const SECONDS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

export function createControllerMetrics(): ControllerMetrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  return {
    contentType: registry.contentType,
    render: () => registry.metrics(),
    ...work(registry),
    ...state(registry),
    ...publication(registry),
    ...watches(registry),
    ...answers(registry),
  };
}

function work(registry: Registry): Pick<ControllerMetrics, "reconciled" | "queueDepth" | "published"> {
  const registers = [registry];
  const reconcile = new Histogram({
    name: "airl_controller_reconcile_duration_seconds",
    help: "From changed objects to what is to be published of them.",
    buckets: SECONDS,
    registers,
  });
  const depth = new Gauge({
    name: "airl_controller_queue_depth",
    help: "Objects that wait, by what for.",
    labelNames: ["queue"],
    registers,
  });
  const publish = new Histogram({
    name: "airl_controller_publish_duration_seconds",
    help: "Time of a write of configuration to Redis, by result.",
    labelNames: ["result"],
    buckets: SECONDS,
    registers,
  });
  return {
    reconciled: (seconds) => reconcile.observe(seconds),
    queueDepth: (queue, count) => depth.set({ queue }, count),
    published: (result, seconds) => publish.observe({ result }, seconds),
  };
}

function state(registry: Registry): Pick<ControllerMetrics, "objects" | "findings" | "leader" | "redisUp"> {
  const registers = [registry];
  const objects = new Gauge({
    name: "airl_controller_objects",
    help: "Objects by kind and by what their conditions say.",
    labelNames: ["kind", "condition", "status"],
    registers,
  });
  const findings = new Gauge({
    name: "airl_controller_findings",
    help: "What the compiler finds wrong at present, by code and severity.",
    labelNames: ["code", "severity"],
    registers,
  });
  const leader = new Gauge({ name: "airl_controller_leader", help: "1 while this process is the leader.", registers });
  const redis = new Gauge({ name: "airl_controller_redis_up", help: "1 while Redis answers.", registers });
  return {
    objects(counts) {
      objects.reset();
      for (const { count, ...labels } of counts) objects.set(labels, count);
    },
    findings(counts) {
      findings.reset();
      for (const { count, ...labels } of counts) findings.set(labels, count);
    },
    leader: (isLeader) => leader.set(isLeader ? 1 : 0),
    redisUp: (isUp) => redis.set(isUp ? 1 : 0),
  };
}

function publication(registry: Registry): Pick<ControllerMetrics, "configRevision" | "dataPlanes"> {
  const registers = [registry];
  const revision = new Gauge({
    name: "airl_controller_config_revision",
    help: "Sum of the revisions of all published namespaces, as airl_config_revision of the data planes; 0 on a follower.",
    registers,
  });
  const planes = new Gauge({
    name: "airl_controller_data_planes",
    help: "Data planes by whether what was published 10 to 20 seconds ago is in force there; the leader knows.",
    labelNames: ["state"],
    registers,
  });
  return {
    configRevision: (sum) => revision.set(sum),
    dataPlanes(counts) {
      planes.reset();
      for (const [state, count] of Object.entries(counts ?? {})) planes.set({ state }, count);
    },
  };
}

function watches(registry: Registry): Pick<ControllerMetrics, "watchRestarted" | "relists" | "watchEvent"> {
  const registers = [registry];
  const labelNames = ["kind"] as const;
  const restarts = new Counter({
    name: "airl_controller_watch_restarts_total",
    help: "Watches that were begun again, by kind.",
    labelNames,
    registers,
  });
  const relists = new Counter({
    name: "airl_controller_relists_total",
    help: "Full lists after the first, by kind.",
    labelNames,
    registers,
  });
  const event = new Gauge({
    name: "airl_controller_last_event_timestamp_seconds",
    help: "When a watch told something last, bookmarks included, by kind.",
    labelNames,
    registers,
  });
  return {
    watchRestarted: (kind) => restarts.inc({ kind }),
    relists(kind, total) {
      relists.remove({ kind });
      relists.inc({ kind }, total);
    },
    watchEvent: (kind, atSeconds) => event.set({ kind }, atSeconds),
  };
}

function answers(
  registry: Registry,
): Pick<ControllerMetrics, "statusWritten" | "webhookReviewed" | "webhookCertificate" | "notified"> {
  const registers = [registry];
  const labelNames = ["result"] as const;
  const writes = new Counter({
    name: "airl_controller_status_writes_total",
    help: "Writes of status to the API server, by result; dropped ones are not tried again.",
    labelNames,
    registers,
  });
  const reviews = new Counter({
    name: "airl_controller_webhook_reviews_total",
    help: "Answers of the admission webhook, by result.",
    labelNames,
    registers,
  });
  let expiry: Gauge | undefined;
  const notifications = new Counter({
    name: "airl_controller_notifications_total",
    help: "Notifications of limits, by where they go and what came of them; an Event stands for many of them.",
    labelNames: ["sink", "result"],
    registers,
  });
  return {
    notified: (sink, result, count) => notifications.inc({ sink, result }, count),
    statusWritten: (result) => writes.inc({ result }),
    webhookReviewed: (result) => reviews.inc({ result }),
    webhookCertificate(expiresSeconds) {
      // Made with the first certificate: a gauge without labels shows 0 before, and 0 has expired.
      expiry ??= new Gauge({
        name: "airl_controller_webhook_certificate_expiry_timestamp_seconds",
        help: "When the certificate that the webhook serves expires. Absent without one.",
        registers,
      });
      expiry.set(expiresSeconds);
    },
  };
}
