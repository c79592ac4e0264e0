// Manifests that use every field, and as few as possible, compile without an error and to what the data plane reads.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "vitest";
import { parseAllDocuments } from "yaml";
import { KINDS } from "../../crds/index.ts";
import { type StructuralSchema, toStructural } from "../../crds/structural.ts";
import { compiledObject } from "../../dataplane/contract/compiled.ts";
import { asRecord, compiled, linesOf } from "./manifest-builders.ts";

const ROOT = "test/fixtures/crds";

function documents(path: string): unknown[] {
  return parseAllDocuments(readFileSync(path, "utf8")).map((document): unknown => {
    const value: unknown = document.toJS();
    return value;
  });
}

const cases = KINDS.flatMap(({ kind, source }) => {
  const folder = join(ROOT, source, "valid");
  return readdirSync(folder).map((file) => ({ kind, path: join(folder, file) }));
});

test.for(cases)("[unit] accepts $path", ({ kind, path }, { expect }) => {
  const manifests = documents(path);
  const output = compiled(...manifests);
  expect(linesOf(output).filter((line) => !line.startsWith("warning: "))).toEqual([]);
  expect(output.objects.map((object) => object.kind)).toContain(kind);
  for (const object of output.objects) expect(compiledObject.parse(object)).toEqual(object);
});

test.for(KINDS)("[unit] the full $kind sets every field of its schema", ({ source, spec }, { expect }) => {
  const [first] = documents(join(ROOT, source, "valid", "full.yaml"));
  const set = new Set(pathsOf(asRecord(first)["spec"]));
  // A union's other members cannot stand beside the one that is set.
  const others = new Set(["auth.apiKey.value", "authentication.none"]);
  const missing = fieldsOf(toStructural(spec, source)).filter((path) => !set.has(path) && !others.has(path));
  expect(missing).toEqual([]);
});

function fieldsOf(schema: StructuralSchema, path = ""): string[] {
  if (schema.items) return fieldsOf(schema.items, path);
  return Object.entries(schema.properties ?? {}).flatMap(([name, child]) => {
    const field = path === "" ? name : `${path}.${name}`;
    return [field, ...fieldsOf(child, field)];
  });
}

function pathsOf(value: unknown, path = ""): string[] {
  if (Array.isArray(value)) return value.flatMap((entry) => pathsOf(entry, path));
  return Object.entries(asRecord(value)).flatMap(([name, child]) => {
    const field = path === "" ? name : `${path}.${name}`;
    return [field, ...pathsOf(child, field)];
  });
}
