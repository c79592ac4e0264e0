// The header block of each script and its typed entry say the same, so that the order of arguments cannot drift.

import { readdirSync } from "node:fs";
import { expect, test } from "vitest";
import { loadScript, SCRIPTS } from "../../../controller/publish/scripts.ts";
import { readHeader, SECTIONS } from "../../helpers/script-header.ts";

test.for(SCRIPTS)("[unit] the header of $file says what its entry says", (entry) => {
  const { sections, perItemReturns, ...rest } = readHeader(loadScript(entry).text);
  const { file: _file, ...expected } = entry;
  expect(sections).toEqual(SECTIONS);
  expect(perItemReturns).toEqual([]);
  expect(rest).toEqual(expected);
});

test("[unit] every script has an entry, and none is longer than 60 lines", () => {
  const folder = new URL("../../../controller/publish/scripts/", import.meta.url);
  expect(readdirSync(folder).sort()).toEqual(SCRIPTS.map(({ file }) => file).sort());
  for (const entry of SCRIPTS) expect(loadScript(entry).text.trimEnd().split("\n").length).toBeLessThanOrEqual(60);
});
