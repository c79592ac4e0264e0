// A term of office over a feed and a publisher that a test holds in its hands: what is published when, and what status
// says of it.

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { ManifestChange } from "../../compiler/incremental.ts";
import type { ClusterFeed } from "../../controller/cluster-feed.ts";
import { createKeyRotation } from "../../controller/key-rotation.ts";
import type { Changes, Desired, Publisher, PublishOutcome } from "../../controller/publish/publisher.ts";
import type { ObjectStatus } from "../../controller/status/object-state.ts";
import { createStatusBoard, type StatusBoard } from "../../controller/status-board.ts";
import { createTerm, type Term } from "../../controller/term.ts";
import { objectField } from "../../dataplane/contract/published.ts";
import { aConsumerWithKey, MASTER } from "../compiler/manifest-builders.ts";
import { eventually } from "../helpers/clock.ts";
import { createHandClock, type HandClock } from "../helpers/hand-clock.ts";

/** A publisher that answers when it is told to. */
class HeldPublisher
  implements Pick<Publisher, "lead" | "publish" | "publishAll" | "revisionOf" | "positionOf" | "resign">
{
  readonly calls: string[] = [];
  readonly #waiting: ((outcome: PublishOutcome) => void)[] = [];
  readonly #objects = new Map<string, number>();
  #revision = 0;
  #leads: () => void = () => {};
  published: ReadonlyMap<string, ReadonlyMap<string, string>> = new Map();

  async lead() {
    await new Promise<void>((resolve) => {
      this.#leads = resolve;
    });
    return { kind: "leading" as const, epoch: 1, published: this.published };
  }
  takesLead(): void {
    this.#leads();
  }
  publishAll(desired: Desired): Promise<PublishOutcome> {
    return this.#wait("all", desired);
  }
  publish(changes: Changes): Promise<PublishOutcome> {
    return this.#wait("some", changes);
  }
  #wait(what: string, changes: Changes): Promise<PublishOutcome> {
    const fields = [...changes.values()].flatMap((objects) =>
      [...objects].map(([field, object]) => (object === undefined ? `-${field}` : field)),
    );
    this.calls.push(`${what}: ${fields.join(" ")}`);
    this.#revision += 1;
    for (const field of fields) this.#objects.set(field, this.#revision);
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }
  /** The oldest call that waits is done. */
  settle(kind: PublishOutcome["kind"] = "published"): void {
    this.#waiting.shift()?.(kind === "over" ? { kind } : { kind, namespaces: new Map() });
  }
  revisionOf(_namespace: string, field: string): number | undefined {
    return this.#objects.get(field);
  }
  positionOf() {
    return { generation: "g", revision: this.#revision };
  }
  resign(): void {
    this.calls.push("resign");
  }
}

class HeldFeed implements Pick<ClusterFeed, "subscribe" | "confirm" | "missing"> {
  lacks: readonly string[] = [];
  readonly confirmed: string[] = [];
  #pending: ManifestChange[] = [];
  #changed: () => void = () => {};

  put(...manifests: readonly unknown[]): void {
    this.#pending.push(...manifests.map((manifest) => ({ type: "Upsert" as const, manifest })));
    this.#changed();
  }
  delete(kind: string, name: string): void {
    this.#pending.push({ type: "Delete", ref: { kind, namespace: "ai", name } });
    this.#changed();
  }
  wake(): void {
    this.#changed();
  }
  subscribe(changed: () => void) {
    this.#changed = changed;
    const take = (): readonly ManifestChange[] => this.#pending.splice(0);
    return { take, takeKnown: take, close: () => {} };
  }
  confirm(kind: string, { name }: { readonly name: string }): void {
    this.confirmed.push(`${kind}/${name}`);
  }
  missing(): readonly string[] {
    return this.lacks;
  }
}

let clock: HandClock;
let feed: HeldFeed;
let publisher: HeldPublisher;
let board: StatusBoard;
let term: Term;
let ended: AbortController;
let running: Promise<void>;
let statuses: Map<string, ObjectStatus>;

