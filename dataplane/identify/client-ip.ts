// The client's address. Forwarding headers are believed only from proxies that the operator named.

import { type Cidr, cidrContains, ipText, parseIp } from "../core/ip.ts";

/**
 * The peer's address, or, when the peer is a trusted proxy, the right-most address of X-Forwarded-For that is not itself a
 * trusted proxy. An unreadable entry ends the walk at the address before it, so that forged text changes nothing.
 */
export function clientIp(peer: string, forwardedFor: string | undefined, trusted: readonly Cidr[]): string {
  let address = plain(peer);
  if (trusted.length === 0 || forwardedFor === undefined || !isTrusted(address, trusted)) return address;
  const hops = forwardedFor.split(",");
  for (let i = hops.length - 1; i >= 0; i--) {
    const bits = parseIp(withoutPort((hops[i] ?? "").trim()));
    if (bits === undefined) return address;
    // Proxies spell IPv6 addresses in several ways; one client must not have a counter for each.
    address = ipText(bits);
    if (!isTrusted(address, trusted)) return address;
  }
  return address;
}

function isTrusted(address: string, trusted: readonly Cidr[]): boolean {
  const bits = parseIp(address);
  return bits !== undefined && trusted.some((block) => cidrContains(block, bits));
}

/** Some proxies add the port: "192.0.2.1:4711", "[2001:db8::1]:4711". */
function withoutPort(hop: string): string {
  return /^(\d[\d.]*):\d+$/.exec(hop)?.[1] ?? /^\[([^\]]*)\](?::\d+)?$/.exec(hop)?.[1] ?? hop;
}

/** "::ffff:192.0.2.1" and "192.0.2.1" are one address. */
function plain(address: string): string {
  return address.startsWith("::ffff:") && address.includes(".") ? address.slice(7) : address;
}
