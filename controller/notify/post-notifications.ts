// One after the other to the webhook, in order: what fails is tried again, later each time, and nothing after it goes before
// it. The stream in Redis is the queue: bounded, and the same for the next leader.

import { type Clock, pause } from "../kube/clock.ts";
import { createTokenBucket } from "../kube/token-bucket.ts";
import { cloudEvent } from "./cloud-event.ts";
import type { Notification } from "./notification-store.ts";
import { toldAtMs } from "./notification-text.ts";
import type { Delivery, Webhook } from "./webhook.ts";

export type PostResult = "delivered" | "refused" | "expired";

export interface PosterOptions {
  readonly webhook: Webhook;
  readonly clock: Clock;
  /** 0 <= x < 1. */
  readonly random: () => number;
  readonly done: (result: PostResult) => void;
  /** Of each attempt that did not deliver. */
  readonly failed: (reason: string) => void;
}

export interface Poster {
  /** Resolves with true when it is done with, with false when the signal was aborted before. */
  post(notification: Notification, signal: AbortSignal): Promise<boolean>;
}

const RATE = { perSecond: 20, burst: 100 };
const FIRST_RETRY_MS = 500;
const MAX_RETRY_MS = 60_000;
/** What could not be delivered for so long is let go. */
const LIFE_MS = 86_400_000;

export function createPoster({ webhook, clock, random, done, failed }: PosterOptions): Poster {
  const bucket = createTokenBucket(RATE, clock);
  let failures = 0;

  async function attempt(body: string, signal: AbortSignal): Promise<Delivery> {
    await pause(clock, bucket.take(), signal);
    return await webhook.post(body, signal);
  }

  return {
    async post(notification, signal) {
      const body = cloudEvent(notification);
      while (!isOver(signal)) {
        if (clock.wallMs() - toldAtMs(notification) > LIFE_MS) {
          done("expired");
          return true;
        }
        const delivery = await attempt(body, signal);
        if (delivery.kind !== "failed") {
          failures = 0;
          if (delivery.kind === "refused") failed(delivery.reason);
          done(delivery.kind);
          return true;
        }
        if (isOver(signal)) return false;
        failed(delivery.reason);
        const ceilingMs = Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(failures, 10));
        failures += 1;
        await pause(clock, delivery.waitMs ?? ceilingMs / 2 + (random() * ceilingMs) / 2, signal);
      }
      return false;
    },
  };
}

function isOver({ aborted }: AbortSignal): boolean {
  return aborted;
}
