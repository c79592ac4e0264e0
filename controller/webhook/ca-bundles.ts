// The caBundles of a ValidatingWebhookConfiguration: what API servers trust, what would set it right, and since when an
// authority has been in it.

import { z } from "zod";
import { type Authority, readAuthorities } from "../certificates/authorities.ts";
import type { PatchOperation } from "../kube/kube-api.ts";
import type { KubeObject } from "../kube/kube-object.ts";

const webhookList = z
  .array(z.looseObject({ clientConfig: z.looseObject({ caBundle: z.string().catch("") }) }))
  .max(256)
  .catch([]);

/** One for each webhook, in base64; "" where it has none. */
export function caBundlesOf(configuration: KubeObject): readonly string[] {
  return webhookList.parse(configuration["webhooks"]).map(({ clientConfig }) => clientConfig.caBundle);
}

/** PEM `bundle` in every webhook of this very version; none when all have it. */
export function bundlePatch(configuration: KubeObject, bundle: string): readonly PatchOperation[] {
  const value = Buffer.from(bundle, "utf8").toString("base64");
  const wrong = caBundlesOf(configuration).flatMap((found, index) => (found === value ? [] : [index]));
  if (wrong.length === 0) return [];
  const { resourceVersion } = configuration.metadata;
  return [
    { op: "add", path: "/metadata/resourceVersion", value: resourceVersion },
    ...wrong.map((index) => ({ op: "add", path: `/webhooks/${String(index)}/clientConfig/caBundle`, value }) as const),
  ];
}

export interface PublishedAuthorities {
  /** What was seen at `atMs`, by a clock that only goes forward; undefined: it could not be looked at. */
  saw(caBundles: readonly string[] | undefined, atMs: number): void;
  /** For how long it has been in each bundle at each look; undefined when it was not at the last one, or nothing was seen. */
  forMs(authority: Authority, atMs: number): number | undefined;
}

export function trackPublished(): PublishedAuthorities {
  const since = new Map<string, number>();
  let isAwaited = true;
  return {
    saw(caBundles, atMs) {
      isAwaited = caBundles === undefined || caBundles.length > 0;
      const ids = idsInAll(caBundles ?? []);
      for (const id of since.keys()) if (!ids.has(id)) since.delete(id);
      for (const id of ids) if (!since.has(id)) since.set(id, atMs);
    },
    forMs({ id }, atMs) {
      // No API server asks where there is no webhook.
      if (!isAwaited) return Number.POSITIVE_INFINITY;
      const sinceMs = since.get(id);
      return sinceMs === undefined ? undefined : atMs - sinceMs;
    },
  };
}

function idsInAll(caBundles: readonly string[]): ReadonlySet<string> {
  const [first, ...others] = caBundles.map(idsIn);
  return new Set([...(first ?? [])].filter((id) => others.every((ids) => ids.has(id))));
}

function idsIn(caBundle: string): ReadonlySet<string> {
  return new Set(readAuthorities(Buffer.from(caBundle, "base64").toString("utf8")).map(({ id }) => id));
}
