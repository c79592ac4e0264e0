// IP addresses and CIDR blocks against node's own reading, and the client's address behind proxies.

import { isIP } from "node:net";
import { isIpRange } from "../../../compiler/ip-range.ts";
import { cidrContains, ipText, parseCidr, parseIp } from "../../../dataplane/core/ip.ts";
import { clientIp } from "../../../dataplane/identify/client-ip.ts";
import { createAddressClassifier, readSubnet } from "../../../dataplane/upstream/address-class.ts";
import { readOrigin } from "../../../dataplane/upstream/origin.ts";
import { law, same } from "../laws.ts";
import type { FuzzTarget } from "../target.ts";

const classify = createAddressClassifier();
const TRUSTED = ["10.0.0.0/8", "2001:db8::/32", "::1"].flatMap((text) => parseCidr(text) ?? []);

function checkAddress(text: string): string {
  const bits = parseIp(text);
  const zoneless = text.split("%", 1)[0] ?? "";
  law(bits === undefined || isIP(zoneless) > 0 || isIP(text) > 0, "reads an address that is none", text);
  law(bits !== undefined || isIP(text) === 0, "does not read an address", text);
  classify(text);
  if (bits === undefined) return "none";
  law(bits >= 0n && bits < 1n << 128n, "128 bits");
  same(String(parseIp(ipText(bits))), String(bits), "an address reads back from its text");
  return text.includes(":") ? "6" : "4";
}

function checkBlock(text: string): string {
  const block = parseCidr(text);
  readSubnet(text);
  law(!isIpRange(text) || block !== undefined, "what the compiler takes the data plane reads", text);
  if (block === undefined) return "none";
  law(block.prefix >= 0 && block.prefix <= 128, "a prefix", block.prefix);
  law(cidrContains(block, block.bits), "a block contains its address");
  return "block";
}

export const target: FuzzTarget = {
  name: "addresses",
  shape: "text",
  seeds: [
    "192.0.2.1",
    "10.0.0.0/8",
    "::1",
    "2001:db8::1%eth0",
    "::ffff:192.0.2.1",
    "1:2:3:4:5:6:7:8/64",
    "10.1.1.1, 192.0.2.7:4711, [2001:db8::1]:80",
    "http://[::1]:80",
    "https://a.example",
  ],
  tokens: [
    "::",
    ":",
    ".",
    "/",
    "%",
    "255",
    "256",
    "00",
    "ffff",
    "10.",
    "/0",
    "/128",
    "/33",
    ", ",
    "[",
    "]",
    ":80",
    "0x",
    "http://",
    "@",
    "\n",
  ],
  maxBytes: 20_000,
  run(input) {
    const text = input.toString("utf8");
    readOrigin(text);
    const address = clientIp("10.0.0.1", text, TRUSTED);
    law(parseIp(address) !== undefined, "the client's address is an address", address);
    return `${checkAddress(text)} ${checkBlock(text)} ${String(address === "10.0.0.1")}`;
  },
};
