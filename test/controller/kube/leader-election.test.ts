// Electors over one fake API server. Time is moved by hand, each elector on a clock of its own where that matters.

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { KubeApi } from "../../../controller/kube/kube-api.ts";
import { createKubeClient } from "../../../controller/kube/kube-client.ts";
import {
  createLeaderElection,
  type ElectionReport,
  type LeaderElection,
  type Leadership,
} from "../../../controller/kube/leader-election.ts";
import { eventually } from "../../helpers/clock.ts";
import { type FakeKubeApi, startFakeKubeApi } from "../../helpers/fake-kube-api.ts";
import { createHandClock, type HandClock } from "../../helpers/hand-clock.ts";

const LEASE = { namespace: "airl-system", name: "ai-rate-limit-controller" };

let fake: FakeKubeApi;
let apis: KubeApi[];
let electors: Elector[];

interface Elector {
  readonly election: LeaderElection;
  readonly clock: HandClock;
  readonly terms: Leadership[];
  readonly reports: ElectionReport[];
  /** Lets the work of a term come to its end; else it ends with the signal. */
  finishWork: () => void;
}

function elect(identity: string, clock: HandClock, slowToStop = false): Elector {
  const api = createKubeClient({ kubeconfig: fake.kubeconfig });
  apis.push(api);
  const terms: Leadership[] = [];
  const reports: ElectionReport[] = [];
  const elector: Omit<Elector, "election"> = { clock, terms, reports, finishWork: () => {} };
  const election = createLeaderElection({
    api,
    lease: LEASE,
    identity,
    clock,
    random: () => 0,
    report: (report) => void reports.push(report),
    lead(leadership) {
      terms.push(leadership);
      return new Promise((resolve) => {
        elector.finishWork = resolve;
        if (!slowToStop) leadership.signal.addEventListener("abort", () => resolve());
      });
    },
  });
  const whole = Object.assign(elector, { election });
  electors.push(whole);
  election.start();
  return whole;
}

const isWrite = ({ method }: { method: string }): boolean => method === "PUT" || method === "POST";
const writes = (): number => fake.requests.filter(isWrite).length;
const spec = (): unknown => fake.find("leases", LEASE.namespace, LEASE.name)?.["spec"];
const leads = ({ election }: Elector): Promise<void> => eventually("leads", () => election.isLeader());

/** Two seconds after its term began; its renewal is answered once `release` is called. */
async function leaderWhoseRenewalHangs(): Promise<{ clock: HandClock; a: Elector; release: () => void }> {
  const clock = createHandClock();
  const a = elect("a", clock);
  await leads(a);
  await eventually("waits", () => clock.delays().includes(2_000));
  let release = (): void => {};
  const until = new Promise<void>((resolve) => (release = resolve));
  fake.fail(isWrite, { kind: "held", until });
  clock.advance(2_000);
  await eventually("the renewal is under way", () => writes() === 2);
  return { clock, a, release };
}

/** Moves the clock by the retry period until the elector waits again, `times` times. */
async function retry({ clock }: Elector, times = 1): Promise<void> {
  for (let done = 0; done < times; done += 1) {
    await eventually("waits", () => clock.delays().includes(2_000));
    const before = fake.requests.length;
    clock.advance(2_000);
    await eventually("tried", () => fake.requests.length > before && clock.delays().includes(2_000));
  }
}

beforeEach(async () => {
  fake = await startFakeKubeApi();
  apis = [];
  electors = [];
});

afterEach(async () => {
  for (const elector of electors) {
    const stopping = elector.election.stop();
    elector.finishWork();
    await stopping;
  }
  for (const api of apis) api.close();
  await fake.close();
});

