// What API servers trust, as the configuration of the webhook says it.

import { expect, test } from "vitest";
import { readAuthorities } from "../../../controller/certificates/authorities.ts";
import { issuePair } from "../../../controller/certificates/issue-pair.ts";
import { bundlePatch, caBundlesOf, trackPublished } from "../../../controller/webhook/ca-bundles.ts";

const [ONE, OTHER] = [anAuthority(), anAuthority()];
const base64 = (text: string): string => Buffer.from(text, "utf8").toString("base64");

function anAuthority() {
  const { authority } = issuePair({ names: ["a"], notBeforeMs: 0, notAfterMs: 4_000_000_000_000 });
  const [read] = readAuthorities(authority);
  if (read === undefined) throw new Error("wanted an authority");
  return read;
}

function configuration(...clientConfigs: readonly object[]) {
  const metadata = { name: "webhook", namespace: "", uid: "u", resourceVersion: "7" };
  return { metadata, webhooks: clientConfigs.map((clientConfig) => ({ name: "it", clientConfig })) };
}

test("[unit] the patch sets what is wrong, and only in the version that was read", () => {
  const found = configuration({ caBundle: base64(ONE.pem) }, { url: "https://x" }, { caBundle: "AAAA" });
  const value = base64(ONE.pem);
  expect(bundlePatch(found, ONE.pem)).toEqual([
    { op: "add", path: "/metadata/resourceVersion", value: "7" },
    { op: "add", path: "/webhooks/1/clientConfig/caBundle", value },
    { op: "add", path: "/webhooks/2/clientConfig/caBundle", value },
  ]);
  expect(bundlePatch(configuration({ caBundle: value }), ONE.pem)).toEqual([]);
});

test.for([
  { name: "no webhooks", object: configuration() },
  { name: "webhooks that are none", object: { ...configuration(), webhooks: "planted" } },
])("[unit] $name need no patch", ({ object }) => {
  expect(caBundlesOf(object)).toEqual([]);
  expect(bundlePatch(object, ONE.pem)).toEqual([]);
});

test("[unit] an authority is published for as long as it stands in every bundle", () => {
  const published = trackPublished();
  const both = base64(ONE.pem + OTHER.pem);
  expect(published.forMs(ONE, 0)).toBeUndefined();
  published.saw([both, base64(ONE.pem)], 1_000);
  published.saw([both, both], 3_000);
  expect([published.forMs(ONE, 4_000), published.forMs(OTHER, 4_000)]).toEqual([3_000, 1_000]);
  published.saw([both, ""], 5_000);
  published.saw([both, both], 6_000);
  expect([published.forMs(ONE, 7_000), published.forMs(OTHER, 7_000)]).toEqual([1_000, 1_000]);
});

test("[unit] what could not be looked at counts for nothing, and without webhooks nobody is waited for", () => {
  const published = trackPublished();
  published.saw([base64(ONE.pem)], 1_000);
  published.saw(undefined, 2_000);
  expect(published.forMs(ONE, 3_000)).toBeUndefined();
  published.saw([base64(ONE.pem)], 3_000);
  expect(published.forMs(ONE, 4_000)).toBe(1_000);
  published.saw([], 5_000);
  expect(published.forMs(ONE, 5_000)).toBe(Number.POSITIVE_INFINITY);
});
