// "https://host:port" taken apart once per origin. Knows no sockets.

import { isIP } from "node:net";

export interface Origin {
  /** As configured; names the pool and appears in messages. */
  readonly text: string;
  readonly tls: boolean;
  /** Name or address to dial, IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
  /** Value of the Host field (RFC 9110 section 7.2): the port only when it is not the scheme's default. */
  readonly hostHeader: string;
  readonly isAddress: boolean;
}

/** Reads scheme, host and port; undefined when there is more or the scheme is neither http nor https. */
export function readOrigin(text: string): Origin | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  // Anything besides scheme, host and port (a path, a query, a user) makes the whole differ from the origin.
  if (url?.href !== `${url?.origin}/` || (url.protocol !== "http:" && url.protocol !== "https:")) return undefined;
  const tls = url.protocol === "https:";
  const defaultPort = tls ? 443 : 80;
  const host = url.hostname.startsWith("[") ? url.hostname.slice(1, -1) : url.hostname;
  return {
    text,
    tls,
    host,
    port: url.port === "" ? defaultPort : Number(url.port),
    hostHeader: url.host,
    isAddress: isIP(host) !== 0,
  };
}
