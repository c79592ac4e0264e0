// What a leader does for one term, put together: the term itself, the statuses and events that it causes, and the watch
// over data planes. All of it is made anew for each term, so that nothing of a lost one writes on.

import type { Logger } from "pino";
import type { ObjectReport } from "../compiler/change-log.ts";
import type { Finding } from "../compiler/finding.ts";
import { formatProblem } from "../compiler/format-finding.ts";
import type { ClusterFeed } from "./cluster-feed.ts";
import { watchDataPlanes } from "./data-plane-watch.ts";
import type { KeyRotation } from "./key-rotation.ts";
import type { Clock } from "./kube/clock.ts";
import { createEventRecorder, type EventRecorder } from "./kube/event-recorder.ts";
import type { KubeApi } from "./kube/kube-api.ts";
import type { Leadership } from "./kube/leader-election.ts";
import { OWN_RESOURCES, type Resource } from "./kube/resource.ts";
import { createStatusWriter, type StatusTarget } from "./kube/status-writer.ts";
import type { ControllerMetrics } from "./metrics.ts";
import type { NotificationStore } from "./notify/notification-store.ts";
import { notifyForTerm } from "./notify/notify-term.ts";
import type { Webhook } from "./notify/webhook.ts";
import type { DataPlaneReader } from "./publish/data-planes.ts";
import type { Publisher } from "./publish/publisher.ts";
import {
  type Acknowledgements,
  type AcknowledgementWatch,
  createAcknowledgementWatch,
} from "./status/acknowledgement.ts";
import type { Publication } from "./status/data-planes.ts";
import { meaningOf } from "./status/finding-meaning.ts";
import { createStatusBoard, type StatusBoard } from "./status-board.ts";
import { createTerm, positionOf, type Term } from "./term.ts";

export interface LeaderOptions {
  readonly api: KubeApi;
  readonly feed: ClusterFeed;
  readonly publisher: Publisher;
  readonly dataPlanes: DataPlaneReader;
  readonly notifications: NotificationStore;
  /** Where notifications are posted; undefined: nowhere. */
  readonly receiver: Webhook | undefined;
  readonly keys: KeyRotation;
  readonly metrics: ControllerMetrics;
  readonly log: Logger;
  readonly clock: Clock;
  readonly random: () => number;
  readonly systemNamespace: string;
  /** For events: who reports. */
  readonly instance: string;
}

/** The term under way; none while another leads. */
export interface Leader {
  lead(leadership: Leadership): Promise<void>;
  board(): StatusBoard | undefined;
  statusesPending(): number;
  /** Of the data planes; undefined while another leads. */
  acknowledgements(): Acknowledgements | undefined;
  storeAway(sinceMs: number | undefined): void;
  keysChanged(): void;
  /** What would be said of a manifest were it applied now; undefined while another process leads and knows. */
  judge(manifest: unknown): readonly Finding[] | undefined;
}

interface Office {
  readonly board: StatusBoard;
  readonly term: Term;
  readonly pending: () => number;
  readonly acknowledgement: AcknowledgementWatch;
}

const RESOURCES: ReadonlyMap<string, Resource> = new Map(OWN_RESOURCES.map((resource) => [resource.kind, resource]));

export function createLeader(options: LeaderOptions): Leader {
  let office: Office | undefined;
  let storeAwaySinceMs: number | undefined;
  return {
    async lead(leadership) {
      const ended = new AbortController();
      const signal = AbortSignal.any([leadership.signal, ended.signal]);
      // A server that does not answer must not keep the term from ending, nor a late status be written after it.
      const api = options.api.until(ended.signal);
      const statuses = createStatuses({ ...options, api });
      const events = createEventRecorder({ api, clock: options.clock, instance: options.instance });
      const term = createTerm({ ...termOptions(options, events), board: statuses.board });
      const acknowledgement = createAcknowledgementWatch({
        nowMs: () => options.clock.monotonicMs(),
        positions: () => positionsOf(options.publisher),
      });
      office = { board: statuses.board, term, pending: statuses.pending, acknowledgement };
      statuses.board.storeAway(storeAwaySinceMs);
      const watching = watchDataPlanes(watchOptions({ ...options, api }, office), signal);
      // A policy that is not known yet would pass for one that is gone.
      const isKnown = (): boolean => options.feed.missing().length === 0;
      const namespaces = (): Iterable<string> => (isKnown() ? options.publisher.namespaces() : []);
      const notifying = notifyForTerm({ ...options, webhook: options.receiver, namespaces, events }, signal);
      try {
        await term.run(leadership.transitions, leadership.signal);
      } finally {
        office = undefined;
        ended.abort();
        await Promise.all([watching, notifying, statuses.stop(), events.stop()]);
      }
    },
    board: () => office?.board,
    statusesPending: () => office?.pending() ?? 0,
    acknowledgements: () => office?.acknowledgement.counts(),
    storeAway(sinceMs) {
      storeAwaySinceMs = sinceMs;
      office?.board.storeAway(sinceMs);
    },
    keysChanged() {
      office?.term.turnKeys();
    },
    judge: (manifest) => office?.term.judge(manifest),
  };
}