const consumer = (name: string, value: string, meta: object = {}): Record<string, unknown> => {
  const manifest = aConsumerWithKey({ namespace: "ai", name }, value);
  return { ...manifest, metadata: { ...Object(manifest["metadata"]), uid: `u-${name}`, generation: 1, ...meta } };
};

function conditionOf(name: string, type: string): string {
  const found = statuses.get(`Consumer/${name}`)?.conditions.find((condition) => condition.type === type);
  return found === undefined ? "" : `${found.status} ${found.reason}: ${found.message}`;
}

beforeEach(() => {
  clock = createHandClock();
  feed = new HeldFeed();
  publisher = new HeldPublisher();
  statuses = new Map();
  board = createStatusBoard({
    nowMs: () => clock.wallMs(),
    write: ({ ref }, status) => statuses.set(`${ref.kind}/${ref.name}`, status),
    forget: ({ ref }) => statuses.delete(`${ref.kind}/${ref.name}`),
  });
  const full: ClusterFeed = {
    ...unused(),
    subscribe: (changed) => feed.subscribe(changed),
    confirm: (kind, name) => {
      feed.confirm(kind, name);
    },
    missing: () => feed.missing(),
  };
  term = createTerm({
    feed: full,
    publisher: {
      ...unusedPublisher(),
      lead: () => publisher.lead(),
      publish: (changes) => publisher.publish(changes),
      publishAll: (desired) => publisher.publishAll(desired),
      revisionOf: (namespace, field) => publisher.revisionOf(namespace, field),
      positionOf: () => publisher.positionOf(),
      resign: () => {
        publisher.resign();
      },
    },
    board,
    keys: createKeyRotation([MASTER]),
    systemNamespace: "system",
    clock,
    reconciled: () => {},
    reported: () => {},
  });
  ended = new AbortController();
  running = term.run(3, ended.signal);
});
afterEach(async () => {
  ended.abort();
  publisher.takesLead();
  await running;
});

function unused(): ClusterFeed {
  return {
    start: () => {},
    stop: async () => {},
    subscribe: () => ({ take: () => [], takeKnown: () => [], close: () => {} }),
    object: () => undefined,
    confirm: () => {},
    missing: () => [],
    waiting: () => 0,
    watches: () => [],
  };
}

function unusedPublisher(): Pick<Publisher, "counts" | "namespaces" | "stop"> {
  return {
    counts: () => ({ namespaces: 0, objects: 0, waiting: 0 }),
    namespaces: () => [],
    stop: async () => {},
  };
}

const calls = (): readonly string[] => publisher.calls.filter((call) => call !== "resign");
const called = (count: number): Promise<void> => eventually(`${String(count)} calls`, () => calls().length === count);

describe("the first round", () => {
  test("[unit] waits for the lead and for all of the cluster, then publishes all of it at once", async () => {
    feed.lacks = ["Consumer objects"];
    feed.put(consumer("alice", "k-1"), consumer("bob", "k-2"));
    publisher.takesLead();
    await new Promise(setImmediate);
    expect(calls()).toEqual([]);
    feed.lacks = [];
    feed.wake();
    await called(1);
    expect(calls()).toEqual(["all: Consumer/alice Consumer/bob"]);
  });

  test("[unit] status says nothing until the publisher has done it", async () => {
    feed.put(consumer("alice", "k-1"));
    publisher.takesLead();
    await called(1);
    expect(statuses.has("Consumer/alice")).toBe(false);
    publisher.settle();
    await eventually("it is published", () => conditionOf("alice", "Programmed").startsWith("True"));
    expect(conditionOf("alice", "Accepted")).toMatch(/^True/);
    expect(conditionOf("alice", "Programmed")).toBe("True Programmed: published with revision 1");
    expect(feed.confirmed).toEqual(["Consumer/alice"]);
  });

  test("[unit] an object that is invalid keeps what is published of it", async () => {
    const good = JSON.stringify({
      revision: 7,
      generation: 1,
      uid: "u-alice",
      object: { kind: "Consumer", namespace: "ai", name: "alice", username: "alice", groups: [], credentials: [] },
    });
    const field = objectField({ kind: "Consumer", name: "alice" });
    publisher.published = new Map([["ai", new Map([[field, good]])]]);
    feed.put({ ...consumer("alice", "k-1", { generation: 2 }), spec: { credentials: "none" } });
    publisher.takesLead();
    await called(1);
    expect(calls()).toEqual(["all: Consumer/alice"]);
    publisher.settle();
    await eventually("it is told", () => conditionOf("alice", "Accepted").includes("generation 1 stays in force"));
    expect(feed.confirmed).toEqual([]);
  });
});

