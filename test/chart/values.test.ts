// Each value is documented, has a place in the schema, and stands in README.md.

import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { isRecord } from "../../compiler/is-record.ts";
import { CHART } from "./helm.ts";

const values: unknown = parse(readFileSync(join(CHART, "values.yaml"), "utf8"));
const schema = z
  .looseObject({ $defs: z.record(z.string(), z.unknown()) })
  .parse(JSON.parse(readFileSync(join(CHART, "values.schema.json"), "utf8")));

/** What the schema says of a value, with references resolved; undefined where it names none. */
function schemaAt(path: readonly string[]): Record<string, unknown> | undefined {
  let at: unknown = resolve(schema);
  for (const key of path) {
    if (!isRecord(at) || !isRecord(at["properties"])) return undefined;
    at = resolve(at["properties"][key]);
  }
  return isRecord(at) ? at : undefined;
}

function resolve(node: unknown): unknown {
  const reference = isRecord(node) ? node["$ref"] : undefined;
  return typeof reference === "string" ? schema.$defs[reference.replace("#/$defs/", "")] : node;
}

/** Paths of maps that have a place of their own for each of their values. */
function mapsOf(value: unknown, path: readonly string[] = []): string[][] {
  const at = schemaAt(path);
  if (!isRecord(value) || at === undefined || !isRecord(at["properties"])) return [];
  return [[...path], ...Object.entries(value).flatMap(([key, member]) => mapsOf(member, [...path, key]))];
}

const HELMS_OWN = "global";

test.for(mapsOf(values).map((path) => ({ path, name: path.join(".") || "the top" })))(
  "[unit] $name has all values of the schema, and the schema no others",
  ({ path, name }) => {
    const at = schemaAt(path);
    expect(at?.["additionalProperties"]).toBe(false);
    const value = path.reduce((found: unknown, key) => (isRecord(found) ? found[key] : undefined), values);
    const known = Object.keys(isRecord(at?.["properties"]) ? at["properties"] : {}).filter((key) => key !== HELMS_OWN);
    // What Kubernetes defines is open: values.yaml need not name every field of it.
    if (/Probe$|resources$|SecurityContext|seccompProfile|capabilities|affinity$|requests|limits|behavior/.test(name))
      return;
    expect(Object.keys(isRecord(value) ? value : {}).toSorted()).toEqual(known.toSorted());
  },
);

test("[unit] every object of the schema is closed, except those with free names", () => {
  const open: string[] = [];
  const look = (node: unknown, where: string): void => {
    if (Array.isArray(node)) {
      for (const [index, member] of node.entries()) look(member, `${where}[${String(index)}]`);
    } else if (isRecord(node)) {
      if (isRecord(node["properties"]) && !("$ref" in node) && node["additionalProperties"] !== false) open.push(where);
      for (const [key, member] of Object.entries(node)) look(member, `${where}.${key}`);
    }
  };
  look(schema, "");
  // A volume has a name and one source, whose name is checked and whose fields are Kubernetes's.
  expect(open).toEqual([".$defs.volume"]);
});

/** README.md of a chart whose values.yaml is this. */
function generated(change: (values: string) => string): string {
  const folder = mkdtempSync(join(tmpdir(), "airl-chart-"));
  onTestFinished(() => {
    rmSync(folder, { recursive: true });
  });
  cpSync(CHART, folder, { recursive: true });
  const file = join(folder, "values.yaml");
  writeFileSync(file, change(readFileSync(file, "utf8")));
  rmSync(join(folder, "README.md"));
  rmSync(join(folder, "files/crds"), { recursive: true });
  const { status, stderr } = spawnSync(process.execPath, ["scripts/generate-chart.mjs", folder], { encoding: "utf8" });
  expect(stderr).toBe("");
  expect(status).toBe(0);
  expect(readdirSync(join(folder, "files/crds")).length).toBeGreaterThan(0);
  return readFileSync(join(folder, "README.md"), "utf8");
}

test("[unit] README.md is what values.yaml says of its values", () => {
  expect(readFileSync(join(CHART, "README.md"), "utf8"), "run make generate").toBe(generated((text) => text));
});

test("[unit] a changed default is another README.md", () => {
  expect(generated((text) => text.replace("drainDelaySeconds: 5", "drainDelaySeconds: 7"))).toContain(
    "| `dataplane.drainDelaySeconds` | `7` |",
  );
});

test("[unit] README.md has a row for every value", () => {
  const readme = readFileSync(join(CHART, "README.md"), "utf8");
  const undocumented = mapsOf(values)
    .flatMap((path) => Object.keys(schemaAt(path)?.["properties"] ?? {}).map((key) => [...path, key]))
    .filter((path) => path.join(".") !== HELMS_OWN)
    .filter((path) => path.every((_, index) => !readme.includes(`| \`${path.slice(0, index + 1).join(".")}\` |`)))
    .filter((path) => !isRecord(schemaAt(path)?.["properties"]));
  expect(undocumented).toEqual([]);
});
