// What is counted when somebody asks: how the objects stand, how much waits, how the watches do.

import type { Finding } from "../compiler/finding.ts";
import type { ClusterFeed } from "./cluster-feed.ts";
import type { Clock } from "./kube/clock.ts";
import type { Leader } from "./leader.ts";
import type { ConditionCount, ControllerMetrics, FindingCount } from "./metrics.ts";
import type { Publisher } from "./publish/publisher.ts";
import type { StatusBoard } from "./status-board.ts";

export interface StateSources {
  readonly feed: ClusterFeed;
  readonly leader: Pick<Leader, "board" | "statusesPending">;
  readonly publisher: Pick<Publisher, "counts">;
  readonly clock: Clock;
}

export function tellState(metrics: ControllerMetrics, { feed, leader, publisher, clock }: StateSources): void {
  const { conditions, findings } = countBoard(leader.board());
  metrics.objects(conditions);
  metrics.findings(findings);
  metrics.queueDepth("publish", publisher.counts().waiting);
  metrics.queueDepth("status", leader.statusesPending());
  const nowMs = clock.wallMs() - clock.monotonicMs();
  for (const { kind, lastEventAtMs, relists } of feed.watches()) {
    metrics.relists(kind, relists);
    if (lastEventAtMs !== undefined) metrics.watchEvent(kind, (nowMs + lastEventAtMs) / 1000);
  }
}

interface Counts {
  readonly conditions: readonly ConditionCount[];
  readonly findings: readonly FindingCount[];
}

/** A follower knows no statuses: the leader tells them. */
function countBoard(board: StatusBoard | undefined): Counts {
  const conditions = new Map<string, ConditionCount>();
  const findings = new Map<string, FindingCount>();
  for (const { report, status } of board?.all() ?? []) {
    for (const { type, status: is } of status.conditions) {
      add(conditions, `${report.ref.kind}/${type}/${is}`, { kind: report.ref.kind, condition: type, status: is });
    }
    for (const { code, severity } of report.findings) countFinding(findings, code, severity);
  }
  return { conditions: [...conditions.values()], findings: [...findings.values()] };
}

function countFinding(counts: Map<string, FindingCount>, code: Finding["code"], severity: Finding["severity"]): void {
  add(counts, `${code}/${severity}`, { code, severity });
}

function add<T extends object>(counts: Map<string, T & { count: number }>, key: string, one: T): void {
  const known = counts.get(key);
  if (known === undefined) counts.set(key, { ...one, count: 1 });
  else known.count += 1;
}