describe("the first elector", () => {
  test("[controller] creates the lease, leads, and renews it", async () => {
    const a = elect("a", createHandClock());
    await leads(a);
    const created = spec();
    expect(created).toMatchObject({ holderIdentity: "a", leaseDurationSeconds: 15, leaseTransitions: 0 });
    expect(created).toMatchObject({ renewTime: "2026-01-01T00:00:00.000000Z" });
    await retry(a, 20);
    expect(a.terms).toHaveLength(1);
    expect(writes()).toBe(21);
    expect(spec()).toMatchObject({
      renewTime: "2026-01-01T00:00:40.000000Z",
      acquireTime: "2026-01-01T00:00:00.000000Z",
    });
  });

  test("[controller] releases the lease on stop, after its work has ended", async () => {
    const a = elect("a", createHandClock(), true);
    await leads(a);
    const stopping = a.election.stop();
    await eventually("told to stop", () => a.terms[0]?.signal.aborted === true);
    expect(a.election.isLeader()).toBe(false);
    expect(spec()).toMatchObject({ holderIdentity: "a" });
    a.finishWork();
    await stopping;
    expect(spec()).toMatchObject({ holderIdentity: "", leaseTransitions: 0 });
    const b = elect("b", createHandClock());
    await leads(b);
    expect(b.terms[0]?.transitions).toBe(1);
  });
});

describe("a second elector", () => {
  test("[controller] waits the whole duration from when it saw the record stand still, whatever the record's clock says", async () => {
    const renewTime = "2031-01-01T00:00:00.000000Z";
    const held = { holderIdentity: "gone", leaseDurationSeconds: 15, leaseTransitions: 4, renewTime };
    fake.put("leases", { metadata: LEASE, spec: held });
    const b = elect("b", createHandClock());
    await eventually("follows", () => b.reports.some(({ kind }) => kind === "following"));
    await retry(b, 7);
    expect(b.election.isLeader()).toBe(false);
    await retry(b);
    await leads(b);
    expect(b.terms.map(({ transitions }) => transitions)).toEqual([5]);
    expect(spec()).toMatchObject({ holderIdentity: "b", leaseTransitions: 5 });
  });

  test("[controller] waits on while the record changes, were it with a clock that is years behind", async () => {
    const b = elect("b", createHandClock());
    await leads(b);
    for (let beat = 0; beat < 20; beat += 1) {
      const renewTime = `1999-01-01T00:00:${String(beat).padStart(2, "0")}.000000Z`;
      const held = { holderIdentity: "x", leaseDurationSeconds: 15, leaseTransitions: 9, renewTime };
      fake.put("leases", { metadata: LEASE, spec: held });
      await retry(b);
    }
    expect(b.terms).toHaveLength(1);
    expect(b.election.isLeader()).toBe(false);
  });

  test("[controller] of two that want a free lease one gets it", async () => {
    const [a, b] = [elect("a", createHandClock()), elect("b", createHandClock())];
    await eventually("one leads", () => a.election.isLeader() || b.election.isLeader());
    await retry(a, 2);
    await retry(b, 2);
    expect([a, b].filter(({ election }) => election.isLeader())).toHaveLength(1);
    expect(a.terms.length + b.terms.length).toBe(1);
  });
});

