// The egress rule: which addresses may be dialled with and without AIRL_EGRESS_ALLOW.

import { describe, expect, test } from "vitest";
import { createAddressClassifier } from "../../dataplane/upstream/address-class.ts";
import { createEgressPolicy } from "../../dataplane/upstream/egress.ts";

describe("without an allow list", () => {
  const allows = createEgressPolicy([]);

  test.for([
    "8.8.8.8",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "100.100.100.201",
    "169.253.255.255",
    "169.255.0.0",
    "126.255.255.255",
    "128.0.0.0",
    "1.0.0.0",
    "2606:4700::1111",
    "fd00::1",
    "fd00:ec3::254",
    "fec0::1",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
    "2002:808:808::1",
  ])("[unit] %s may be dialled", (address) => {
    expect(allows(address)).toBe(true);
  });

  test.for([
    ["127.0.0.1", "loopback"],
    ["127.255.255.255", "loopback"],
    ["::1", "loopback"],
    ["0:0:0:0:0:0:0:1", "loopback"],
    ["::ffff:127.0.0.1", "loopback"],
    ["::ffff:7f00:1", "loopback"],
    ["::127.0.0.1", "loopback"],
    ["::ffff:0:127.0.0.1", "loopback"],
    ["64:ff9b::127.0.0.1", "loopback"],
    ["2002:7f00:1::", "loopback"],
    ["169.254.0.1", "link-local"],
    ["169.254.255.255", "link-local"],
    ["fe80::1", "link-local"],
    ["fe80::1%eth0", "link-local"],
    ["febf::1", "link-local"],
    ["::ffff:169.254.1.1", "link-local"],
    ["0.0.0.0", "unspecified"],
    ["0.1.2.3", "unspecified"],
    ["::", "unspecified"],
    ["::ffff:0.0.0.0", "unspecified"],
    ["169.254.169.254", "metadata"],
    ["::ffff:169.254.169.254", "metadata"],
    ["::ffff:a9fe:a9fe", "metadata"],
    ["64:ff9b::a9fe:a9fe", "metadata"],
    ["2002:a9fe:a9fe::1", "metadata"],
    ["169.254.170.2", "metadata"],
    ["169.254.170.23", "metadata"],
    ["100.100.100.200", "metadata"],
    ["168.63.129.16", "metadata"],
    ["192.0.0.192", "metadata"],
    ["fd00:ec2::254", "metadata"],
    ["fd00:ec2:0:0::23", "metadata"],
    ["fd20:ce::254", "metadata"],
    ["fd00:c1::a9fe:a9fe", "metadata"],
    ["", "not-an-address"],
    ["localhost", "not-an-address"],
    ["127.1", "not-an-address"],
    ["2130706433", "not-an-address"],
    ["[::1]", "not-an-address"],
  ])("[unit] '%s' may not be dialled: %s", ([address, expected]) => {
    expect(allows(address ?? "")).toBe(false);
    expect(createAddressClassifier()(address ?? "")).toBe(expected);
  });
});

describe("an allow list", () => {
  test.for<{ allow: string[]; address: string; allowed: boolean }>([
    { allow: ["127.0.0.0/8"], address: "127.0.0.1", allowed: true },
    { allow: ["127.0.0.0/8"], address: "::ffff:127.0.0.1", allowed: true },
    { allow: ["127.0.0.0/8"], address: "::1", allowed: false },
    { allow: ["127.0.0.1"], address: "127.0.0.1", allowed: true },
    { allow: ["127.0.0.1"], address: "127.0.0.2", allowed: false },
    { allow: ["::1/128"], address: "::1", allowed: true },
    { allow: ["fe80::/10"], address: "fe80::1%eth0", allowed: true },
    { allow: ["169.254.0.0/16"], address: "169.254.169.254", allowed: true },
    { allow: ["127.0.0.0/8"], address: "169.254.169.254", allowed: false },
    { allow: ["0.0.0.0/0"], address: "not an address", allowed: false },
    { allow: ["127.0.0.0/8"], address: "8.8.8.8", allowed: true },
  ])("[unit] $allow: $address -> $allowed", ({ allow, address, allowed }) => {
    expect(createEgressPolicy(allow)(address)).toBe(allowed);
  });

  test.for([
    "",
    "localhost",
    "127.0.0.0/33",
    "127.0.0.0/",
    "127.0.0.0/-1",
    "127.0.0.0/8/8",
    "::/129",
    "127.0.0.0/8 ",
    "fe80::1%eth0",
  ])("[unit] refuses '%s' and names the setting", (entry) => {
    expect(() => createEgressPolicy(["10.0.0.0/8", entry])).toThrow(
      `AIRL_EGRESS_ALLOW: "${entry}" is not an address or CIDR; write for example 127.0.0.0/8 or fd00::1`,
    );
  });
});
