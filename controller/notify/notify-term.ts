// What a leader does about notifications for one term: Events on the policies, posts to the webhook, counts and log lines.

import type { Logger } from "pino";
import type { ClusterFeed } from "../cluster-feed.ts";
import type { Clock } from "../kube/clock.ts";
import type { EventRecorder } from "../kube/event-recorder.ts";
import { OWN_RESOURCES } from "../kube/resource.ts";
import type { ControllerMetrics } from "../metrics.ts";
import { type FollowOptions, followNotifications } from "./follow-notifications.ts";
import type { NotificationEvent } from "./gather-events.ts";
import type { NotificationStore } from "./notification-store.ts";
import { createPoster, type Poster } from "./post-notifications.ts";
import type { Webhook } from "./webhook.ts";

export interface NotifyTermOptions {
  readonly notifications: NotificationStore;
  /** Undefined: nothing is posted. */
  readonly webhook: Webhook | undefined;
  readonly namespaces: () => Iterable<string>;
  readonly feed: Pick<ClusterFeed, "object">;
  readonly events: Pick<EventRecorder, "deliver">;
  readonly metrics: Pick<ControllerMetrics, "notified">;
  readonly log: Logger;
  readonly clock: Clock;
  readonly random: () => number;
}

const POLICY = "AIRateLimitPolicy";

/** Until the signal is aborted. Never rejects. */
export function notifyForTerm(options: NotifyTermOptions, signal: AbortSignal): Promise<void> {
  const { notifications, namespaces, metrics, clock, log } = options;
  const say = createProblems(log);
  const follow: FollowOptions = {
    store: notifications,
    clock,
    namespaces,
    tell: (event) => tell(options, event),
    poster: createTermPoster(options, say),
    missed: (reader, count) => {
      metrics.notified(reader, "missed", count);
      log.warn({ reader, count }, "notifications were dropped: too many came before they were read");
    },
    lost: () => {
      metrics.notified("events", "lost", 1);
    },
    failed: (reader, error) => {
      say(reader, error instanceof Error ? error.message : "unknown");
    },
  };
  return followNotifications(follow, signal);
}

/** A policy that is gone is told nothing of. */
async function tell({ feed, events, metrics }: NotifyTermOptions, event: NotificationEvent): Promise<void> {
  const { namespace, policy: name, type, reason, note } = event;
  const resource = OWN_RESOURCES.find(({ kind }) => kind === POLICY);
  const object = feed.object(POLICY, { namespace, name });
  if (resource === undefined || object === undefined) return;
  const regarding = { kind: POLICY, namespace, name, uid: object.metadata.uid };
  await events.deliver({ resource, regarding, type, reason, action: "Notify", note });
  metrics.notified("events", "delivered", 1);
}

function createTermPoster({ webhook, clock, random, metrics }: NotifyTermOptions, say: Say): Poster | undefined {
  if (webhook === undefined) return undefined;
  return createPoster({
    webhook,
    clock,
    random,
    done: (result) => {
      metrics.notified("webhook", result, 1);
      if (result === "delivered") say("webhook", "");
    },
    failed: (reason) => {
      say("webhook", reason);
    },
  });
}

type Say = (reader: string, reason: string) => void;

/** An outage repeats one message; it is told once, and so is its end. */
function createProblems(log: Logger): Say {
  const last = new Map<string, string>();
  return (reader, reason) => {
    const before = last.get(reader) ?? "";
    last.set(reader, reason);
    if (reason === before) return;
    if (reason === "") log.info({ reader }, "notifications are delivered again");
    else log.warn({ reader, reason }, "notifications cannot be delivered");
  };
}
