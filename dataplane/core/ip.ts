// IP addresses and CIDR blocks as text -> comparable bits. Pure; no node:net, so that core imports nothing.

export interface Cidr {
  readonly bits: bigint;
  readonly prefix: number;
}

const IPV4_MAPPED = 0xffffn << 32n;
/** Eight groups, the last two dotted. One character more is never an address, so no more than that is looked at. */
const LONGEST_IPV6 = 45;

/** 128 bits of an address; IPv4 as its IPv4-mapped IPv6 form, so that ::ffff:192.0.2.1 equals 192.0.2.1. */
export function parseIp(text: string): bigint | undefined {
  const v4 = parseIpv4(text);
  if (v4 !== undefined) return IPV4_MAPPED | v4;
  return text.includes(":") ? parseIpv6(text) : undefined;
}

/** "10.0.0.0/8", "2001:db8::/32", or a plain address (all of its bits). */
export function parseCidr(text: string): Cidr | undefined {
  const slash = text.indexOf("/");
  const address = slash < 0 ? text : text.slice(0, slash);
  const bits = parseIp(address);
  if (bits === undefined) return undefined;
  const width = address.includes(":") ? 128 : 32;
  if (slash < 0) return { bits, prefix: 128 };
  const length = parseDecimal(text.slice(slash + 1), width);
  return length === undefined ? undefined : { bits, prefix: length + 128 - width };
}

export function cidrContains(cidr: Cidr, address: bigint): boolean {
  const shift = BigInt(128 - cidr.prefix);
  return cidr.bits >> shift === address >> shift;
}

/** The one text form of an address: dotted for IPv4, RFC 5952 for IPv6. */
export function ipText(bits: bigint): string {
  const groups = Array.from({ length: 8 }, (_, i) => Number((bits >> BigInt(112 - 16 * i)) & 0xffffn));
  if (bits >> 32n === 0xffffn) {
    const [high = 0, low = 0] = groups.slice(6);
    return [high >> 8, high & 0xff, low >> 8, low & 0xff].join(".");
  }
  const text = groups.map((group) => group.toString(16)).join(":");
  // The longest run of two or more zero groups, the first of several, becomes "::".
  const runs = text.match(/\b0(?::0\b)+/g) ?? [];
  const longest = runs.reduce((best, run) => (run.length > best.length ? run : best), "");
  if (longest === "") return text;
  const at = text.search(new RegExp(`\\b${longest}\\b`));
  return `${text.slice(0, at).replace(/:$/, "")}::${text.slice(at + longest.length).replace(/^:/, "")}`;
}

function parseDecimal(text: string, max: number): number | undefined {
  if (!/^\d{1,3}$/.test(text)) return undefined;
  const value = Number(text);
  return value <= max ? value : undefined;
}

function parseIpv4(text: string): bigint | undefined {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  let bits = 0n;
  for (const part of parts) {
    // A leading zero is octal to some readers: refused, so that two readers never see two addresses.
    const value = part.length > 1 && part.startsWith("0") ? undefined : parseDecimal(part, 255);
    if (value === undefined) return undefined;
    bits = (bits << 8n) | BigInt(value);
  }
  return bits;
}

function parseIpv6(text: string): bigint | undefined {
  const halves = withoutZone(text)
    .slice(0, LONGEST_IPV6 + 1)
    .split("::");
  if (halves.length > 2) return undefined;
  const [head = "", tail] = halves;
  const groups = tail === undefined ? groupsOf(head) : filledUp(head, tail);
  return groups?.length === 8 ? groups.reduce((bits, group) => (bits << 16n) | group, 0n) : undefined;
}

/** The groups on both sides of "::" with at least one of zeros between them. */
function filledUp(head: string, tail: string): bigint[] | undefined {
  // A dotted IPv4 address stands for the last 32 bits and nowhere else.
  const before = head.includes(".") ? undefined : groupsOf(head);
  const after = groupsOf(tail);
  if (before === undefined || after === undefined) return undefined;
  const missing = 8 - before.length - after.length;
  return missing < 1 ? undefined : [...before, ...Array<bigint>(missing).fill(0n), ...after];
}

function withoutZone(text: string): string {
  const zone = text.indexOf("%");
  return zone < 0 ? text : text.slice(0, zone);
}

/** The 16-bit groups of one side of "::"; a trailing dotted IPv4 makes two. */
function groupsOf(text: string): bigint[] | undefined {
  if (text === "") return [];
  const parts = text.split(":");
  const groups: bigint[] = [];
  for (const [i, part] of parts.entries()) {
    if (i === parts.length - 1 && part.includes(".")) {
      const v4 = parseIpv4(part);
      if (v4 === undefined) return undefined;
      groups.push(v4 >> 16n, v4 & 0xffffn);
    } else {
      if (!/^[0-9a-fA-F]{1,4}$/.test(part)) return undefined;
      groups.push(BigInt(`0x${part}`));
    }
  }
  return groups;
}
