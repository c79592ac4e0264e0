// What requests look things up in: whose keys identify where, which credentials open, which backends a route reaches.

import { describe, expect, test } from "vitest";
import { LiveConfig } from "../../../dataplane/config/gateway-config.ts";
import type { Snapshot } from "../../../dataplane/config/snapshot.ts";
import type { CompiledBackend, CompiledObject } from "../../../dataplane/contract/compiled.ts";
import { seal } from "../../../dataplane/contract/keyring.ts";
import { aBackend, aConsumer, aLimit, aPolicy, aRoute, ringFor } from "./builders.ts";

function snapshotOf(objects: readonly CompiledObject[], onLocked: (b: CompiledBackend) => void = () => {}): Snapshot {
  const live = new LiveConfig({ ringFor, systemNamespace: "system", prefix: "airl:", onLocked });
  live.replace(objects);
  return live.current().snapshot;
}

describe("identification", () => {
  const snapshot = snapshotOf([
    aConsumer({ namespace: "a", name: "anna", keys: ["anna-1", "anna-2"] }),
    aConsumer({ namespace: "a", name: "twin", keys: ["same-key"] }),
    aConsumer({ namespace: "b", name: "bert", keys: ["bert-key"] }),
    aConsumer({ namespace: "b", name: "other-twin", keys: ["same-key"] }),
    aConsumer({ namespace: "system", name: "root", keys: ["root-key"] }),
  ]);

  test.for([
    { name: "a consumer identifies in its own namespace", namespace: "a", key: "anna-1", found: "a/anna" },
    { name: "each of its keys identifies it", namespace: "a", key: "anna-2", found: "a/anna" },
    { name: "it does not identify in another namespace", namespace: "b", key: "anna-1", found: undefined },
    { name: "nor in the system namespace", namespace: "system", key: "anna-1", found: undefined },
    {
      name: "the system namespace's consumer identifies in every namespace",
      namespace: "a",
      key: "root-key",
      found: "system/root",
    },
    { name: "also where no consumer is", namespace: "empty", key: "root-key", found: "system/root" },
    { name: "and in its own", namespace: "system", key: "root-key", found: "system/root" },
    { name: "one key in two namespaces is two consumers", namespace: "a", key: "same-key", found: "a/twin" },
    { name: "each in its own", namespace: "b", key: "same-key", found: "b/other-twin" },
    { name: "a part of a key is no key", namespace: "a", key: "anna-", found: undefined },
    { name: "a longer text is no key", namespace: "a", key: "anna-1 ", found: undefined },
    { name: "nothing is no key", namespace: "a", key: "", found: undefined },
    {
      name: "the stored HMAC is no key",
      namespace: "a",
      key: aConsumer({ namespace: "a", name: "anna" }).credentials[0]?.keyHmacs[0] ?? "",
      found: undefined,
    },
    {
      name: "the name of an object's property is no namespace",
      namespace: "__proto__",
      key: "anna-1",
      found: undefined,
    },
  ])("[unit] $name", ({ namespace, key, found }) => {
    expect(snapshot.identify(namespace, key)?.consumer.displayName).toBe(found);
  });

  test("[unit] a key found in the namespace itself comes before the system namespace's", () => {
    const both = snapshotOf([
      aConsumer({ namespace: "system", name: "root", keys: ["k"] }),
      aConsumer({ namespace: "a", name: "anna", keys: ["k"] }),
    ]);
    expect(both.identify("a", "k")?.consumer.displayName).toBe("a/anna");
  });

  test("[unit] one consumer is one record, whichever key is presented", () => {
    const [one, other] = ["anna-1", "anna-2"].map((key) => snapshot.identify("a", key));
    expect(one?.consumer).toBe(other?.consumer);
    expect([one?.credential, other?.credential]).toEqual(["key-0", "key-1"]);
  });
});

