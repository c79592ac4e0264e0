// What a taker is told of the cluster: everything first, then what changes, and Secrets with what names them.

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { ManifestChange } from "../../compiler/incremental.ts";
import { isRecord } from "../../compiler/is-record.ts";
import { type ClusterFeed, createClusterFeed } from "../../controller/cluster-feed.ts";
import { machineClock } from "../../controller/kube/clock.ts";
import type { KubeApi } from "../../controller/kube/kube-api.ts";
import { createKubeClient } from "../../controller/kube/kube-client.ts";
import { eventually } from "../helpers/clock.ts";
import { type FakeKubeApi, startFakeKubeApi } from "../helpers/fake-kube-api.ts";

let fake: FakeKubeApi;
let api: KubeApi;
let feed: ClusterFeed;

beforeEach(async () => {
  fake = await startFakeKubeApi();
  api = createKubeClient({ kubeconfig: fake.kubeconfig });
  feed = createClusterFeed({ api, namespaces: undefined, clock: machineClock, random: () => 0.5, report: () => {} });
});
afterEach(async () => {
  await feed.stop();
  api.close();
  await fake.close();
});

function putConsumer(name: string, secret: string): void {
  const credentials = [{ name: "main", apiKey: { secretRef: { name: secret, key: "key" } } }];
  fake.put("consumers", { metadata: { name, namespace: "ai" }, spec: { credentials } });
}

function putSecret(name: string, value: string): void {
  const data = { key: Buffer.from(value).toString("base64"), unused: "eA==" };
  fake.put("secrets", { metadata: { name, namespace: "ai" }, type: "Opaque", data });
}

/** "+Consumer/ai/a", "-Secret/ai/s"; Secrets with what they hold. */
function textOf(change: ManifestChange): string {
  if (change.type === "Delete") return `-${change.ref.kind}/${change.ref.namespace}/${change.ref.name}`;
  const { manifest } = change;
  const metadata = isRecord(manifest) && isRecord(manifest["metadata"]) ? manifest["metadata"] : {};
  const data = isRecord(manifest) && isRecord(manifest["data"]) ? `=${JSON.stringify(manifest["data"])}` : "";
  const kind = isRecord(manifest) ? String(manifest["kind"]) : "";
  return `+${kind}/${String(metadata["namespace"])}/${String(metadata["name"])}${data}`;
}

function subscribe(): { next: () => Promise<readonly string[]>; readonly taken: () => readonly string[] } {
  const subscription = feed.subscribe(() => {});
  const taken = (): readonly string[] => Array.from(subscription.take(), textOf).toSorted();
  return {
    taken,
    async next() {
      let found: readonly string[] = [];
      await eventually("something is told", () => {
        found = taken();
        return found.length > 0;
      });
      return found;
    },
  };
}

const key = (value: string): string => `={"key":"${Buffer.from(value).toString("base64")}"}`;

describe("the first state", () => {
  test("[controller] is told as a whole, Secrets that are named included and no others", async () => {
    putConsumer("alice", "alice-key");
    putConsumer("bob", "absent");
    putSecret("alice-key", "k-1");
    putSecret("unrelated", "k-2");
    feed.start();
    const { taken, next } = subscribe();
    expect(taken()).toEqual([]);
    expect(feed.missing().length).toBeGreaterThan(0);
    expect(await next()).toEqual([
      "+Consumer/ai/alice",
      "+Consumer/ai/bob",
      `+Secret/ai/alice-key${key("k-1")}`,
      "-Secret/ai/absent",
    ]);
    expect(feed.missing()).toEqual([]);
    expect(taken()).toEqual([]);
  });

  test("[controller] is told again to the next taker", async () => {
    putConsumer("alice", "alice-key");
    putSecret("alice-key", "k-1");
    feed.start();
    const first = await subscribe().next();
    expect(await subscribe().next()).toEqual(first);
  });
});

describe("later changes", () => {
  test("[controller] are told once, each object as it stands when they are taken", async () => {
    putConsumer("alice", "alice-key");
    putSecret("alice-key", "k-1");
    feed.start();
    const { next, taken } = subscribe();
    await next();
    putSecret("alice-key", "k-2");
    expect(await next()).toEqual([`+Secret/ai/alice-key${key("k-2")}`]);
    fake.remove("consumers", "ai", "alice");
    expect(await next()).toContain("-Consumer/ai/alice");
    expect(taken()).toEqual([]);
  });

  test("[controller] a Secret that is named just now comes with what names it, not after", async () => {
    putSecret("new", "k-9");
    feed.start();
    const { next, taken } = subscribe();
    await eventually("the first state is known", () => feed.missing().length === 0);
    taken();
    putConsumer("carol", "new");
    expect(await next()).toEqual(["+Consumer/ai/carol", `+Secret/ai/new${key("k-9")}`]);
  });

  test("[controller] a Secret named by what was in force stays known until the edit is confirmed", async () => {
    putConsumer("alice", "first");
    putSecret("first", "k-1");
    putSecret("second", "k-2");
    feed.start();
    const { next } = subscribe();
    await next();
    feed.confirm("Consumer", { namespace: "ai", name: "alice" });
    putConsumer("alice", "second");
    expect(await next()).toEqual(["+Consumer/ai/alice", `+Secret/ai/second${key("k-2")}`]);
    putSecret("first", "k-3");
    expect(await next()).toEqual([`+Secret/ai/first${key("k-3")}`]);
    feed.confirm("Consumer", { namespace: "ai", name: "alice" });
    putSecret("first", "k-4");
    putSecret("second", "k-5");
    expect((await next()).filter((text) => text.startsWith("+"))).toEqual([`+Secret/ai/second${key("k-5")}`]);
  });
});
