// Posts CloudEvents to the operator's receiver. Says what came of one attempt; whoever calls decides about the next.

import type { NotifyHeader } from "./notify-header.ts";

export type Delivery =
  | { readonly kind: "delivered" }
  /** It would not be taken another time either. */
  | { readonly kind: "refused"; readonly reason: string }
  /** It may be taken later; `waitMs` when the receiver said when. */
  | { readonly kind: "failed"; readonly reason: string; readonly waitMs: number | undefined };

export interface Webhook {
  /** Never rejects. Ends early, as failed, when the signal is aborted. */
  post(body: string, signal: AbortSignal): Promise<Delivery>;
}

export interface WebhookOptions {
  readonly url: string;
  /** Looked at for each attempt: its file may change. */
  readonly header: () => NotifyHeader | undefined;
  /** Of one attempt. Default 5000. */
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 5_000;
const MAX_WAIT_MS = 60_000;
const TOO_MANY = 429;
/** The receiver waited for the request, or wants it again on another connection. */
const AGAIN = new Set([408, 421, 425, TOO_MANY]);

export function createWebhook({ url, header, timeoutMs = TIMEOUT_MS }: WebhookOptions): Webhook {
  return {
    async post(body, signal) {
      const extra = header();
      const headers = new Headers({ "Content-Type": "application/cloudevents+json; charset=utf-8" });
      if (extra !== undefined) headers.set(extra.name, extra.value);
      try {
        const response = await fetch(url, {
          method: "POST",
          headers,
          body,
          // Where it would lead is not what the operator chose.
          redirect: "manual",
          signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
        });
        await response.body?.cancel();
        return outcomeOf(response);
      } catch (error) {
        // Messages of the client may hold the URL, which may hold a secret: only the kind of error is told.
        return { kind: "failed", reason: failureText(error), waitMs: undefined };
      }
    },
  };
}

function outcomeOf({ status, ok, headers }: Response): Delivery {
  if (ok) return { kind: "delivered" };
  const reason = `status ${String(status)}`;
  if (status < 500 && !AGAIN.has(status)) return { kind: "refused", reason };
  const seconds = Number(headers.get("retry-after") ?? Number.NaN);
  const waitMs = Number.isFinite(seconds) && seconds >= 0 ? Math.min(MAX_WAIT_MS, seconds * 1000) : undefined;
  return { kind: "failed", reason, waitMs };
}

function failureText(error: unknown): string {
  if (!(error instanceof Error)) return "unknown";
  const { cause } = error;
  const code: unknown = cause instanceof Error ? Reflect.get(cause, "code") : undefined;
  return typeof code === "string" ? code : error.name;
}
