// Which IP addresses are special: they lead to this machine or to a cloud's metadata service. Pure: knows no settings.

import { BlockList, isIP } from "node:net";

export type AddressClass = "loopback" | "link-local" | "unspecified" | "metadata" | "not-an-address";

export interface Subnet {
  readonly network: string;
  readonly prefix: number;
  readonly family: "ipv4" | "ipv6";
}

interface ClassList {
  readonly name: AddressClass;
  readonly list: BlockList;
}

/** Subnets of each class as text; the first class that contains an address names it. */
const CLASSES: readonly (readonly [AddressClass, readonly string[]])[] = [
  [
    "metadata",
    [
      "169.254.169.254/32", // AWS, Google Cloud, Azure, Oracle, DigitalOcean, OpenStack
      "169.254.170.2/32", // AWS ECS task credentials
      "169.254.170.23/32", // AWS EKS Pod Identity
      "100.100.100.200/32", // Alibaba Cloud
      "168.63.129.16/32", // Azure WireServer
      "192.0.0.192/32", // Oracle Cloud, old address
      "fd00:ec2::/32", // AWS: ::254 metadata, ::23 Pod Identity
      "fd20:ce::254/128", // Google Cloud
      "fd00:c1::a9fe:a9fe/128", // Oracle Cloud
    ],
  ],
  ["loopback", ["127.0.0.0/8", "::1/128"]],
  ["link-local", ["169.254.0.0/16", "fe80::/10"]],
  // RFC 1122 section 3.2.1.3: 0.0.0.0/8 means "this host"; Linux connects 0.0.0.0 and :: to itself.
  ["unspecified", ["0.0.0.0/8", "::/128"]],
];

/** Reads "10.0.0.0/8" or a bare address; undefined when it is neither. */
export function readSubnet(text: string): Subnet | undefined {
  const [network, prefixText, ...rest] = text.split("/");
  if (network === undefined || rest.length > 0 || network.includes("%")) return undefined;
  const version = isIP(network);
  if (version === 0) return undefined;
  const bits = version === 4 ? 32 : 128;
  const family = version === 4 ? "ipv4" : "ipv6";
  if (prefixText === undefined) return { network, prefix: bits, family };
  if (!/^\d{1,3}$/.test(prefixText) || Number(prefixText) > bits) return undefined;
  return { network, prefix: Number(prefixText), family };
}

/**
 * Returns a function from an address to its class; undefined for every other address. Also classed: IPv4 inside IPv6 as
 * mapped (::ffff:0:0/96, RFC 4291), compatible (::/96), translated (::ffff:0:0:0/96, RFC 2765), NAT64 (64:ff9b::/96,
 * RFC 6052) and 6to4 (2002::/16, RFC 3056), for a router on the way may unwrap them.
 */
export function createAddressClassifier(): (address: string) => AddressClass | undefined {
  const classes: readonly ClassList[] = CLASSES.map(([name, subnets]) => ({ name, list: listOf(subnets) }));
  return (address) => {
    const plain = withoutZone(address);
    const version = isIP(plain);
    if (version === 0) return "not-an-address";
    const family = version === 4 ? "ipv4" : "ipv6";
    return classes.find(({ list }) => list.check(plain, family))?.name;
  };
}

/** "fe80::1%eth0" names an address and the interface to use; the class depends on the address alone. */
export function withoutZone(address: string): string {
  const zone = address.indexOf("%");
  return zone < 0 ? address : address.slice(0, zone);
}

function listOf(texts: readonly string[]): BlockList {
  const list = new BlockList();
  for (const text of texts) {
    const subnet = readSubnet(text);
    if (subnet === undefined) throw new Error(`"${text}" is not a subnet`);
    for (const form of formsOf(subnet)) list.addSubnet(form.network, form.prefix, form.family);
  }
  return list;
}

/** The subnet itself and, for IPv4, its forms inside IPv6. BlockList matches the mapped form by itself. */
function formsOf(subnet: Subnet): readonly Subnet[] {
  if (subnet.family === "ipv6") return [subnet];
  const { network, prefix } = subnet;
  const embedded = ["::", "::ffff:0:", "64:ff9b::"].map(
    (before): Subnet => ({ network: before + network, prefix: 96 + prefix, family: "ipv6" }),
  );
  return [subnet, ...embedded, { network: sixToFour(network), prefix: 16 + prefix, family: "ipv6" }];
}

function sixToFour(network: string): string {
  const [a = 0, b = 0, c = 0, d = 0] = network.split(".").map(Number);
  return `2002:${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}::`;
}
