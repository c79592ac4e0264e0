// Who belongs to whom: cycles, lines that are too long, parents that are not there, and what stays in force meanwhile.

import fc from "fast-check";
import { expect, test } from "vitest";
import { formatFinding } from "../../compiler/format-finding.ts";
import { createIncrementalCompiler, type ManifestChange } from "../../compiler/incremental.ts";
import type { CompiledEntry } from "../../compiler/object-state.ts";
import { createRing } from "../../dataplane/contract/keyring.ts";
import { aConsumer, asRecord, compiled, linesOf, MASTER, type Manifest } from "./manifest-builders.ts";

const below = (name: string, parent?: string, spec: Manifest = {}): Manifest =>
  aConsumer({ name }, { ...(parent !== undefined && { parentRef: { name: parent } }), ...spec });

/** A compiler that is told of one consumer after another; versions count up. */
class World {
  readonly #compiler;
  readonly #versions = new Map<string, number>();

  constructor(lastGood?: (name: string) => CompiledEntry | undefined) {
    this.#compiler = createIncrementalCompiler({
      ringFor: createRing([MASTER]),
      systemNamespace: "default",
      ...(lastGood && { lastGood: ({ name }) => lastGood(name) }),
    });
  }

  /** "a>b": a belongs to b; "a": to nobody; "-a": a is deleted; "a!": a manifest that cannot be read. */
  put(...texts: readonly string[]): void {
    this.#compiler.apply(texts.map((text) => this.#change(text)));
  }

  #change(text: string): ManifestChange {
    if (text.startsWith("-")) {
      return { type: "Delete", ref: { kind: "Consumer", namespace: "default", name: text.slice(1) } };
    }
    const [name = "", parent] = text.replace("!", "").split(">");
    const generation = (this.#versions.get(name) ?? 0) + 1;
    this.#versions.set(name, generation);
    const manifest = text.endsWith("!") ? aConsumer({ name }, { groups: 1 }) : below(name, parent);
    return {
      type: "Upsert",
      manifest: { ...manifest, metadata: { ...asRecord(manifest["metadata"]), uid: `u-${name}`, generation } },
    };
  }

  /** "a>b" for each consumer in force. */
  inForce(): string[] {
    const consumers = [...this.#compiler.entries()].map(({ object }) => object);
    return consumers
      .flatMap((one) =>
        one.kind === "Consumer" ? [one.name + (one.parent === undefined ? "" : `>${one.parent}`)] : [],
      )
      .sort();
  }

  lines(): string[] {
    return [...this.#compiler.known()].flatMap(({ findings }) => findings.map(formatFinding)).sort();
  }
}

const AT = "spec.parentRef.name: found";

test("[unit] organisation, team and person, in any order of manifests", () => {
  const output = compiled(below("ann", "research"), below("acme"), below("research", "acme"));
  expect(linesOf(output)).toEqual([]);
  expect(output.objects.map((object) => (object.kind === "Consumer" ? object.parent : ""))).toEqual([
    undefined,
    "research",
    "acme",
  ]);
});

test("[unit] each member of a cycle is told of it, and so is who belongs to one of them", () => {
  const output = compiled(below("a", "b"), below("b", "c"), below("c", "a"), below("d", "b"), below("e"));
  const wanted = "wanted a parent that does not itself belong to this Consumer";
  expect(linesOf(output)).toEqual([
    `Consumer default/a ${AT} a cycle: a -> b -> c -> a, ${wanted}`,
    `Consumer default/b ${AT} a cycle: b -> c -> a -> b, ${wanted}`,
    `Consumer default/c ${AT} a cycle: c -> a -> b -> c, ${wanted}`,
    `Consumer default/d ${AT} a parent that belongs to a cycle: b -> c -> a -> b, wanted a parent whose own parents end`,
  ]);
  expect(output.objects.map(({ name }) => name)).toEqual(["e"]);
});

test("[unit] four levels are in force, a fifth is not", () => {
  const line = ["e>d", "d>c", "c>b", "b>a", "a"];
  const world = new World();
  world.put(...line);
  expect(world.inForce()).toEqual(["a", "b>a", "c>b", "d>c"]);
  expect(world.lines()).toEqual([
    `Consumer default/e ${AT} 5 levels: e -> d -> c -> b -> a, wanted at most 4 levels, its own included`,
  ]);
  world.put("d");
  expect([world.inForce(), world.lines()]).toEqual([["a", "b>a", "c>b", "d", "e>d"], []]);
});

test("[unit] a very long line is told of briefly", () => {
  const names = Array.from({ length: 30 }, (_, i) => `n${String(i)}`);
  const [first = ""] = linesOf(compiled(...names.map((name, i) => below(name, names[i + 1]))));
  expect(first).toBe(
    `Consumer default/n0 ${AT} 16 levels: n0 -> n1 -> n2 -> n3 -> n4 -> ... -> n15, wanted at most 4 levels, its own included`,
  );
});

test("[unit] a parent that is not there leaves the consumer in force, and is an error", () => {
  const world = new World();
  world.put("ann>research");
  expect(world.inForce()).toEqual(["ann>research"]);
  expect(world.lines()).toEqual([
    `Consumer default/ann ${AT} "research", wanted a Consumer of this namespace that is in force; until then requests of this one are refused`,
  ]);
  world.put("research");
  expect(world.lines()).toEqual([]);
  world.put("-research");
  expect(world.lines()).toHaveLength(1);
});

test("[unit] one of another namespace is not there", () => {
  const output = compiled(below("ann", "research"), aConsumer({ name: "research", namespace: "ai" }));
  expect(linesOf(output)).toHaveLength(1);
});

test("[unit] a parent that is there and was never valid is told of as well", () => {
  const world = new World();
  world.put("research!", "ann>research");
  expect(world.lines()[0]).toBe(
    `Consumer default/ann ${AT} "research", wanted a Consumer of this namespace that is in force; until then requests of this one are refused`,
  );
  world.put("research");
  expect(world.lines()).toEqual([]);
});

test("[unit] whoever closes a cycle keeps what was in force, and so do the others", () => {
  const world = new World();
  world.put("a>b", "b>c", "c", "d>a");
  world.put("c>a");
  expect(world.inForce()).toEqual(["a>b", "b>c", "c", "d>a"]);
  expect(world.lines()).toHaveLength(4);
  world.put("a");
  expect([world.inForce(), world.lines()]).toEqual([["a", "b>c", "c>a", "d>a"], []]);
});

test("[unit] a cycle that is there from the start keeps what was published, if that is known", () => {
  const published: CompiledEntry = {
    uid: "u-a",
    generation: 7,
    object: { kind: "Consumer", namespace: "default", name: "a", username: "a", groups: [], credentials: [] },
  };
  const world = new World((name) => (name === "a" ? published : undefined));
  world.put("a>b", "b>a");
  expect(world.inForce()).toEqual(["a"]);
  world.put("b");
  expect([world.inForce(), world.lines()]).toEqual([["a>b", "b"], []]);
});

test("[unit] what is invalid by itself keeps its last good parent, and cannot close a cycle by it", () => {
  const world = new World();
  world.put("a>b", "b");
  world.put("a!");
  world.put("b>a");
  expect(world.inForce()).toEqual(["a>b", "b"]);
  expect(world.lines().filter((line) => line.includes("cycle"))).toEqual([
    `Consumer default/b ${AT} a cycle: b -> a -> b, wanted a parent that does not itself belong to this Consumer`,
  ]);
});

const name = fc.constantFrom("a", "b", "c", "d", "e", "f");
const text = fc.oneof(
  { arbitrary: fc.tuple(name, name).map(([one, parent]) => `${one}>${parent}`), weight: 6 },
  { arbitrary: name, weight: 2 },
  { arbitrary: name.map((one) => `${one}!`), weight: 1 },
  { arbitrary: name.map((one) => `-${one}`), weight: 1 },
);

test("[unit] whatever comes, what is in force never runs in a circle, and what is sound is in force", () => {
  fc.assert(
    fc.property(fc.array(fc.array(text, { minLength: 1, maxLength: 3 }), { maxLength: 20 }), (rounds) => {
      const world = new World();
      const manifests = new Map<string, string>();
      for (const round of rounds) {
        world.put(...round);
        for (const one of round) manifests.set(one.replace("-", "").replace("!", "").split(">")[0] ?? "", one);
        const parents = new Map(world.inForce().map((one) => [one.split(">")[0] ?? "", one.split(">")[1]]));
        for (const start of parents.keys()) expect(lengthFrom(start, parents), start).toBeLessThan(20);
        for (const one of soundOf(manifests)) expect(world.inForce(), rounds.join(" | ")).toContain(one);
      }
    }),
    { numRuns: 300 },
  );
});

function lengthFrom(start: string, parents: ReadonlyMap<string, string | undefined>): number {
  let at: string | undefined = start;
  let length = 0;
  while (at !== undefined && length < 20) {
    at = parents.get(at);
    length += 1;
  }
  return length;
}

/** Of histories in which nothing is invalid by itself: manifests whose line ends within four levels. */
function soundOf(manifests: ReadonlyMap<string, string>): readonly string[] {
  if ([...manifests.values()].some((one) => one.endsWith("!"))) return [];
  const there = [...manifests.values()].filter((one) => !one.startsWith("-"));
  const parents = new Map(there.map((one) => [one.split(">")[0] ?? "", one.split(">")[1]]));
  return there.filter((one) => lengthFrom(one.split(">")[0] ?? "", parents) <= 4);
}
