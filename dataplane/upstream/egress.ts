// The egress rule: which addresses the proxy may dial after DNS. Pure; dial.ts applies it, the setting AIRL_EGRESS_ALLOW
// feeds it. Without it whoever may write an AIBackend could reach the proxy's own host or its cloud's metadata service.

import { BlockList, isIP } from "node:net";
import { createAddressClassifier, readSubnet, withoutZone } from "./address-class.ts";

export type EgressPolicy = (address: string) => boolean;

/**
 * Returns whether an address may be dialled: every one but loopback, link-local, unspecified and cloud metadata, and of
 * those the ones within `allow` (CIDRs or bare addresses). Text that is no IP address is never allowed.
 * Throws when an entry of `allow` cannot be read.
 */
export function createEgressPolicy(allow: readonly string[]): EgressPolicy {
  const classOf = createAddressClassifier();
  const allowed = new BlockList();
  for (const entry of allow) {
    const subnet = readSubnet(entry);
    if (subnet === undefined) {
      throw new Error(
        `AIRL_EGRESS_ALLOW: "${entry}" is not an address or CIDR; write for example 127.0.0.0/8 or fd00::1`,
      );
    }
    allowed.addSubnet(subnet.network, subnet.prefix, subnet.family);
  }
  return (address) => {
    if (classOf(address) === undefined) return true;
    const plain = withoutZone(address);
    const version = isIP(plain);
    return version !== 0 && allowed.check(plain, version === 4 ? "ipv4" : "ipv6");
  };
}
