// A small world to try one option in: three consumers, two backends, a route to each, one policy, a clock that stands
// still, and a provider whose answers report 5 prompt and 7 completion tokens. A scene says what is otherwise in it.

import { expect } from "vitest";
import type { Finding } from "../../compiler/finding.ts";
import { aBackend, aConsumer, aLimit, aPolicy, aRoute, type Manifest } from "../compiler/manifest-builders.ts";
import { createFakeClock } from "../helpers/clock.ts";
import { type GatewayUnderTest, startGateway } from "../helpers/gateway-under-test.ts";
import { type CallResult, call } from "../helpers/http-call.ts";
import {
  answersChat,
  type ReceivedRequest,
  type Script,
  type ScriptedUpstream,
  startScriptedUpstream,
} from "../helpers/scripted-upstream.ts";

/** Everything is a part of a spec that replaces or adds to what the world has. */
export interface Scene {
  /** Of policy "team", in place of its one limit of 12 tokens a minute. */
  readonly limits?: readonly Manifest[];
  /** Further fields of policy "team". */
  readonly policy?: Manifest;
  /** Further policies, by name. */
  readonly policies?: Readonly<Record<string, Manifest>>;
  /** Further fields of the spec of a route: "chat" (/v1) or "other" (/other). */
  readonly routes?: Readonly<Record<string, Manifest>>;
  readonly backends?: Readonly<Record<string, Manifest>>;
  readonly consumers?: Readonly<Record<string, Manifest>>;
  readonly script?: Script;
  readonly trustedProxies?: readonly string[];
}

export interface Ask {
  /** Key of the caller in header apikey; default alice's, "" for none. */
  readonly key?: string;
  readonly path?: string;
  readonly method?: string;
  readonly model?: string;
  readonly headers?: Readonly<Record<string, string | string[]>>;
  readonly text?: string;
  /** Members of the body beside model and messages. */
  readonly body?: Manifest;
}

export interface World {
  /** One chat request. */
  ask(options?: Ask): Promise<CallResult>;
  /** Statuses of requests one after the other. */
  statuses(...asks: readonly Ask[]): Promise<readonly number[]>;
  /** Value of a response header of one chat request. */
  header(name: string, options?: Ask): Promise<string | undefined>;
  advance(ms: number): void;
  readonly received: readonly ReceivedRequest[];
  metric(name: string): Promise<number>;
  /** From here on the world is that of another scene; counters stay. */
  reconfigure(scene: Scene): void;
}

export interface OptionCase {
  /** What the option changes, as a sentence. */
  readonly name: string;
  readonly without: Scene;
  readonly with: Scene;
  /** What is looked at; the same in both scenes. */
  readonly play: (world: World) => Promise<unknown>;
  readonly shows: { readonly without: unknown; readonly with: unknown };
}

/** Cases as they are written: what `play` is given needs no type there. */
export function optionCases(cases: readonly OptionCase[]): readonly OptionCase[] {
  return cases;
}

export const ALICE: Ask = { key: "key-alice" };
export const BOB: Ask = { key: "key-bob" };
export const CAROL: Ask = { key: "key-carol" };

export const MINUTE_MS = 60_000;

/** The first moment of a minute, an hour and a day that is no 1st and no Monday: Friday, 18 April 2025, UTC. */
export const START_MS = Date.UTC(2025, 3, 18);

/** A limit of 12 tokens a minute named "l": one request of the world's uses it up. */
export function tokens(changes: Manifest = {}): Manifest {
  return aLimit({ name: "l", limit: 12, ...changes });
}

/** Headers of answers that tell of limits, by lower-case name. */
export function limitHeaders({ headers }: CallResult): Readonly<Record<string, string>> {
  const told = Object.entries(headers).filter(([name]) => /^x-ai-|^ratelimit|^retry-after|^x-ratelimit/.test(name));
  return Object.fromEntries(told.map(([name, value]) => [name, String(value)]));
}

