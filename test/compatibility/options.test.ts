// What docs/compatibility.md promises: every option of the reference systems has a counterpart that is seen to work, or a
// reason. The cases run against a whole gateway over HTTP, with the option and without it.

import { existsSync, readFileSync } from "node:fs";
import { describe, test } from "vitest";
import { CASES } from "./cases/all.ts";
import type { OptionRow, OptionTable, TestRef } from "./option.ts";
import { OPTION_NAMES } from "./option-names.ts";
import { OPTION_TABLES } from "./options/all.ts";
import { inWorld } from "./world.ts";

interface Row {
  readonly table: OptionTable;
  readonly row: OptionRow;
}

const rows: readonly Row[] = OPTION_TABLES.flatMap((table) => table.rows.map((row) => ({ table, row })));
const titleOf = ({ system, plugin }: OptionTable): string => `${system} ${plugin}`;

function casesOf(row: OptionRow): readonly string[] {
  return "field" in row ? (row.cases ?? []) : [];
}

function testsOf(row: OptionRow): readonly TestRef[] {
  return "field" in row ? (row.tests ?? []) : [];
}

describe("with an option and without it", () => {
  for (const each of CASES) {
    const usedBy = rows.filter(({ row }) => casesOf(row).includes(each.name));
    const options = usedBy.map(({ table, row }) => `${table.system} ${row.option}`);
    test(`[proxy] ${each.name} (${options.join(", ")})`, async ({ expect }) => {
      expect(await inWorld(each.without, each.play)).toEqual(each.shows.without);
      expect(await inWorld(each.with, each.play)).toEqual(each.shows.with);
      expect(each.shows.with).not.toEqual(each.shows.without);
      expect(options).not.toEqual([]);
    });
  }
});

test("[unit] every option of the reference systems is in the table, each value once", ({ expect }) => {
  for (const [title, names] of Object.entries(OPTION_NAMES)) {
    const table = OPTION_TABLES.find((each) => titleOf(each) === title);
    const written = (table?.rows ?? []).flatMap(({ option, values }) => (values ?? ["*"]).map((v) => `${option}=${v}`));
    const wanted = names.flatMap(({ option, values }) => (values ?? ["*"]).map((v) => `${option}=${v}`));
    expect(written.toSorted(), title).toEqual(wanted.toSorted());
  }
  expect(OPTION_TABLES.map(titleOf).toSorted()).toEqual(Object.keys(OPTION_NAMES).toSorted());
});

test("[unit] every row with a counterpart names a case or a test that exists, every other a reason", ({ expect }) => {
  const known = new Set(CASES.map(({ name }) => name));
  expect(known.size).toBe(CASES.length);
  const wrong = rows.flatMap(({ table, row }) => {
    const name = `${titleOf(table)} ${row.option}`;
    if ("none" in row) return row.none.length > 10 ? [] : [`${name}: no reason`];
    if ("later" in row) return row.later.length > 10 ? [] : [`${name}: no reason`];
    const unknown = casesOf(row).filter((each) => !known.has(each));
    const missing = testsOf(row).filter((each) => !isThere(each));
    const shown = casesOf(row).length + testsOf(row).length;
    return [
      ...unknown.map((each) => `${name}: no case "${each}"`),
      ...missing.map((each) => `${name}: no test "${each.test}" in ${each.file}`),
      ...(shown === 0 ? [`${name}: nothing shows it`] : []),
    ];
  });
  expect(wrong).toEqual([]);
});

function isThere({ file, test: title }: TestRef): boolean {
  return existsSync(file) && readFileSync(file, "utf8").includes(title);
}
