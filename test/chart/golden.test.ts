// What the chart renders, for one set of values after another, as a whole: the difference is the review.
// `npx vitest run test/chart/golden.test.ts --update` writes it anew.

import { readdirSync } from "node:fs";
import { expect } from "vitest";
import { CHART, render, test } from "./helm.ts";

const SETS = readdirSync("test/chart/values").map((file) => file.replace(".yaml", ""));

/** Keys and passwords are made anew by each rendering without a cluster. */
function withoutSecrets(yaml: string): string {
  return yaml
    .replaceAll(/^( {2}(?:keyring|password|redis\.conf): )"[A-Za-z0-9+/=]+"$/gm, '$1"<made at the first install>"')
    .replaceAll(/^( +checksum\/redis: )[0-9a-f]{64}$/gm, "$1<of what was made>");
}

test.for(SETS)("[unit] the chart renders %s as before", async (name, { helm }) => {
  const yaml = await render(helm, ["--values", `test/chart/values/${name}.yaml`, "--kube-version", "1.34.0"]);
  await expect(withoutSecrets(yaml)).toMatchFileSnapshot(`golden/${name}.yaml`);
});

test.for(SETS)("[unit] helm lint finds nothing in the chart with %s", async (name, { helm }) => {
  const out = await helm(["lint", "--strict", CHART, "--values", `test/chart/values/${name}.yaml`]);
  expect(out).toContain("1 chart(s) linted, 0 chart(s) failed");
});

test("[unit] helm lint finds nothing in the chart without values", async ({ helm }) => {
  expect(await helm(["lint", "--strict", CHART])).toContain("1 chart(s) linted, 0 chart(s) failed");
});
