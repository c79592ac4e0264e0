// AdmissionReview of admission.k8s.io/v1: what is read of a request and how an answer looks. Knows nothing of our kinds.

import { z } from "zod";

const API_VERSION = "admission.k8s.io/v1";

const admissionReview = z.object({
  apiVersion: z.literal(API_VERSION, { error: `apiVersion ${API_VERSION}` }),
  kind: z.literal("AdmissionReview", { error: "kind AdmissionReview" }),
  request: z.object(
    {
      uid: z.string({ error: "request.uid" }).min(1, { error: "request.uid" }).max(256, { error: "request.uid" }),
      kind: z.object({ group: z.string(), kind: z.string() }, { error: "request.kind with group and kind" }),
      operation: z.enum(["CREATE", "UPDATE", "DELETE", "CONNECT"], { error: "request.operation" }),
      namespace: z.string({ error: "request.namespace" }).optional(),
      subResource: z.string({ error: "request.subResource" }).optional(),
      /** Null on DELETE. */
      object: z.unknown(),
      oldObject: z.unknown(),
    },
    { error: "request" },
  ),
});

export type AdmissionRequest = z.output<typeof admissionReview>["request"];

export type ReadReview =
  | { readonly kind: "request"; readonly request: AdmissionRequest }
  /** What was wanted and is not there. Nothing of the body is repeated: it may hold secrets. */
  | { readonly kind: "malformed"; readonly message: string };

export function readReview(body: unknown): ReadReview {
  const parsed = admissionReview.safeParse(body);
  if (parsed.success) return { kind: "request", request: parsed.data.request };
  const wanted = [...new Set(parsed.error.issues.map(({ path, message }) => wantedAt(path, message)))];
  return { kind: "malformed", message: `not an AdmissionReview of ${API_VERSION}: wanted ${wanted.join(", ")}` };
}

function wantedAt(path: readonly PropertyKey[], message: string): string {
  return message.startsWith("Invalid") ? path.map(String).join(".") || "an object" : message;
}

export interface Verdict {
  /** Undefined allows. */
  readonly refusal: string | undefined;
  /** kubectl prints each on a line of its own. */
  readonly warnings: readonly string[];
}

/** The answer to the request with this uid, as it is sent. */
export function reviewAnswer(uid: string, { refusal, warnings }: Verdict): Record<string, unknown> {
  const status = refusal === undefined ? {} : { status: { code: 422, reason: "Invalid", message: refusal } };
  const told = warnings.length === 0 ? {} : { warnings };
  return {
    apiVersion: API_VERSION,
    kind: "AdmissionReview",
    response: { uid, allowed: refusal === undefined, ...status, ...told },
  };
}