describe("a leader that cannot renew", () => {
  test("[controller] stops by its deadline, before the other begins", async () => {
    const clock = createHandClock();
    const a = elect("a", clock);
    await leads(a);
    const b = elect("b", createHandClock());
    await eventually("follows", () => b.reports.some(({ kind }) => kind === "following"));
    // Of a's requests none arrives any more; b's do.
    fake.fail((request) => isWrite(request) && request.body.includes(`"a"`), { kind: "reset" }, 100);
    let endedAtMs = 0;
    a.terms[0]?.signal.addEventListener("abort", () => (endedAtMs = clock.monotonicMs()));
    const beganAtMs = clock.monotonicMs();
    for (let second = 0; second < 14; second += 2) {
      clock.advance(2_000);
      await retry(b);
      expect([a, b].filter(({ election }) => election.isLeader()).length).toBeLessThan(2);
      if (second >= 8) expect(a.election.isLeader()).toBe(false);
    }
    expect(endedAtMs - beganAtMs).toBe(10_000);
    await retry(b, 2);
    await leads(b);
    expect(b.terms[0]?.transitions).toBe(1);
  });

  test("[controller] counts the deadline from the start of the last renewal that succeeded, not from its answer", async () => {
    const { clock, release } = await leaderWhoseRenewalHangs();
    clock.advance(4_000);
    release();
    await eventually("renewed", () => clock.delays().includes(2_000));
    // Began 2 s after the term did; 4 s have passed since.
    expect(clock.delays().toSorted((x, y) => x - y)).toEqual([2_000, 6_000]);
  });

  test("[controller] tries again within the deadline when a renewal hangs, and takes its own late renewal for what it is", async () => {
    const { clock, a, release } = await leaderWhoseRenewalHangs();
    clock.advance(5_000);
    await eventually("given up", () => a.reports.some(({ kind }) => kind === "failed"));
    release();
    await eventually("it takes effect late", () => JSON.stringify(spec()).includes("00:00:02.000000Z"));
    await retry(a);
    expect(a.election.isLeader()).toBe(true);
    expect(a.terms).toHaveLength(1);
    expect(spec()).toMatchObject({ holderIdentity: "a", renewTime: "2026-01-01T00:00:09.000000Z" });
  });

  test("[controller] goes on when only the answer was lost", async () => {
    const a = elect("a", createHandClock());
    await leads(a);
    fake.fail(isWrite, { kind: "answer-lost" });
    await retry(a, 8);
    expect(a.election.isLeader()).toBe(true);
    expect(a.terms).toHaveLength(1);
  });

  test("[controller] does not revive when its clock jumped past the deadline, as after a long pause of the process", async () => {
    const clock = createHandClock();
    const a = elect("a", clock);
    await leads(a);
    const [first] = a.terms;
    clock.advance(60_000);
    expect(first?.isHeld()).toBe(false);
    expect(first?.signal.aborted).toBe(true);
    await eventually("a second term", () => {
      clock.advance(2_000);
      return a.terms.length === 2;
    });
    expect(a.terms[1]?.transitions).toBe(1);
    expect(first?.isHeld()).toBe(false);
  });
});

describe("a lease that others touch", () => {
  test("[controller] with another holder ends the term at the next renewal", async () => {
    const a = elect("a", createHandClock());
    await leads(a);
    const held = { holderIdentity: "thief", leaseDurationSeconds: 15, leaseTransitions: 7, renewTime: "x" };
    fake.put("leases", { metadata: LEASE, spec: held });
    await retry(a);
    expect(a.election.isLeader()).toBe(false);
    expect(spec()).toMatchObject({ holderIdentity: "thief" });
    await retry(a);
    expect(a.reports.map(({ kind }) => kind)).toEqual(["leading", "stopped-leading", "following"]);
  });

  test("[controller] deleted, it is made anew with its transitions, and the term goes on", async () => {
    fake.put("leases", { metadata: LEASE, spec: { holderIdentity: "", leaseTransitions: 6 } });
    const a = elect("a", createHandClock());
    await leads(a);
    fake.remove("leases", LEASE.namespace, LEASE.name);
    await retry(a);
    expect(a.election.isLeader()).toBe(true);
    expect(spec()).toMatchObject({ holderIdentity: "a", leaseTransitions: 7 });
  });

  test("[controller] that names this identity, from a process before, begins a new term", async () => {
    const held = { holderIdentity: "a", leaseDurationSeconds: 15, leaseTransitions: 3 };
    fake.put("leases", { metadata: LEASE, spec: held });
    const a = elect("a", createHandClock());
    await leads(a);
    expect(a.terms[0]?.transitions).toBe(4);
  });
});

test("[controller] work that ends by itself ends the term; the next one has a higher number", async () => {
  const a = elect("a", createHandClock());
  await leads(a);
  a.finishWork();
  await eventually("the term is over", () => a.terms[0]?.signal.aborted === true);
  await retry(a);
  await leads(a);
  expect(a.terms.map(({ transitions }) => transitions)).toEqual([0, 1]);
});

test.for([
  { name: "the deadline is not below the duration", settings: { leaseMs: 10_000, renewDeadlineMs: 10_000 } },
  { name: "the retry is not below the deadline", settings: { retryMs: 10_000 } },
  { name: "the duration is no whole number of seconds", settings: { leaseMs: 15_500 } },
])("[controller] refuses times that do not keep two leaders apart: $name", ({ settings }) => {
  const api = createKubeClient({ kubeconfig: fake.kubeconfig });
  apis.push(api);
  const options = { api, lease: LEASE, identity: "a", clock: createHandClock(), random: () => 0, settings };
  expect(() => createLeaderElection({ ...options, lead: () => Promise.resolve() })).toThrow(RangeError);
});
