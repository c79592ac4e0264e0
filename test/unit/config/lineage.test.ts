// Lines of ancestors as the directory of consumers gives them, through every change.

import fc from "fast-check";
import { expect, test } from "vitest";
import { ConsumerDirectory } from "../../../dataplane/config/consumer-directory.ts";
import type { ConsumerRecord } from "../../../dataplane/config/snapshot.ts";
import { aConsumer, ringFor } from "./builders.ts";

function aDirectory(): ConsumerDirectory {
  return new ConsumerDirectory(ringFor, "system");
}

function recordOf(directory: ConsumerDirectory, name: string): ConsumerRecord {
  const record = directory.identify("default", `${name}-key`)?.consumer;
  if (record === undefined) throw new Error(`nobody is ${name}`);
  return record;
}

test("[unit] a record stays what it is while nothing of its line changes, and shares the line with its siblings", () => {
  const directory = aDirectory();
  for (const name of ["a", "b"]) directory.set(aConsumer({ name, parent: "team" }));
  directory.set(aConsumer({ name: "team", groups: ["gold"] }));
  const [a, b] = [recordOf(directory, "a"), recordOf(directory, "b")];
  const { line } = a;
  expect(b.line).toBe(line);
  directory.set(aConsumer({ name: "other" }));
  directory.set(aConsumer({ name: "team", groups: ["gold"], keys: ["another"] }));
  expect([recordOf(directory, "a"), a.line]).toEqual([a, line]);
  expect(a.line).toBe(line);
  directory.set(aConsumer({ name: "team", groups: ["silver"] }));
  expect(a.line).not.toBe(line);
  expect(a.groups).toEqual(["silver"]);
});

test("[unit] lines of namespaces are apart", () => {
  const directory = aDirectory();
  directory.set(aConsumer({ name: "a", parent: "team" }));
  directory.set(aConsumer({ namespace: "ai", name: "team" }));
  expect(recordOf(directory, "a").line.missing).toBe("team");
});

test("[unit] a circle, which is never published as such, ends and is not whole", () => {
  const directory = aDirectory();
  directory.set(aConsumer({ name: "a", parent: "b" }));
  directory.set(aConsumer({ name: "b", parent: "a" }));
  expect(recordOf(directory, "a").line).toMatchObject({ names: ["b", "a"], missing: "b" });
});

const NAMES = ["a", "b", "c", "d", "e"];
const change = fc.record({
  name: fc.constantFrom(...NAMES),
  parent: fc.option(fc.constantFrom(...NAMES), { nil: undefined }),
  groups: fc.subarray(["gold", "silver"]),
  isGone: fc.boolean(),
});

test("[unit] whatever changes, every line is what the consumers that are there say", () => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 30 }), (changes) => {
      const directory = aDirectory();
      const there = new Map<string, { readonly parent: string | undefined; readonly groups: string[] }>();
      for (const { name, parent, groups, isGone } of changes) {
        if (isGone) {
          directory.remove("default", name);
          there.delete(name);
        } else {
          directory.set(aConsumer({ name, groups, ...(parent !== undefined && { parent }) }));
          there.set(name, { parent, groups });
        }
        for (const [each, { groups: own }] of there) {
          const record = recordOf(directory, each);
          const { names, groups: above, isWhole } = naiveLine(each, there);
          expect(record.line.names).toEqual(names);
          expect(record.line.missing === undefined).toBe(isWhole);
          expect(new Set(record.groups)).toEqual(new Set([...own, ...above]));
        }
      }
    }),
    { numRuns: 300 },
  );
});

function naiveLine(
  name: string,
  there: ReadonlyMap<string, { readonly parent: string | undefined; readonly groups: string[] }>,
): { readonly names: string[]; readonly groups: string[]; readonly isWhole: boolean } {
  const names: string[] = [];
  let next = there.get(name)?.parent;
  while (next !== undefined && !names.includes(next)) {
    names.push(next);
    if (!there.has(next))
      return { names, groups: names.flatMap((one) => there.get(one)?.groups ?? []), isWhole: false };
    next = there.get(next)?.parent;
  }
  return { names, groups: names.flatMap((one) => there.get(one)?.groups ?? []), isWhole: next === undefined };
}
