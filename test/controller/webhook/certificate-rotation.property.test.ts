// The law of renewal: whatever happens in whatever order, no API server refuses a replica, be it that it still knows the
// caBundle of some minutes ago, be it that it already knows the newest, and be it that the replica is slow or new.

import fc from "fast-check";
import { expect, test } from "vitest";
import { SECRETS, WEBHOOK_CONFIGURATIONS } from "../../../controller/kube/resource.ts";
import { isTrustedBy } from "../../helpers/webhook-secret.ts";
import { type KeeperScene, type Replica, startKeeperScene } from "./keeper-scene.ts";

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
/** How long an API server may go on with an older caBundle: below the time that an announced pair waits. */
const LAG_MS = 4 * MINUTE_MS;

const RUNS = 20;

/** What happens between two looks at everybody. */
const event = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("time" as const), minutes: fc.integer({ min: 1, max: 3 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("hour" as const) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("restart" as const), replica: fc.nat(2) }) },
  // One that cannot reach the API server, for less than the hour that an old authority stays.
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("cut" as const), replica: fc.nat(2) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("break" as const), key: fc.constantFrom("next.crt", "next.key") }),
  },
);
type Event = typeof event extends fc.Arbitrary<infer T> ? T : never;

/** One that is away for nearly an hour, but for a minute, sees nothing of a renewal but its end. */
const AWAY_TWICE: Event[] = [
  { kind: "time", minutes: 1 },
  { kind: "restart", replica: 0 },
  { kind: "time", minutes: 2 },
  { kind: "cut", replica: 1 },
  { kind: "time", minutes: 2 },
  { kind: "cut", replica: 1 },
  { kind: "time", minutes: 1 },
];

/** caBundles by the time at which they came into force. */
class Bundles {
  readonly #seen: { readonly fromMs: number; readonly bundle: string }[] = [];

  saw(bundle: string, nowMs: number): void {
    if (this.#seen.at(-1)?.bundle !== bundle) this.#seen.push({ fromMs: nowMs, bundle });
  }

  /** All that some API server may know. */
  known(nowMs: number): readonly string[] {
    return this.#seen
      .filter((_, index) => (this.#seen[index + 1]?.fromMs ?? Number.POSITIVE_INFINITY) > nowMs - LAG_MS)
      .map(({ bundle }) => bundle);
  }
}

class World {
  readonly scene: KeeperScene = startKeeperScene();
  readonly bundles = new Bundles();
  readonly replicas: Replica[] = [];
  /** Pairs of bundle and certificate that fit; no time of the test is beyond theirs. */
  readonly #trusted = new Set<string>();

  async begin(): Promise<void> {
    for (let i = 0; i < 3; i += 1) this.replicas.push(this.scene.startReplica());
    await this.scene.settle();
    await this.pass(60 * DAY_MS - MINUTE_MS, 20 * DAY_MS);
    this.look();
  }

  async pass(ms: number, stepMs: number): Promise<void> {
    for (let leftMs = ms; leftMs > 0; leftMs -= stepMs) {
      await this.scene.pass(Math.min(stepMs, leftMs));
      this.look();
    }
  }

  look(): void {
    const { scene } = this;
    const nowMs = scene.clock.wallMs();
    this.bundles.saw(scene.bundle(), nowMs);
    for (const [index, replica] of this.replicas.entries()) {
      for (const bundle of this.bundles.known(nowMs)) {
        const cert = replica.pair()?.cert ?? "";
        if (!this.#trusts(bundle, cert, nowMs)) throw new Error(`replica ${String(index)} is refused`);
      }
    }
  }

  #trusts(bundle: string, cert: string, nowMs: number): boolean {
    const key = bundle + cert;
    if (!this.#trusted.has(key) && isTrustedBy(bundle, cert, nowMs)) this.#trusted.add(key);
    return this.#trusted.has(key);
  }

  async happens(what: Event): Promise<void> {
    if (what.kind === "time") await this.pass(what.minutes * MINUTE_MS, MINUTE_MS);
    else if (what.kind === "hour") await this.pass(60 * MINUTE_MS, 3 * MINUTE_MS);
    else if (what.kind === "restart") await this.#restart(what.replica);
    else if (what.kind === "cut") await this.#cut(what.replica);
    else if (this.scene.text("next.crt") !== "") this.scene.edit({ [what.key]: "nonsense" });
    await this.scene.settle();
    this.look();
  }

  async #restart(index: number): Promise<void> {
    await this.replicas[index]?.stop();
    this.replicas[index] = this.scene.startReplica();
  }

  async #cut(index: number): Promise<void> {
    this.replicas[index]?.cut([WEBHOOK_CONFIGURATIONS, SECRETS]);
    await this.pass(30 * MINUTE_MS, 3 * MINUTE_MS);
    this.replicas[index]?.cut([]);
    await this.pass(MINUTE_MS, 10_000);
  }
}

test("[unit] no API server that knows an old or a new caBundle refuses a replica while certificates are renewed", {
  timeout: 120_000,
}, async () => {
  let promoted = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(event, { minLength: 8, maxLength: 24 }), async (events) => {
      const world = new World();
      await world.begin();
      const first = world.scene.text("tls.crt");
      for (const what of events) await world.happens(what);
      if (world.scene.text("tls.crt") !== first) promoted += 1;
      await Promise.all(world.replicas.map((replica) => replica.stop()));
    }),
    { numRuns: RUNS, examples: [[AWAY_TWICE]] },
  );
  // Else nothing was renewed, and the law would hold of itself.
  expect(promoted).toBeGreaterThan(RUNS / 2);
});
