// The upstream port over our own HTTP/1.1 client on node:net and node:tls: the composition of pools, time-outs and
// calls. Knows nothing of providers and limits.

import { X509Certificate } from "node:crypto";
import { lookup } from "node:dns";
import { createDialer, type Resolve } from "./dial.ts";
import type { EgressPolicy } from "./egress.ts";
import { Http1Call } from "./http1-call.ts";
import { readOrigin } from "./origin.ts";
import { OriginPool, type PoolOptions, type UpstreamObserver } from "./origin-pool.ts";
import { encodeRequestHead } from "./request-head.ts";
import { createSweeper } from "./sweeper.ts";
import {
  type Upstream,
  type UpstreamCall,
  UpstreamError,
  type UpstreamErrorCode,
  type UpstreamHandler,
} from "./upstream.ts";

export interface Http1ClientOptions {
  /** Which addresses may be dialled; see egress.ts. */
  readonly egress: EgressPolicy;
  /** Milliseconds that never decrease; default performance.now. */
  readonly clock?: (() => number) | undefined;
  /** Name resolution; default the system's (dns.lookup). */
  readonly resolve?: Resolve | undefined;
  /** PEM certificates trusted besides the built-in ones. NODE_EXTRA_CA_CERTS has no effect when this is given. */
  readonly ca?: string | undefined;
  /** Idle connections kept for one origin. Default 256. */
  readonly maxIdlePerOrigin?: number | undefined;
  /** Longest head of a response. Default 64 KiB. */
  readonly maxHeadBytes?: number | undefined;
  /** Open connections, idle ones included; one more call is refused with connect_failed. Default: no limit. */
  readonly maxConnectionsPerOrigin?: number | undefined;
  /** How long a connection may stay idle, unless the server's Keep-Alive: timeout says less. Default 15 s. */
  readonly idleMs?: number | undefined;
  readonly observe?: UpstreamObserver | undefined;
}

/** Time-outs are late by up to two of these, never early. */
const SWEEP_MS = 100;
const DEFAULT_IDLE_MS = 15_000;
const DEFAULT_MAX_IDLE = 256;
const DEFAULT_MAX_HEAD_BYTES = 64 * 1024;
/** Pools of origins that are no longer configured are dropped above this number. */
const MAX_UNUSED_POOLS = 1024;

/** Throws when `ca` is not PEM. */
export function createHttp1Client(options: Http1ClientOptions): Upstream {
  const clock = options.clock ?? (() => performance.now());
  const sweeper = createSweeper(SWEEP_MS, clock);
  const poolOptions = poolOptionsOf(options, { clock, sweeper });
  const pools = new Map<string, OriginPool>();
  let closed = false;

  const poolOf = (text: string): OriginPool | undefined => {
    const known = pools.get(text);
    if (known !== undefined) return known;
    const origin = readOrigin(text);
    if (origin === undefined) return undefined;
    if (pools.size >= MAX_UNUSED_POOLS) dropUnused(pools);
    const pool = new OriginPool(origin, poolOptions);
    pools.set(text, pool);
    return pool;
  };

  return {
    request(target, request, handler) {
      if (closed) return refuse(handler, "aborted", "the upstream client is closed");
      const pool = poolOf(target.origin);
      if (pool === undefined) {
        return refuse(handler, "connect_failed", `"${target.origin}" is not an origin; write http(s)://host:port`);
      }
      const encoded = encodeRequestHead(pool.origin.hostHeader, request);
      if (encoded.kind === "fault") return refuse(handler, "protocol_error", encoded.message);
      const call = new Http1Call({ target, request, head: encoded.text, handler, pool });
      call.start();
      return call;
    },
    close() {
      closed = true;
      for (const pool of pools.values()) pool.close();
    },
  };
}

function poolOptionsOf(options: Http1ClientOptions, timing: Pick<PoolOptions, "clock" | "sweeper">): PoolOptions {
  const { ca, egress } = options;
  // node:tls skips text that is no certificate without a word.
  if (ca !== undefined) new X509Certificate(ca);
  return {
    ...timing,
    dialer: createDialer({ egress, resolve: options.resolve ?? lookup, ca }),
    maxHeadBytes: options.maxHeadBytes ?? DEFAULT_MAX_HEAD_BYTES,
    maxIdlePerOrigin: options.maxIdlePerOrigin ?? DEFAULT_MAX_IDLE,
    maxConnectionsPerOrigin: options.maxConnectionsPerOrigin ?? Number.POSITIVE_INFINITY,
    idleMs: options.idleMs ?? DEFAULT_IDLE_MS,
    observe: options.observe,
  };
}

function dropUnused(pools: Map<string, OriginPool>): void {
  for (const [text, pool] of pools) if (pool.unused) pools.delete(text);
}

/** A call that ends with an error before it has begun. */
function refuse(handler: UpstreamHandler, code: UpstreamErrorCode, message: string): UpstreamCall {
  let aborted = false;
  process.nextTick(() => {
    if (!aborted) handler.onError(new UpstreamError(code, message));
  });
  return {
    pause() {},
    resume() {},
    abort() {
      aborted = true;
    },
  };
}