describe("backends", () => {
  const binding = {
    namespace: "default",
    name: "openai",
    provider: "OpenAI",
    origin: "https://api.openai.com",
    authType: "APIKey",
  };
  const apiKey = (sealed: string[]): CompiledBackend["auth"] => ({
    type: "APIKey",
    header: "Authorization",
    prefix: "Bearer ",
    sealed,
  });
  const sealed = ringFor("default").map((keys) => seal(keys, binding, "sk-1"));

  function backendOf(backend: CompiledBackend, broken: CompiledBackend[] = []) {
    const snapshot = snapshotOf([backend, aRoute({ namespace: backend.namespace })], (b) => broken.push(b));
    return snapshot.routes
      .find({ method: "POST", host: "", path: "/", header: () => undefined })
      ?.route.balancer.pick();
  }

  test("[unit] a credential opens into the header it is sent in, name in lower case", () => {
    expect(backendOf(aBackend({ auth: apiKey(sealed) }))?.credential).toEqual({
      header: "authorization",
      value: "Bearer sk-1",
    });
  });

  test("[unit] the provider is compared in lower case", () => {
    expect(backendOf(aBackend({ provider: "OpenAICompatible" }))?.provider).toBe("openaicompatible");
  });

  test.for([
    { name: "to another endpoint", moved: aBackend({ origin: "https://evil.example", auth: apiKey(sealed) }) },
    { name: "to another backend's name", moved: aBackend({ name: "copy", auth: apiKey(sealed) }) },
    { name: "to another namespace", moved: aBackend({ namespace: "other", auth: apiKey(sealed) }) },
  ])("[unit] a credential that was moved $name does not open: it is told, and nothing is sent there", ({ moved }) => {
    const broken: CompiledBackend[] = [];
    const route = aRoute({ namespace: moved.namespace, backends: [{ name: moved.name, weight: 1 }] });
    const snapshot = snapshotOf([route, moved], (b) => broken.push(b));
    const found = snapshot.routes
      .find({ method: "POST", host: "", path: "/", header: () => undefined })
      ?.route.balancer.pick();
    expect(found).toBeUndefined();
    expect(broken).toEqual([moved]);
  });

  test("[unit] a route reaches backends of its own namespace only, and skips those that do not exist", () => {
    const route = aRoute({
      namespace: "a",
      backends: [
        { name: "gone", weight: 9 },
        { name: "mine", weight: 1 },
        { name: "theirs", weight: 9 },
      ],
    });
    const mine = aBackend({ namespace: "a", name: "mine" });
    const { routes } = snapshotOf([route, mine, aBackend({ namespace: "b", name: "theirs" })]);
    const balancer = routes.find({ method: "POST", host: "", path: "/", header: () => undefined })?.route.balancer;
    expect([balancer?.pick()?.compiled, balancer?.pick()?.compiled]).toEqual([mine, mine]);
  });

  test("[unit] a backend of weight 0 stays out of use when the one beside it is missing", () => {
    const backends = [
      { name: "gone", weight: 1 },
      { name: "openai", weight: 0 },
    ];
    const { routes } = snapshotOf([aRoute({ backends }), aBackend()]);
    const record = routes.find({ method: "POST", host: "", path: "/", header: () => undefined })?.route;
    expect(record?.missing).toEqual(["gone"]);
    expect(record?.balancer.pick()).toBeUndefined();
  });

  test.for([
    { name: "by weight among those of one dialect", weights: [1, 2, 1], openai: ["a", "c"], anthropic: ["b"] },
    { name: "never with weight 0 beside positive ones", weights: [1, 0, 0], openai: ["a"], anthropic: [] },
    { name: "in rotation when all weights are 0", weights: [0, 0, 0], openai: ["a", "c"], anthropic: ["b"] },
  ])("[unit] a route picks for a dialect $name", ({ weights, openai, anthropic }) => {
    const backends = [
      aBackend({ name: "a" }),
      aBackend({ name: "b", provider: "Anthropic" }),
      aBackend({ name: "c", provider: "OpenAICompatible" }),
    ];
    const route = aRoute({ backends: backends.map(({ name }, i) => ({ name, weight: weights[i] ?? 0 })) });
    const { routes } = snapshotOf([...backends, route]);
    const record = routes.find({ method: "POST", host: "", path: "/", header: () => undefined })?.route;
    for (const [dialect, names] of [
      ["OpenAI", openai],
      ["Anthropic", anthropic],
    ] as const) {
      const able = record?.byDialect[dialect];
      const picked = Array.from({ length: 4 }, () => able?.balancer.pick()?.name).filter((name) => name !== undefined);
      expect([...new Set(picked)].sort()).toEqual(names);
      expect(able?.isEmpty).toBe(names.length === 0);
    }
  });

  test("[unit] a route without any backend has nothing to pick", () => {
    expect(
      snapshotOf([aRoute()])
        .routes.find({ method: "POST", host: "", path: "/", header: () => undefined })
        ?.route.balancer.pick(),
    ).toBeUndefined();
  });
});

describe("policies", () => {
  test("[unit] belong to their namespace, in the order given, and their limits know them", () => {
    const first = aPolicy({ namespace: "a", name: "first", limits: [aLimit({ name: "x" }), aLimit({ name: "y" })] });
    const second = aPolicy({ namespace: "a", name: "second" });
    const snapshot = snapshotOf([first, aPolicy({ namespace: "b" }), second]);
    expect(snapshot.policiesOf("a").map(({ compiled }) => compiled)).toEqual([first, second]);
    const records = snapshot.policiesOf("a")[0]?.limits ?? [];
    expect(records.map(({ limit }) => limit.policy)).toEqual([
      { namespace: "a", name: "first" },
      { namespace: "a", name: "first" },
    ]);
    expect(records.map(({ limit, policy }) => [limit.name, policy.compiled])).toEqual([
      ["x", first],
      ["y", first],
    ]);
    expect(snapshot.policiesOf("nowhere")).toEqual([]);
  });
});
