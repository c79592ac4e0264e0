// What is counted when somebody asks: how the objects stand, how much waits, how the watches do.

import type { Finding } from "../compiler/finding.ts";
import type { ClusterFeed } from "./cluster-feed.ts";
import type { Clock } from "./kube/clock.ts";
import { type Leader, positionsOf } from "./leader.ts";
import type { ConditionCount, ControllerMetrics, FindingCount } from "./metrics.ts";
import type { Publisher } from "./publish/publisher.ts";
import type { ObjectStatus } from "./status/object-state.ts";
import type { StatusBoard } from "./status-board.ts";

export interface StateSources {
  readonly feed: Pick<ClusterFeed, "waiting" | "watches">;
  readonly leader: Pick<Leader, "board" | "statusesPending" | "acknowledgements">;
  readonly publisher: Pick<Publisher, "counts" | "namespaces" | "positionOf">;
  readonly clock: Clock;
}

export function tellState(metrics: ControllerMetrics, { feed, leader, publisher, clock }: StateSources): void {
  const { conditions, findings } = countBoard(leader.board());
  metrics.objects(conditions);
  metrics.findings(findings);
  metrics.queueDepth("compile", feed.waiting());
  metrics.queueDepth("publish", publisher.counts().waiting);
  metrics.queueDepth("status", leader.statusesPending());
  const acknowledgements = leader.acknowledgements();
  metrics.dataPlanes(acknowledgements);
  metrics.configRevision(acknowledgements === undefined ? 0 : revisionOf(publisher));
  const nowMs = clock.wallMs() - clock.monotonicMs();
  for (const { kind, lastEventAtMs, relists } of feed.watches()) {
    metrics.relists(kind, relists);
    if (lastEventAtMs !== undefined) metrics.watchEvent(kind, (nowMs + lastEventAtMs) / 1000);
  }
}

function revisionOf(publisher: StateSources["publisher"]): number {
  let sum = 0;
  for (const { revision } of positionsOf(publisher).values()) sum += revision;
  return sum;
}

interface Counts {
  readonly conditions: readonly ConditionCount[];
  readonly findings: readonly FindingCount[];
}

/**
 * A follower knows no statuses: the leader tells them. Of 100,000 objects most have a status together with others: those
 * are counted first.
 */
function countBoard(board: StatusBoard | undefined): Counts {
  const statuses = new Map<string, Map<ObjectStatus, number>>();
  const findings = new Map<string, FindingCount>();
  for (const { report, status } of board?.all() ?? []) {
    const { kind } = report.ref;
    const ofKind = statuses.get(kind) ?? new Map<ObjectStatus, number>();
    if (ofKind.size === 0) statuses.set(kind, ofKind);
    ofKind.set(status, (ofKind.get(status) ?? 0) + 1);
    for (const { code, severity } of report.findings) countFinding(findings, code, severity);
  }
  return { conditions: conditionsOf(statuses), findings: [...findings.values()] };
}

function conditionsOf(statuses: ReadonlyMap<string, ReadonlyMap<ObjectStatus, number>>): readonly ConditionCount[] {
  const conditions = new Map<string, ConditionCount>();
  for (const [kind, ofKind] of statuses) {
    for (const [status, count] of ofKind) {
      for (const { type, status: is } of status.conditions) {
        const one = { kind, condition: type, status: is };
        add(conditions, `${kind}/${type}/${is}`, { one, count });
      }
    }
  }
  return [...conditions.values()];
}

function countFinding(counts: Map<string, FindingCount>, code: Finding["code"], severity: Finding["severity"]): void {
  add(counts, `${code}/${severity}`, { one: { code, severity }, count: 1 });
}

function add<T extends object>(
  counts: Map<string, T & { readonly count: number }>,
  key: string,
  { one, count }: { readonly one: T; readonly count: number },
): void {
  counts.set(key, { ...one, count: (counts.get(key)?.count ?? 0) + count });
}
