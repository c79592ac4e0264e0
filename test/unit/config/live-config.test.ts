// What a change of the configuration leaves as it is, and what it takes away at once.

import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { LiveConfig } from "../../../dataplane/config/gateway-config.ts";
import type { CompiledObject } from "../../../dataplane/contract/compiled.ts";
import { createRing, hashKey, keyHmac, seal } from "../../../dataplane/contract/keyring.ts";
import { aBackend, aConsumer, aPolicy, aRoute, ringFor } from "./builders.ts";

function liveWith(objects: readonly CompiledObject[], locked: string[] = []): LiveConfig {
  const onLocked = ({ name }: { readonly name: string }): void => void locked.push(name);
  const live = new LiveConfig({ ringFor, systemNamespace: "system", prefix: "t:", onLocked });
  live.replace(objects);
  return live;
}

function routeOf(live: LiveConfig) {
  return live.current().snapshot.routes.find({ method: "POST", host: "", path: "/", header: () => undefined })?.route;
}

function credentialOf(live: LiveConfig): string | undefined {
  return routeOf(live)?.balancer.pick()?.credential?.value;
}

const alice = aConsumer({ name: "alice" });
const bob = aConsumer({ name: "bob" });
const name = { namespace: "default", kind: "Consumer" as const, name: "alice" };

test("[unit] a change of consumers leaves routes, policies and what is cached by them", () => {
  const live = liveWith([alice, aRoute(), aBackend(), aPolicy()]);
  const before = live.current();
  const record = before.snapshot.identify("default", "alice-key");
  live.change({ set: [bob, { ...alice }], removed: [] });
  expect(live.current()).toBe(before);
  expect(before.snapshot.identify("default", "alice-key")).toBe(record);
});

test("[unit] a changed consumer is a new record", () => {
  const live = liveWith([alice]);
  const { snapshot } = live.current();
  const before = snapshot.identify("default", "alice-key");
  live.change({ set: [aConsumer({ name: "alice", groups: ["gold"] })], removed: [] });
  expect(snapshot.identify("default", "alice-key")).not.toBe(before);
  expect(snapshot.identify("default", "alice-key")?.consumer.groups).toEqual(["gold"]);
});

test.for([
  { rule: "a renamed credential is told by its new name", changed: { credentials: "new" } },
  { rule: "another customID is there", changed: { customID: "acct-43" } },
])("[unit] from the next request on $rule, also where the key was used before", ({ changed }) => {
  const live = liveWith([alice]);
  const { snapshot } = live.current();
  expect(snapshot.identify("default", "alice-key")).toMatchObject({ credential: "key-0" });
  const { credentials, ...rest } = changed;
  const renamed = alice.credentials.map((each) => ({ ...each, name: credentials ?? each.name }));
  live.change({ set: [{ ...alice, ...rest, credentials: renamed }], removed: [] });
  expect(snapshot.identify("default", "alice-key")).toMatchObject({
    credential: credentials ?? "key-0",
    consumer: { name: "alice", customID: rest.customID },
  });
});

test.for([
  { rule: "of a removed consumer", change: { set: [], removed: [name] } },
  {
    rule: "that its consumer has no more",
    change: { set: [aConsumer({ name: "alice", keys: ["new"] })], removed: [] },
  },
])("[unit] a key $rule is refused at once, also by requests that began before", ({ change }) => {
  const live = liveWith([alice, bob]);
  const { snapshot } = live.current();
  expect(snapshot.identify("default", "alice-key")).toBeDefined();
  live.change(change);
  expect(snapshot.identify("default", "alice-key")).toBeUndefined();
  expect(snapshot.identify("default", "bob-key")).toBeDefined();
});

test("[unit] a key of the system namespace becomes a namespace's own as soon as that has it", () => {
  const live = liveWith([aConsumer({ namespace: "system", name: "root", keys: ["k"] })]);
  const { snapshot } = live.current();
  expect(snapshot.identify("default", "k")?.consumer.displayName).toBe("system/root");
  live.change({ set: [aConsumer({ name: "anna", keys: ["k"] })], removed: [] });
  expect(snapshot.identify("default", "k")?.consumer.displayName).toBe("default/anna");
});

test("[unit] a route keeps its balancer's turns while other objects change", () => {
  const backends = [aBackend({ name: "a" }), aBackend({ name: "b" })];
  const route = aRoute({ backends: backends.map((each) => ({ name: each.name, weight: 1 })) });
  const live = liveWith([route, ...backends]);
  const first = routeOf(live);
  live.change({ set: [aPolicy(), aBackend({ name: "c" })], removed: [] });
  expect(routeOf(live)).toBe(first);
  live.change({ set: [aBackend({ name: "a", origin: "https://elsewhere.example" })], removed: [] });
  expect(routeOf(live)).not.toBe(first);
});

const OLD = createHash("sha256").update("an older master").digest();
const NEW = createHash("sha256").update("a newer master").digest();

function objectsUnder(masters: readonly Buffer[]): CompiledObject[] {
  const ring = createRing(masters)("default");
  const binding = {
    namespace: "default",
    name: "openai",
    provider: "OpenAI",
    origin: "https://api.openai.com",
    authType: "APIKey",
  };
  const sealed = ring.map((keys) => seal(keys, binding, "sk-1"));
  return [
    {
      ...aConsumer(),
      credentials: [{ name: "k", keyHmacs: ring.map((keys) => keyHmac(keys, hashKey("alice-key"))) }],
    },
    aBackend({ auth: { type: "APIKey", header: "Authorization", prefix: "Bearer ", sealed } }),
    aRoute(),
  ];
}

test.for([
  {
    rule: "both masters are published and the ring moves to the newer",
    published: [NEW, OLD],
    ring: [NEW],
    works: true,
  },
  { rule: "only the older is published and the ring loses it", published: [OLD], ring: [NEW], works: false },
])("[unit] when $rule, keys and credentials work on: $works", ({ published, ring, works }) => {
  const locked: string[] = [];
  const live = liveWith(objectsUnder(published), locked);
  live.useRing(createRing([OLD]));
  locked.length = 0;
  expect(live.current().snapshot.identify("default", "alice-key")?.consumer.name).toBe("alice");
  expect(credentialOf(live)).toBe("Bearer sk-1");
  live.useRing(createRing(ring));
  expect(live.current().snapshot.identify("default", "alice-key")?.consumer.name).toBe(works ? "alice" : undefined);
  expect(credentialOf(live)).toBe(works ? "Bearer sk-1" : undefined);
  expect(locked).toEqual(works ? [] : ["openai"]);
});

test("[unit] a locked backend gets nothing, and one with weight 0 does not take its place", () => {
  const locked = aBackend({
    name: "locked",
    auth: { type: "APIKey", header: "Authorization", prefix: "", sealed: ["00000000.AAAA"] },
  });
  const backends = [
    { name: "locked", weight: 1 },
    { name: "openai", weight: 0 },
  ];
  const live = liveWith([locked, aBackend(), aRoute({ backends })]);
  expect(routeOf(live)?.balancer.pick()).toBeUndefined();
  expect(routeOf(live)?.byDialect.OpenAI.isEmpty).toBe(false);
  expect(routeOf(live)?.byDialect.OpenAI.balancer.pick()).toBeUndefined();
});
