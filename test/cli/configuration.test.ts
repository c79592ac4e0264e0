import { pino } from "pino";
import { expect, test } from "vitest";
import type { CompiledFiles } from "../../cli/compile-files.ts";
import { type Configuration, createConfiguration } from "../../cli/configuration.ts";
import type { SourceFinding } from "../../cli/source-finding.ts";
import type { CompiledObject } from "../../dataplane/contract/compiled.ts";

const GOOD: CompiledFiles = { objects: [], findings: [], fileCount: 1, manifests: [] };
const ERROR: SourceFinding = {
  severity: "error",
  code: "Syntax",
  file: "a.yaml",
  line: 3,
  field: "",
  found: "x",
  wanted: "y",
};
const BROKEN: CompiledFiles = { ...GOOD, findings: [ERROR] };

interface Harness {
  readonly configuration: Configuration;
  readonly events: string[];
}

/** Readings are answered in the order of `results`; an Error is thrown. */
function harness(
  results: readonly (CompiledFiles | Error)[],
  apply: (objects: readonly CompiledObject[]) => void = () => {},
): Harness {
  const events: string[] = [];
  const queue = [...results];
  const stream = { write: (line: string) => void events.push(String(/"msg":"([^"]*)"/.exec(line)?.[1])) };
  const configuration = createConfiguration({
    load: async () => {
      const result = queue.shift() ?? GOOD;
      events.push("read");
      if (result instanceof Error) throw result;
      return result;
    },
    gateway: {
      apply: (objects) => {
        events.push("apply");
        apply(objects);
      },
    },
    log: pino({ base: null }, stream),
    report: (findings) => findings.forEach((finding) => events.push(`report ${finding.file}`)),
  });
  return { configuration, events };
}

const KEPT = "the change is not in force: the last good configuration stays";
const CHANGED = "the changed configuration is in force";
const MENDED = "the configuration is mended and in force";

test.for<{ name: string; results: readonly (CompiledFiles | Error)[]; expected: readonly string[] }>([
  { name: "a good edit is applied", results: [GOOD], expected: ["read", "apply", CHANGED] },
  { name: "a broken edit is reported and not applied", results: [BROKEN], expected: ["read", "report a.yaml", KEPT] },
  {
    name: "a mended edit says so, once",
    results: [BROKEN, GOOD, GOOD],
    expected: ["read", "report a.yaml", KEPT, "read", "apply", MENDED, "read", "apply", CHANGED],
  },
  {
    name: "a reading that fails altogether leaves the last good one",
    results: [new Error("disk")],
    expected: ["read", KEPT],
  },
  {
    name: "warnings are reported and applied",
    results: [{ ...GOOD, findings: [{ ...ERROR, severity: "warning" }] }],
    expected: ["read", "report a.yaml", "apply", CHANGED],
  },
])("[unit] $name", async ({ results, expected }) => {
  const { configuration, events } = harness(results);
  for (const _ of results) await configuration.reload();
  expect(events).toEqual(expected);
});

test("[unit] a configuration that the gateway refuses counts as broken", async () => {
  const { configuration, events } = harness([GOOD], () => {
    throw new Error("no");
  });
  await configuration.reload();
  expect(events).toEqual(["read", "apply", KEPT]);
});

test("[unit] changes during a reading share one more reading", async () => {
  const { configuration, events } = harness([GOOD, GOOD, GOOD]);
  const first = configuration.reload();
  await Promise.resolve(); // the first reading has begun
  await Promise.all([first, configuration.reload(), configuration.reload(), configuration.reload()]);
  expect(events.filter((event) => event === "read")).toHaveLength(2);
});
