// Addresses and blocks, against node's own parsers as oracles.

import { BlockList, isIP } from "node:net";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cidrContains, ipText, parseCidr, parseIp } from "../../../dataplane/core/ip.ts";

const ipv6 = fc.oneof(
  fc.ipV6(),
  // Few distinct groups, so that runs of zeros and equal addresses are common.
  fc.array(fc.constantFrom("0", "0", "0", "1", "ffff", "00a"), { minLength: 8, maxLength: 8 }).map((g) => g.join(":")),
);

describe("addresses", () => {
  test.for([
    { name: "reads IPv4", text: "192.0.2.1", bits: 0xffff_c000_0201n },
    { name: "reads IPv4 within IPv6 as the same address", text: "::ffff:192.0.2.1", bits: 0xffff_c000_0201n },
    {
      name: "reads IPv4 within IPv6 in hexadecimal as the same address",
      text: "::FFFF:c000:201",
      bits: 0xffff_c000_0201n,
    },
    { name: "reads :: as all zeros", text: "::", bits: 0n },
    { name: "reads a trailing ::", text: "1::", bits: 1n << 112n },
    {
      name: "reads :: that stands for one group",
      text: "1:2:3:4:5:6:7::",
      bits: 0x1_0002_0003_0004_0005_0006_0007_0000n,
    },
    { name: "drops the zone of an IPv6 address", text: "fe80::1%eth0", bits: (0xfe80n << 112n) | 1n },
    { name: "refuses an octet with a leading zero, which some read as octal", text: "010.0.0.1", bits: undefined },
    { name: "refuses an octet above 255", text: "1.2.3.256", bits: undefined },
    { name: "refuses three octets", text: "1.2.3", bits: undefined },
    { name: "refuses hexadecimal octets", text: "0x7f.0.0.1", bits: undefined },
    { name: "refuses one whole number", text: "2130706433", bits: undefined },
    { name: "refuses two ::", text: "1::2::3", bits: undefined },
    { name: "refuses nine groups", text: "1:2:3:4:5:6:7:8:9", bits: undefined },
    { name: "refuses :: beside eight groups", text: "1:2:3:4::5:6:7:8", bits: undefined },
    { name: "refuses five digits in a group", text: "::12345", bits: undefined },
    { name: "refuses dotted text before the end", text: "::1.2.3.4:1", bits: undefined },
    { name: "refuses dotted text before ::", text: "2.0.2.1::ffff:1.0.2.1", bits: undefined },
    { name: "refuses dotted text before :: with a zone", text: "2.0.2.8::1%e", bits: undefined },
    { name: "refuses a single colon", text: ":", bits: undefined },
    { name: "refuses white space", text: " 1.2.3.4", bits: undefined },
    { name: "refuses a line end", text: "1.2.3.4\n", bits: undefined },
    { name: "refuses a zone on IPv4", text: "1.2.3.4%a", bits: undefined },
    { name: "refuses nothing at all", text: "", bits: undefined },
    { name: "refuses thousands of groups", text: "1:".repeat(16_000), bits: undefined },
  ])("[unit] $name", ({ text, bits }) => {
    expect(parseIp(text)).toBe(bits);
  });

  test("[unit] what node takes for an address is one, and nothing else", () => {
    const nearly = fc.string({
      unit: fc.constantFrom("0", "1", "2", "9", "a", "f", ":", ".", ":", "."),
      maxLength: 20,
    });
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV4Extended(), ipv6, nearly), (text) => {
        expect(parseIp(text) !== undefined).toBe(isIP(text) !== 0);
      }),
      { numRuns: 2_000 },
    );
  });

  test("[unit] an address has one text, whatever it was written as", () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), ipv6), (text) => {
        const bits = parseIp(text);
        expect(bits).toBeDefined();
        const canonical = ipText(bits ?? 0n);
        expect(parseIp(canonical)).toBe(bits);
        expect(ipText(parseIp(text.toUpperCase()) ?? 0n)).toBe(canonical);
        if (canonical.includes(":")) expect(canonical).toBe(new URL(`http://[${text}]`).hostname.slice(1, -1));
      }),
      { numRuns: 2_000 },
    );
  });

  test.for([
    { bits: 0n, text: "::" },
    { bits: 1n, text: "::1" },
    { bits: 1n << 112n, text: "1::" },
    { bits: 0xffff_0a00_0001n, text: "10.0.0.1" },
    { bits: 0x2001_0db8_0000_0000_0001_0000_0000_0001n, text: "2001:db8::1:0:0:1" },
    { bits: 0x2001_0db8_0000_0001_0001_0001_0001_0001n, text: "2001:db8:0:1:1:1:1:1" },
    { bits: 0x0010_0000_0000_0001_0000_0000_0000_0010n, text: "10:0:0:1::10" },
  ])("[unit] writes $text as RFC 5952 does", ({ bits, text }) => {
    expect(ipText(bits)).toBe(text);
  });
});

describe("blocks", () => {
  test.for([
    { name: "a plain address holds itself", block: "192.0.2.1", address: "192.0.2.1", inside: true },
    { name: "a plain address holds no neighbour", block: "192.0.2.1", address: "192.0.2.0", inside: false },
    { name: "bits behind the prefix do not count", block: "10.1.2.3/8", address: "10.200.0.1", inside: true },
    {
      name: "an IPv4 block holds the IPv6 form of its addresses",
      block: "10.0.0.0/8",
      address: "::ffff:10.0.0.1",
      inside: true,
    },
    {
      name: "an IPv6 block of mapped addresses holds IPv4",
      block: "::ffff:10.0.0.0/104",
      address: "10.0.0.1",
      inside: true,
    },
    { name: "0.0.0.0/0 holds every IPv4 address", block: "0.0.0.0/0", address: "255.255.255.255", inside: true },
    { name: "0.0.0.0/0 holds no IPv6 address", block: "0.0.0.0/0", address: "2001:db8::1", inside: false },
    { name: "::/0 holds every IPv6 address", block: "::/0", address: "2001:db8::1", inside: true },
  ])("[unit] $name", ({ block, address, inside }) => {
    const cidr = parseCidr(block);
    expect(cidr && cidrContains(cidr, parseIp(address) ?? -1n)).toBe(inside);
  });

  test.for([
    "10.0.0.0/33",
    "::/129",
    "10.0.0.0/",
    "10.0.0.0/-1",
    "10.0.0.0/8/8",
    "10.0.0.0/8 ",
    "/8",
    "host/8",
    "10.0.0.0/1e1",
  ])("[unit] refuses %s", (text) => {
    expect(parseCidr(text)).toBeUndefined();
  });

  test.for([
    { family: "ipv4", address: fc.ipV4(), width: 32 },
    { family: "ipv6", address: fc.ipV6(), width: 128 },
  ] as const)("[unit] a block of $family holds what node's BlockList holds", ({ family, address, width }) => {
    // Pairs that share leading bits, so that both answers are common.
    const pair = fc.tuple(address, fc.nat(width), fc.nat(width), address);
    fc.assert(
      fc.property(pair, ([base, length, flip, other]) => {
        const near = ipText((parseIp(base) ?? 0n) ^ (flip === width ? 0n : 1n << BigInt(width - 1 - flip)));
        const list = new BlockList();
        list.addSubnet(base, length, family);
        const cidr = parseCidr(`${base}/${String(length)}`);
        for (const text of [near, other]) {
          if (isIP(text) !== (family === "ipv4" ? 4 : 6)) continue;
          expect(cidr && cidrContains(cidr, parseIp(text) ?? -1n)).toBe(list.check(text, family));
        }
      }),
      { numRuns: 500 },
    );
  });
});
