// The HTTP side of the admission webhook: POST /validate and GET /livez. Everything it answers is safe to log: bodies hold
// inline keys, so nothing of one is ever repeated.

import { randomBytes } from "node:crypto";
import express, { type Express, type Request, type Response } from "express";
import { z } from "zod";
import { deriveKeys } from "../../dataplane/contract/keyring.ts";
import { readReview, reviewAnswer, type Verdict } from "./admission-review.ts";
import { type JudgeBeside, type JudgeDeps, judgeObject } from "./judge-object.ts";

/** The API server takes objects up to this size, as JSON. */
const MAX_BODY_BYTES = 3 * 1024 * 1024;

export type ReviewResult = "allowed" | "warned" | "refused" | "malformed" | "failed";

export interface WebhookDeps {
  readonly systemNamespace: string;
  /** Gives the warnings that need other objects; without it there are none. A throw counts as unknown. */
  readonly judgeBeside?: JudgeBeside | undefined;
  /** Called once for each review. */
  readonly reviewed: (result: ReviewResult) => void;
  /** An error of our own, never of the caller's. */
  readonly failed: (error: unknown) => void;
}

export function createWebhookApp(deps: WebhookDeps): Express {
  const app = express();
  app.disable("x-powered-by");
  app.disable("etag");
  const judgeDeps = judgeDepsOf(deps);
  app.get("/livez", (_req, res) => {
    res.type("text/plain").send("ok\n");
  });
  const readBody = express.json({ limit: MAX_BODY_BYTES, type: () => true, inflate: false, strict: false });
  app.post("/validate", (req, res) => {
    // eslint-disable-next-line @typescript-eslint/no-unsafe-class-instance-assignment -- Express sets the prototype of IncomingMessage below its own
    readBody(req, res, (error?: unknown) => {
      if (error === undefined) answer(req, res, { deps, judgeDeps });
      else refuseBody(error, res, deps);
    });
  });
  app.use((_req, res) => {
    res.status(404).type("text/plain").send("not found; this port has POST /validate and GET /livez\n");
  });
  return app;
}

interface Handling {
  readonly deps: WebhookDeps;
  readonly judgeDeps: JudgeDeps;
}

function answer(req: Request, res: Response, { deps, judgeDeps }: Handling): void {
  const review = readReview(req.body);
  if (review.kind === "malformed") {
    deps.reviewed("malformed");
    sendText(res, 400, review.message);
    return;
  }
  try {
    const verdict = judgeObject(review.request, judgeDeps);
    res.json(reviewAnswer(review.request.uid, verdict));
    deps.reviewed(resultOf(verdict));
  } catch (error) {
    deps.reviewed("failed");
    deps.failed(error);
    sendText(res, 500, "the check failed");
  }
}

function resultOf({ refusal, warnings }: Verdict): ReviewResult {
  if (refusal !== undefined) return "refused";
  return warnings.length > 0 ? "warned" : "allowed";
}

/** Keys of this process alone: what is compiled here is thrown away. */
function judgeDepsOf({ systemNamespace, judgeBeside, failed }: WebhookDeps): JudgeDeps {
  const ring = [deriveKeys(randomBytes(32), "admission")];
  return {
    ringFor: () => ring,
    systemNamespace,
    judgeBeside(manifest) {
      try {
        return judgeBeside?.(manifest);
      } catch (error) {
        failed(error);
        return undefined;
      }
    },
  };
}

/** What Express' body parser throws. Its message quotes the body, so only its status is used. */
const bodyError = z.object({ status: z.int().min(400).max(499) });

const BODY_ERRORS: ReadonlyMap<number, string> = new Map([
  [400, "the body is not JSON"],
  [413, `the body is longer than ${String(MAX_BODY_BYTES)} bytes`],
  [415, "wanted JSON in UTF-8, not compressed"],
]);

function refuseBody(error: unknown, res: Response, deps: WebhookDeps): void {
  const { data } = bodyError.safeParse(error);
  deps.reviewed(data === undefined ? "failed" : "malformed");
  if (data === undefined) {
    deps.failed(error);
    sendText(res, 500, "the request cannot be read");
    return;
  }
  sendText(res, data.status, BODY_ERRORS.get(data.status) ?? "the request cannot be read");
}

function sendText(res: Response, status: number, text: string): void {
  res.status(status).type("text/plain").send(`${text}\n`);
}