describe("later rounds", () => {
  beforeEach(async () => {
    feed.put(consumer("alice", "k-1"), consumer("bob", "k-2"));
    publisher.takesLead();
    await called(1);
    publisher.settle();
  });

  test("[unit] publish what changed and nothing else", async () => {
    feed.put(consumer("alice", "k-9", { generation: 2 }));
    await called(2);
    feed.delete("Consumer", "bob");
    await called(3);
    expect(calls().slice(1)).toEqual(["some: Consumer/alice", "some: -Consumer/bob"]);
    expect(statuses.has("Consumer/bob")).toBe(false);
  });

  test("[unit] an edit that compiles to the same is told in status, and not published", async () => {
    feed.put(consumer("alice", "k-1", { generation: 2 }));
    await eventually("it is seen", () => statuses.get("Consumer/alice")?.fields.observedGeneration === 2);
    expect(calls()).toHaveLength(1);
    expect(conditionOf("alice", "Programmed")).toBe("True Programmed: published with revision 1");
  });

  test("[unit] what is compiled again before it is published waits for the later call", async () => {
    feed.put(consumer("alice", "k-8", { generation: 2 }));
    await called(2);
    feed.put(consumer("alice", "k-9", { generation: 3 }));
    await called(3);
    publisher.settle();
    await new Promise(setImmediate);
    const observed = (): number | undefined => statuses.get("Consumer/alice")?.fields.observedGeneration;
    expect(observed()).toBe(1);
    publisher.settle();
    await eventually("it is published", () => observed() === 3);
  });

  test("[unit] while Redis is away what waits says so, and what is published stays", async () => {
    feed.put(consumer("alice", "k-9", { generation: 2 }));
    await called(2);
    board.storeAway(clock.wallMs());
    expect(conditionOf("alice", "Programmed")).toMatch(/^False StoreUnavailable: .*since 2026-01-01T00:00:00Z$/);
    expect(conditionOf("bob", "Programmed")).toMatch(/^True/);
    board.storeAway(undefined);
    expect(conditionOf("alice", "Programmed")).toMatch(/^Unknown Pending/);
  });

  test("[unit] a Secret that is not known yet is waited for, and not for ever", async () => {
    feed.lacks = ["Secrets"];
    feed.put(consumer("carol", "k-3"));
    await new Promise(setImmediate);
    expect(calls()).toHaveLength(1);
    clock.advance(5_000);
    await called(2);
  });

  test("[unit] after a wait for a Secret that was given up, the next change is not missed", async () => {
    feed.lacks = ["Secrets"];
    feed.put(consumer("carol", "k-3"));
    await new Promise(setImmediate);
    clock.advance(5_000);
    await called(2);
    feed.lacks = [];
    feed.put(consumer("dave", "k-4"));
    await called(3);
    feed.put(consumer("erin", "k-5"));
    await called(4);
  });

  test("[unit] keys that turn compile everything under the keys now in use", async () => {
    term.turnKeys();
    feed.put(consumer("dave", "k-4"));
    await called(2);
    expect(calls().at(-1)).toBe("some: Consumer/dave");
  });
});

describe("the end", () => {
  test("[unit] comes with the signal: nothing is published after it", async () => {
    feed.put(consumer("alice", "k-1"));
    publisher.takesLead();
    await called(1);
    ended.abort();
    await running;
    feed.put(consumer("bob", "k-2"));
    await new Promise(setImmediate);
    expect(calls()).toHaveLength(1);
    expect(publisher.calls).toContain("resign");
  });

  test("[unit] comes when another leader has taken over", async () => {
    feed.put(consumer("alice", "k-1"));
    publisher.takesLead();
    await called(1);
    publisher.settle("over");
    await running;
    expect(publisher.calls).toContain("resign");
  });
});
