// Every trap is shown by a test that bears its number, or has a reason why not.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { test } from "vitest";
import { APISIX_TRAPS, KONG_TRAPS, type Trap } from "./traps.ts";

const LISTS = [
  { system: "kong", traps: KONG_TRAPS, count: 35 },
  { system: "apisix", traps: APISIX_TRAPS, count: 45 },
] as const;

/** Numbers in titles of tests: "kong trap 9", "kong traps 8, 9". */
function numbersIn(text: string, system: string): readonly number[] {
  const found = text.matchAll(new RegExp(`${system} traps? (\\d+(?:(?:, | and )\\d+)*)`, "gi"));
  return [...found].flatMap(([, list = ""]) => list.split(/, | and /).map(Number));
}

function shows(trap: Trap, system: string): boolean {
  if (!("file" in trap)) return true;
  return existsSync(trap.file) && numbersIn(readFileSync(trap.file, "utf8"), system).includes(trap.number);
}

test.for(LISTS)("[unit] $system: every trap is in the list once, with a test or a reason", (list, { expect }) => {
  const { system, traps, count } = list;
  expect(traps.map(({ number }) => number)).toEqual(Array.from({ length: count }, (_, i) => i + 1));
  expect(traps.filter((trap) => !shows(trap, system))).toEqual([]);
});

test.for(LISTS)(
  "[unit] $system: a trap that some test shows is not listed as left",
  ({ system, traps }, { expect }) => {
    const files = readdirSync("test", { recursive: true, encoding: "utf8" }).filter((name) =>
      /\.(test|contract)\.ts$/.test(name),
    );
    const shown = new Set(files.flatMap((name) => numbersIn(titlesIn(`test/${name}`), system)));
    const left = traps.filter((trap) => !("file" in trap)).map(({ number }) => number);
    expect(left.filter((number) => shown.has(number))).toEqual([]);
  },
);

/** Without comments: only titles promise something. */
function titlesIn(path: string): string {
  return readFileSync(path, "utf8")
    .split("\n")
    .filter((line) => !line.trim().startsWith("//"))
    .join("\n");
}
