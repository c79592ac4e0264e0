// Opens one connection to an origin: name -> permitted addresses -> TCP -> TLS. The egress rule holds on the addresses that
// are dialled, not on names, so a name that changes its answer gains nothing. Knows neither HTTP nor pools.

import type { LookupAddress, LookupAllOptions } from "node:dns";
import { connect as connectTcp, type LookupFunction, type Socket } from "node:net";
import {
  connect as connectTls,
  createSecureContext,
  rootCertificates,
  type SecureContext,
  type TLSSocket,
} from "node:tls";
import { createAddressClassifier } from "./address-class.ts";
import type { EgressPolicy } from "./egress.ts";
import type { Origin } from "./origin.ts";
import { createPlainReads, type PlainReads, type SocketReads, streamReads } from "./socket-reads.ts";
import { UpstreamError } from "./upstream.ts";

/** dns.lookup in the form that answers with all addresses. */
export type Resolve = (
  hostname: string,
  options: LookupAllOptions,
  done: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

export interface DialListener {
  connected(socket: Socket, reads: SocketReads): void;
  /** Code connect_failed or egress_denied. */
  failed(error: UpstreamError): void;
  /** A TLS session that a later connection may resume. */
  session(session: Buffer): void;
}

export interface DialOptions {
  readonly egress: EgressPolicy;
  readonly resolve: Resolve;
  /** Certificates (PEM) trusted besides the built-in ones. */
  readonly ca: string | undefined;
}

export interface Dialer {
  /** Calls one of connected and failed once, never before it has returned. The function returned calls it off. */
  dial(origin: Origin, session: Buffer | undefined, listener: DialListener): () => void;
}

/** Time for one address before the next is tried (RFC 8305): above any round trip, and short beside connect time-outs. */
const ATTEMPT_MS = 500;
/** Between the probes that keep a silent connection alive through NAT while a model thinks. */
const PROBE_AFTER_MS = 30_000;

export function createDialer({ egress, resolve, ca }: DialOptions): Dialer {
  const classOf = createAddressClassifier();
  const plainReads = createPlainReads();
  // Made once: reading the root certificates takes milliseconds.
  const secureContext = createSecureContext(ca === undefined ? {} : { ca: [...rootCertificates, ca] });

  const denied = (origin: Origin, address: string): UpstreamError =>
    new UpstreamError(
      "egress_denied",
      `${origin.text} leads to ${address}, a ${classOf(address) ?? "forbidden"} address; AIRL_EGRESS_ALLOW does not list it`,
    );

  return {
    dial(origin, session, listener) {
      const attempt = new Attempt(origin, listener, plainReads());
      if (origin.isAddress && !egress(origin.host)) {
        process.nextTick(() => attempt.fail(denied(origin, origin.host)));
      } else {
        const lookup = permittedLookup(resolve, egress, (address) => denied(origin, address));
        attempt.start(lookup, { secureContext, session });
      }
      return () => attempt.cancel();
    },
  };
}

/** A lookup for net.connect that answers only with addresses that may be dialled, or fails when there is none. */
function permittedLookup(resolve: Resolve, egress: EgressPolicy, denied: (address: string) => Error): LookupFunction {
  return (hostname, options, done) => {
    resolve(hostname, { ...options, all: true }, (error, addresses) => {
      if (error !== null) return done(error, []);
      const permitted = addresses.filter(({ address }) => egress(address));
      const [first] = permitted;
      if (first === undefined) return done(denied(addresses[0]?.address ?? "no address"), []);
      // net asks for one address when family selection is switched off for the process.
      return options.all === true ? done(null, permitted) : done(null, first.address, first.family);
    });
  };
}

interface TlsMaterial {
  readonly secureContext: SecureContext;
  readonly session: Buffer | undefined;
}

/** One connection being opened. Ends once: connected, failed or cancelled. */
class Attempt {
  readonly #origin: Origin;
  readonly #listener: DialListener;
  readonly #reads: PlainReads;
  #socket: Socket | undefined;
  #over = false;

  constructor(origin: Origin, listener: DialListener, reads: PlainReads) {
    this.#origin = origin;
    this.#listener = listener;
    this.#reads = reads;
  }

  start(lookup: LookupFunction, material: TlsMaterial): void {
    const socket = connectTcp({
      host: this.#origin.host,
      port: this.#origin.port,
      lookup,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: PROBE_AFTER_MS,
      autoSelectFamily: true,
      autoSelectFamilyAttemptTimeout: ATTEMPT_MS,
      // TLS takes the socket's bytes itself.
      ...(this.#origin.tls ? {} : { onread: this.#reads.onread }),
    });
    this.#watch(socket);
    socket.once("connect", () => {
      if (this.#over) return;
      if (this.#origin.tls) this.#startTls(socket, material);
      else this.#succeed(socket, this.#reads);
    });
  }

  cancel(): void {
    this.#over = true;
    this.#socket?.destroy();
  }

  fail(cause: Error): void {
    if (this.#over) return;
    this.#over = true;
    this.#socket?.destroy();
    const error =
      cause instanceof UpstreamError
        ? cause
        : new UpstreamError("connect_failed", `cannot connect to ${this.#origin.text}: ${reasonOf(cause)}`, cause);
    this.#listener.failed(error);
  }

  #startTls(tcp: Socket, { secureContext, session }: TlsMaterial): void {
    const socket: TLSSocket = connectTls({
      socket: tcp,
      // The name (or, for an address, the address) that the certificate must carry.
      host: this.#origin.host,
      ...(this.#origin.isAddress ? {} : { servername: this.#origin.host }),
      ALPNProtocols: ["http/1.1"],
      secureContext,
      ...(session === undefined ? {} : { session }),
    });
    this.#watch(socket);
    socket.on("session", (fresh) => this.#listener.session(fresh));
    socket.once("secureConnect", () => this.#succeed(socket, streamReads(socket)));
  }

  /** The handlers stay: after success they do nothing, and an "error" without listener would end the process. */
  #watch(socket: Socket): void {
    this.#socket = socket;
    socket.on("error", (error) => this.fail(error));
    socket.once("close", () => this.fail(new Error("the connection was closed while it was being opened")));
  }

  #succeed(socket: Socket, reads: SocketReads): void {
    if (this.#over) return;
    this.#over = true;
    this.#listener.connected(socket, reads);
  }
}

/** When several addresses were tried, the error of each is worth knowing. */
function reasonOf(error: Error): string {
  if (error instanceof AggregateError) {
    const reasons = error.errors.map((e: unknown) => (e instanceof Error ? e.message : String(e)));
    return reasons.join("; ");
  }
  return error.message;
}
