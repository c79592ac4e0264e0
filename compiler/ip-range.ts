// Whether a text is an address or a CIDR range, by the data plane's own reader: what one accepts and the other does not
// understand would be a condition that never holds. Pure.

import { parseCidr } from "../dataplane/core/ip.ts";

/** "192.0.2.7", "10.0.0.0/8", "2001:db8::1" or "2001:db8::/32"; no zone, no host name. */
export function isIpRange(text: string): boolean {
  return !text.includes("%") && parseCidr(text) !== undefined;
}