export async function inWorld<T>(scene: Scene, play: (world: World) => Promise<T>): Promise<T> {
  const upstream = await startScriptedUpstream(scene.script ?? answersChat());
  const clock = createFakeClock(START_MS);
  const { trustedProxies = [] } = scene;
  let gateway: GatewayUnderTest | undefined;
  try {
    gateway = await startGateway(yamlOf(scene, upstream.origin), {
      nowMs: () => clock.nowMs(),
      trustedProxies,
      random: rising(),
    });
    expectValid(gateway.findings);
    return await play(createWorld(gateway, upstream, (ms) => clock.advance(ms)));
  } finally {
    await gateway?.stop();
    await upstream.close();
  }
}

/** Numbers from 0 to below 1, each another one. */
function rising(): () => number {
  let drawn = 0;
  return () => (drawn++ % 100) / 100;
}

function expectValid(findings: readonly Finding[]): void {
  expect(findings.filter(({ severity }) => severity === "error")).toEqual([]);
}

function createWorld(
  gateway: GatewayUnderTest,
  { received, origin }: ScriptedUpstream,
  advance: (ms: number) => void,
): World {
  const ask = (options: Ask = {}): Promise<CallResult> => {
    const {
      key = "key-alice",
      path = "/v1/chat/completions",
      model = "gpt-4o",
      text = "Hi.",
      method = "POST",
    } = options;
    const identity = key === "" ? {} : { apikey: key };
    const body = JSON.stringify({ model, messages: [{ role: "user", content: text }], ...options.body });
    return call(gateway.origin, { method, path, headers: { ...identity, ...options.headers }, body });
  };
  return {
    ask,
    async statuses(...asks) {
      const seen: number[] = [];
      for (const each of asks) seen.push((await ask(each)).status);
      return seen;
    },
    async header(name, options) {
      const value = (await ask(options)).headers[name.toLowerCase()];
      return value === undefined ? undefined : String(value);
    },
    advance,
    received,
    metric: (name) => gateway.metric(name),
    reconfigure(scene) {
      expectValid(gateway.applyYaml(yamlOf(scene, origin)));
    },
  };
}

const CONSUMERS: Readonly<Record<string, Manifest>> = {
  alice: { groups: ["gold"] },
  bob: { groups: ["gold"] },
  carol: { groups: ["silver"] },
};

function yamlOf(scene: Scene, origin: string): string {
  return manifestsOf(scene, origin)
    .map((manifest) => JSON.stringify(manifest))
    .join("\n---\n");
}

function manifestsOf(scene: Scene, origin: string): readonly Manifest[] {
  const consumers = Object.entries({ ...CONSUMERS, ...scene.consumers }).map(([name, spec]) => {
    const credentials = [{ name: "main", apiKey: { value: `key-${name}` } }];
    return aConsumer({ name }, { credentials, ...CONSUMERS[name], ...spec });
  });
  const backends = ["openai", "bedrock"].map((name) =>
    aBackend({ name }, { provider: "OpenAICompatible", endpoint: origin, ...scene.backends?.[name] }),
  );
  const routes = [aRouteTo("chat", "/v1", "openai"), aRouteTo("other", "/other", "bedrock")].map((route) => {
    const { name, spec } = route;
    return aRoute({ name }, { ...spec, ...scene.routes?.[name] });
  });
  const { limits = [tokens()], policy = {}, policies = {} } = scene;
  return [
    ...consumers,
    ...backends,
    ...routes,
    aPolicy({ name: "team" }, { limits, ...policy }),
    ...Object.entries(policies).map(([name, spec]) => aPolicy({ name }, spec)),
  ];
}

function aRouteTo(name: string, path: string, backend: string): { readonly name: string; readonly spec: Manifest } {
  const matches = [{ path: { type: "PathPrefix", value: path } }];
  return { name, spec: { matches, backendRefs: [{ name: backend }] } };
}
