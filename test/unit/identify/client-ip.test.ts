// Whose address a request has when proxies stand in front.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Cidr, parseCidr } from "../../../dataplane/core/ip.ts";
import { clientIp } from "../../../dataplane/identify/client-ip.ts";

function blocks(...texts: string[]): Cidr[] {
  return texts.map((text) => {
    const block = parseCidr(text);
    if (block === undefined) throw new Error(`${text} is no block`);
    return block;
  });
}

const TRUSTED = blocks("10.0.0.0/8", "2001:db8:1::/48");

describe("the client's address", () => {
  const row = (name: string, peer: string, forwarded: string | undefined, wanted: string) => ({
    name,
    peer,
    forwarded,
    wanted,
  });
  test.for([
    row("is the peer's without a forwarding header", "192.0.2.1", undefined, "192.0.2.1"),
    row("is the peer's when the peer is not trusted, whatever it says", "192.0.2.1", "198.51.100.9", "192.0.2.1"),
    row("is what a trusted peer says", "10.0.0.1", "198.51.100.9", "198.51.100.9"),
    row("is the right-most that is not a proxy", "10.0.0.1", "198.51.100.9, 203.0.113.5, 10.0.0.2", "203.0.113.5"),
    row("is not what a client wrote before its proxy did", "10.0.0.1", "1.1.1.1, 198.51.100.9", "198.51.100.9"),
    row("is not a trusted address that a client wrote", "10.0.0.1", "10.9.9.9, 198.51.100.9", "198.51.100.9"),
    row("is the left-most when all are proxies", "10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
    row("ends at an entry that cannot be read", "10.0.0.1", "198.51.100.9, unknown", "10.0.0.1"),
    row("ends at an empty entry", "10.0.0.1", "198.51.100.9,, 10.0.0.2", "10.0.0.2"),
    row("ends at an obfuscated name", "10.0.0.1", "_hidden, 10.0.0.2", "10.0.0.2"),
    row(
      "does not mind forged text that is never reached",
      "10.0.0.1",
      "<script>, 1.2.3.4, 198.51.100.9",
      "198.51.100.9",
    ),
    row("is the peer's when the header is empty", "10.0.0.1", "", "10.0.0.1"),
    row("takes white space around entries", "10.0.0.1", "\t198.51.100.9 \t", "198.51.100.9"),
    row("drops the port behind an IPv4 address", "10.0.0.1", "198.51.100.9:4711", "198.51.100.9"),
    row("drops brackets and port around an IPv6 address", "10.0.0.1", "[2001:db8::9]:4711", "2001:db8::9"),
    row("drops brackets without a port", "10.0.0.1", "[2001:db8::9]", "2001:db8::9"),
    row("does not take a port that is none", "10.0.0.1", "198.51.100.9:http", "10.0.0.1"),
    row("is IPv4 when the socket says it in IPv6", "::ffff:192.0.2.1", undefined, "192.0.2.1"),
    row("trusts an IPv4 proxy that the socket says in IPv6", "::ffff:10.0.0.1", "198.51.100.9", "198.51.100.9"),
    row("trusts an IPv6 proxy", "2001:db8:1::5", "2001:db8:2::7", "2001:db8:2::7"),
    row("has one text for IPv4 within IPv6", "10.0.0.1", "::FFFF:c633:6409", "198.51.100.9"),
    row("has one text for IPv6", "10.0.0.1", "2001:DB8:0:0:0:0:0:9", "2001:db8::9"),
    row("has no zone", "10.0.0.1", "2001:db8::9%eth0", "2001:db8::9"),
  ])("[unit] $name", ({ peer, forwarded, wanted }) => {
    expect(clientIp(peer, forwarded, TRUSTED)).toBe(wanted);
  });

  test("[unit] no proxy is trusted without being named", () => {
    expect(clientIp("127.0.0.1", "198.51.100.9", [])).toBe("127.0.0.1");
  });

  test("[unit] nothing that a client sends changes the address that its first proxy saw", () => {
    const hop = fc.oneof(fc.ipV4(), fc.ipV6(), fc.constantFrom("10.1.1.1", "10.1.1.2", ""), fc.string());
    const forged = fc.array(hop, { maxLength: 6 }).map((hops) => hops.join(", "));
    const proxies = fc.array(fc.constantFrom("10.0.0.2", "10.0.0.3"), { maxLength: 3 });
    fc.assert(
      fc.property(forged, proxies, (text, chain) => {
        const header = [...(text === "" ? [] : [text]), "198.51.100.9", ...chain].join(", ");
        expect(clientIp("10.0.0.1", header, TRUSTED)).toBe("198.51.100.9");
      }),
    );
  });
});
