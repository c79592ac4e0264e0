// The law of the incremental compiler: however a set of manifests came about, what is in force and what is said of it is
// what compiling that set at once gives.

import fc from "fast-check";
import { expect, test } from "vitest";
import { compile } from "../../compiler/compile.ts";
import {
  type CompiledChanges,
  createIncrementalCompiler,
  type IncrementalCompiler,
} from "../../compiler/incremental.ts";
import { createRing } from "../../dataplane/contract/keyring.ts";
import { createFakeClock } from "../helpers/clock.ts";
import { identityOf, type Step, step, World } from "./incremental-world.ts";
import { asRecord, MASTER } from "./manifest-builders.ts";

const ringFor = createRing([MASTER]);
const options = { ringFor, systemNamespace: "default" };

interface Seen {
  readonly objects: ReadonlyMap<string, unknown>;
  readonly findings: ReadonlyMap<string, unknown>;
}

/** A reader of changes alone: what it has must be what is there. */
class Follower {
  readonly objects = new Map<string, { readonly uid: string; readonly text: string }>();
  readonly findings = new Map<string, readonly unknown[]>();
  readonly secrets = new Set<string>();

  take({ namespaces, reports, gone, secrets }: CompiledChanges): void {
    const changes = [...namespaces.values()];
    // What moves to the part for all namespaces, or back, is removed and set.
    for (const ref of changes.flatMap(({ removed }) => removed)) {
      expect(this.objects.delete(textOf(ref))).toBe(true);
    }
    for (const { uid, object } of changes.flatMap(({ set }) => set)) {
      const text = JSON.stringify(object);
      const before = this.objects.get(textOf(object));
      expect(before?.text === text && before.uid === uid, "told of no change").toBe(false);
      this.objects.set(textOf(object), { uid, text });
    }
    for (const ref of gone) this.findings.delete(textOf(ref));
    for (const { ref, findings } of reports) this.findings.set(textOf(ref), findings);
    for (const { namespace, name } of secrets.removed) expect(this.secrets.delete(`${namespace}/${name}`)).toBe(true);
    for (const { namespace, name } of secrets.added) this.secrets.add(`${namespace}/${name}`);
  }

  seen(): Seen {
    const objects = new Map([...this.objects].map(([identity, { text }]) => [identity, JSON.parse(text)]));
    const findings = new Map([...this.findings].filter(([, list]) => list.length > 0));
    return { objects, findings };
  }
}

function textOf({ kind, namespace, name }: { kind: string; namespace: string; name: string }): string {
  return `${kind}/${namespace}/${name}`;
}

function wholeOf(world: World, nowMs: number): Seen {
  const { objects, findings } = compile({ manifests: world.manifests(), ...options, nowMs });
  const byObject = new Map<string, unknown[]>();
  // Names of Secrets are suggested to those who compile files, and to nobody else.
  for (const finding of findings) {
    const wanted = finding.code === "SecretNotFound" ? finding.wanted.replace(/; did you mean .*/, "") : finding.wanted;
    const list = byObject.get(textOf(finding.object)) ?? [];
    byObject.set(textOf(finding.object), [...list, { ...finding, wanted }]);
  }
  return { objects: new Map(objects.map((object) => [textOf(object), object])), findings: byObject };
}

function referencedIn(compiler: IncrementalCompiler): string[] {
  return [...compiler.referencedSecrets()].map(({ namespace, name }) => `${namespace}/${name}`).sort();
}

/** Invalid manifests come as new objects only, and a backend's Secret never goes: nothing has a last good version. */
function withoutPast({ type, manifest, isNew }: Step, world: World): boolean | undefined {
  if (type === "Delete" && asRecord(manifest["metadata"])["name"] === "sealed") return undefined;
  const known = world.objects.has(identityOf(manifest));
  return type === "Invalid" || (isNew && known);
}

test("[unit] a history of changes compiles to what the manifests at its end compile to", { timeout: 120_000 }, () => {
  fc.assert(
    fc.property(fc.array(fc.array(step, { minLength: 1, maxLength: 4 }), { maxLength: 25, size: "max" }), (rounds) => {
      const world = new World();
      const follower = new Follower();
      const clock = createFakeClock(Date.UTC(2025, 11, 22));
      const compiler = createIncrementalCompiler({ ...options, nowMs: clock.nowMs });
      for (const round of rounds) {
        clock.advance(86_400_000);
        follower.take(compiler.timePassed());
        const changes = round.flatMap((one) => {
          const isNew = withoutPast(one, world);
          return isNew === undefined ? [] : [world.take(one, isNew)];
        });
        follower.take(compiler.apply(changes));
        const whole = wholeOf(world, clock.nowMs());
        expect(follower.seen().objects).toEqual(whole.objects);
        expect(follower.seen().findings).toEqual(whole.findings);
      }
      expect([...follower.secrets].sort()).toEqual(referencedIn(compiler));
      const entries = new Map([...compiler.entries()].map(({ object }) => [textOf(object), object]));
      expect(entries).toEqual(follower.seen().objects);
      const own = [...world.objects].filter(([identity]) => !identity.startsWith("Secret/"));
      expect(
        new Map([...compiler.known()].map(({ ref, uid, generation }) => [textOf(ref), { uid, generation }])),
      ).toEqual(new Map(own.map(([identity, { uid, generation }]) => [identity, { uid, generation }])));
    }),
    { numRuns: 150 },
  );
});

test("[unit] changes tell the same whether they come at once or one by one, and nothing when applied again", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40, size: "max" }), (steps) => {
      const world = new World();
      const changes = steps.flatMap((one) => (withoutPast(one, world) === undefined ? [] : [world.take(one, true)]));
      const [atOnce, oneByOne] = [new Follower(), new Follower()];
      const compiler = createIncrementalCompiler(options);
      atOnce.take(compiler.apply(changes));
      const slow = createIncrementalCompiler(options);
      for (const change of changes) oneByOne.take(slow.apply([change]));
      expect(atOnce.seen()).toEqual(oneByOne.seen());
      const again = compiler.apply(world.manifests().map((manifest) => ({ type: "Upsert", manifest })));
      expect([again.namespaces.size, again.reports, again.gone, again.secrets.added]).toEqual([0, [], [], []]);
    }),
    { numRuns: 60 },
  );
});

test("[unit] another ring changes what holds keys, and turning back restores it", () => {
  const other = createRing([Buffer.alloc(32, 8)]);
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40, size: "max" }), (steps) => {
      const world = new World();
      const compiler = createIncrementalCompiler(options);
      const follower = new Follower();
      follower.take(compiler.apply(steps.map((one) => world.take(one, true))));
      const before = follower.seen();
      const turned = compiler.setRing(other);
      expect(turned.reports).toEqual([]);
      follower.take(turned);
      const whole = compile({ manifests: world.manifests(), ...options, ringFor: other });
      expect(follower.seen().objects).toEqual(new Map(whole.objects.map((object) => [textOf(object), object])));
      follower.take(compiler.setRing(ringFor));
      expect(follower.seen()).toEqual(before);
    }),
    { numRuns: 40 },
  );
});
