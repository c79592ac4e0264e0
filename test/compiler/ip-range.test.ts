// Addresses that are accepted are addresses that the data plane can compare with: none may be dropped silently later.

import fc from "fast-check";
import { test } from "vitest";
import { isIpRange } from "../../compiler/ip-range.ts";
import { parseCidr } from "../../dataplane/core/ip.ts";

test.for([
  { text: "192.0.2.7", legal: true },
  { text: "10.0.0.0/8", legal: true },
  { text: "10.1.2.3/0", legal: true },
  { text: "2001:db8::1", legal: true },
  { text: "2001:db8::/32", legal: true },
  { text: "::", legal: true },
  { text: "::ffff:192.0.2.1", legal: true },
  { text: "10.0.0.0/33", legal: false },
  { text: "2001:db8::/129", legal: false },
  { text: "2001:db8::/0.5", legal: false },
  { text: "2001:db8::/1e1", legal: false },
  { text: "10.0.0", legal: false },
  { text: "010.0.0.1", legal: false },
  { text: "256.0.0.1", legal: false },
  { text: "fe80::1%eth0", legal: false },
  { text: "1::2::3", legal: false },
  { text: "localhost", legal: false },
  { text: "10.0.0.0/", legal: false },
  { text: "::/0.9", legal: false },
  { text: " 10.0.0.1", legal: false },
  { text: "", legal: false },
])("[unit] $text is a range: $legal", ({ text, legal }, { expect }) => {
  expect(isIpRange(text)).toBe(legal);
});

test("[unit] every accepted text is one that the data plane understands", () => {
  const nearly = fc.string({ maxLength: 20, unit: fc.constantFrom("0", "1", "2", "9", "a", "f", ":", ".", "/", "%") });
  const range = fc
    .tuple(fc.oneof(fc.ipV4(), fc.ipV6(), fc.ipV4Extended()), fc.option(fc.nat(140)))
    .map(([ip, bits]) => {
      return bits === null ? ip : `${ip}/${String(bits)}`;
    });
  fc.assert(
    fc.property(fc.oneof(nearly, range), (text) => !isIpRange(text) || parseCidr(text) !== undefined),
    { numRuns: 3000 },
  );
});