interface Statuses {
  readonly board: StatusBoard;
  readonly pending: () => number;
  readonly stop: () => Promise<void>;
}

function createStatuses({ api, feed, metrics, log, clock, random }: LeaderOptions): Statuses {
  const writer = createStatusWriter({
    api,
    clock,
    random,
    seen: ({ resource, namespace, name }) => feed.object(resource.kind, { namespace, name }),
    report: (told) => {
      metrics.statusWritten(told.kind === "written" ? "ok" : told.kind);
      if (told.kind === "written") return;
      const { namespace, name, resource } = told.target;
      const reason = told.error.message;
      log.warn({ object: `${resource.kind} ${namespace}/${name}`, reason }, "a status could not be written");
    },
  });
  const board = createStatusBoard({
    nowMs: () => clock.wallMs(),
    write: (report, status) => {
      const target = targetOf(report);
      if (target !== undefined) writer.set(target, status);
    },
    forget: (report) => {
      const target = targetOf(report);
      if (target !== undefined) writer.forget(target);
    },
  });
  return { board, pending: () => writer.pending, stop: () => writer.stop() };
}

/** Undefined for what has no status of ours: Secrets. */
function targetOf({ ref, uid }: ObjectReport): StatusTarget | undefined {
  const resource = RESOURCES.get(ref.kind);
  return resource && { resource, namespace: ref.namespace, name: ref.name, uid };
}

function termOptions(options: LeaderOptions, events: EventRecorder) {
  const { feed, publisher, keys, systemNamespace, clock, metrics } = options;
  return {
    feed,
    publisher,
    keys,
    systemNamespace,
    clock,
    reconciled: (seconds: number) => {
      metrics.reconciled(seconds);
    },
    reported: (reports: readonly ObjectReport[]) => {
      for (const report of reports) recordRejection(report, events);
    },
  };
}

/** Only what is wrong is an event: what works is said by status. */
function recordRejection(report: ObjectReport, events: EventRecorder): void {
  const target = targetOf(report);
  const error = report.findings.find(({ severity }) => severity === "error");
  if (target === undefined || error === undefined) return;
  const { resource, namespace, name, uid } = target;
  const { condition, reason } = meaningOf(error);
  events.record({
    resource,
    regarding: { kind: resource.kind, namespace, name, uid },
    type: "Warning",
    reason,
    action: condition === "Accepted" ? "Accept" : "ResolveRefs",
    note: formatProblem(error),
  });
}

/** Revisions of all that is published, by namespace. */
export function positionsOf(publisher: Pick<Publisher, "namespaces" | "positionOf">): ReadonlyMap<string, Publication> {
  const positions = new Map<string, Publication>();
  for (const namespace of publisher.namespaces()) {
    const position = publisher.positionOf(namespace);
    if (position !== undefined) positions.set(namespace, position);
  }
  return positions;
}

function watchOptions(options: LeaderOptions, { board, term, acknowledgement }: Office) {
  const { dataPlanes: reader, api, clock, publisher, keys, log } = options;
  let lastReason = "";
  return {
    reader,
    api,
    clock,
    namespaces: () => publisher.namespaces(),
    isAwaited: () => board.awaitsDataPlanes() || keys.ids().length > 1,
    seen: (...[present, entries]: Parameters<Parameters<typeof watchDataPlanes>[0]["seen"]>) => {
      lastReason = "";
      acknowledgement.seen(present);
      board.dataPlanes(present, (report) => positionOf(publisher, report));
      if (keys.acknowledged(entries)) term.turnKeys();
    },
    failed: (error: unknown) => {
      const reason = error instanceof Error ? error.message : "unknown";
      // An outage repeats one message; it is told once.
      if (reason !== lastReason) log.warn({ reason }, "the data planes cannot be asked");
      lastReason = reason;
    },
  };
}
