// Changes one after another, each timed from the API server's answer until every gateway enforces it, and until the status
// says so.

import { Agent } from "node:http";
import { type CallResult, CHAT_BODY, call } from "../../helpers/http-call.ts";
import type { Product, RunningGateway } from "../../helpers/product-under-test.ts";
import { sleep } from "./figures.ts";
import { expectDone, FIRST_LIMIT, hashedConsumer, pathOf, policy, secret, secretConsumer } from "./objects.ts";

export interface Timing {
  readonly kind: string;
  readonly enforcedMs: number;
  /** Undefined: not asked for, or the object is gone. Infinity: not within STATUS_MS. */
  readonly statusMs: number | undefined;
}

export interface Bench {
  readonly product: Product;
  readonly gateways: readonly RunningGateway[];
}

interface Change {
  readonly kind: string;
  readonly write: () => Promise<{ readonly atMs: number; readonly object: Record<string, unknown> }>;
  readonly key: string;
  readonly isEnforced: (answer: CallResult) => boolean;
  /** The object whose status tells; its condition. */
  readonly told?: readonly [plural: string, name: string, condition: string];
}

/** Between two looks at a gateway: short against what is measured, long enough to leave the processors to others. */
const LOOK_MS = 2;
const ENFORCED_WITHIN_MS = 60_000;
const STATUS_MS = 15_000;

const agent = new Agent({ keepAlive: true });

export async function measureChanges(bench: Bench, count: number): Promise<readonly Timing[]> {
  const timings: Timing[] = [];
  const makers = createMakers(bench);
  for (let i = 0; i < count; i += 1) {
    const make = makers[i % makers.length];
    if (make !== undefined) timings.push(await measure(bench, make(Math.floor(i / makers.length))));
    await sleep(Math.random() * 50);
  }
  return timings;
}

let serial = 0;

/** Makes the objects that are changed, and returns what changes them. */
function createMakers({ product: { cluster } }: Bench): readonly ((round: number) => Change)[] {
  const accepted = ({ status }: CallResult): boolean => status === 200;
  const refused = ({ status }: CallResult): boolean => status === 401;
  serial += 1;
  const run = String(serial);
  const nameOf = (round: number): string => `probe-${run}-${String(round)}`;
  return [
    (round) => {
      const name = nameOf(round);
      const key = `sk-${name}-a`;
      const write = () => expectDone(cluster, `POST ${pathOf("consumers")}`, hashedConsumer(name, key));
      return { kind: "new consumer", write, key, isEnforced: accepted, told: ["consumers", name, "Programmed"] };
    },
    (round) => {
      const name = nameOf(round);
      const key = `sk-${name}-b`;
      const write = () => replace(cluster, pathOf("consumers", name), hashedConsumer(name, key));
      return { kind: "new key", write, key, isEnforced: accepted, told: ["consumers", name, "Programmed"] };
    },
    (round) => {
      const key = `sk-${nameOf(round)}-b`;
      const write = () => expectDone(cluster, `DELETE ${pathOf("consumers", nameOf(round))}`);
      return { kind: "consumer removed", write, key, isEnforced: refused };
    },
    (round) => {
      const key = `sk-secret-${nameOf(round)}`;
      const write = () => replace(cluster, pathOf("secrets", "probe"), secret("probe", key));
      return { kind: "new key in the Secret", write, key, isEnforced: accepted };
    },
    (round) => {
      const limit = FIRST_LIMIT + serial * 10_000 + round;
      const body = policy("probe", { consumers: ["watched"], limit });
      const write = () => replace(cluster, pathOf("airatelimitpolicies", "probe"), body);
      const isEnforced = ({ headers }: CallResult): boolean =>
        Object.entries(headers).some(
          ([name, value]) => name.startsWith("x-ai-ratelimit-limit-") && value === String(limit),
        );
      const told = ["airatelimitpolicies", "probe", "Enforced"] as const;
      return { kind: "new limit", write, key: "sk-watched", isEnforced, told };
    },
  ];
}

/** The objects that are there for every run. */
export async function makeProbes({ cluster }: Product): Promise<void> {
  await expectDone(cluster, `POST ${pathOf("consumers")}`, hashedConsumer("watched", "sk-watched"));
  const body = policy("probe", { consumers: ["watched"], limit: FIRST_LIMIT });
  await expectDone(cluster, `POST ${pathOf("airatelimitpolicies")}`, body);
  await expectDone(cluster, `POST ${pathOf("secrets")}`, secret("probe", "sk-probe"));
  await expectDone(cluster, `POST ${pathOf("consumers")}`, secretConsumer("probe"));
}

async function replace(cluster: Product["cluster"], path: string, body: object): ReturnType<typeof expectDone> {
  const patch = path.includes("/secrets/") ? { data: read(body, "data") } : { spec: read(body, "spec") };
  return await expectDone(cluster, `PATCH ${path}`, patch);
}

function read(body: object, field: string): unknown {
  return Object.entries(body).find(([name]) => name === field)?.[1];
}

async function measure(bench: Bench, change: Change): Promise<Timing> {
  const looks = bench.gateways.map(({ origin }) => enforcedAt(origin, change));
  const { atMs, object } = await change.write();
  const enforced = await Promise.all(looks);
  const enforcedMs = Math.max(0, ...enforced.map((at) => at - atMs));
  const statusMs = change.told && (await statusAfter(bench, { ...change, told: change.told }, { atMs, object }));
  return { kind: change.kind, enforcedMs, statusMs };
}

async function enforcedAt(origin: string, { key, isEnforced, kind }: Change): Promise<number> {
  const startMs = performance.now();
  for (;;) {
    const answer = await ask(origin, key);
    if (isEnforced(answer)) return performance.now();
    if (performance.now() - startMs > ENFORCED_WITHIN_MS) throw new Error(`${kind}: not in force on ${origin}`);
    await sleep(LOOK_MS);
  }
}

export function ask(origin: string, key: string): Promise<CallResult> {
  return call(origin, { path: "/v1/chat/completions", headers: { apikey: key }, body: CHAT_BODY }, agent);
}

interface Answer {
  readonly atMs: number;
  readonly object: Record<string, unknown>;
}

async function statusAfter(
  { product: { cluster } }: Bench,
  { told: [plural, name, type] }: { readonly told: readonly [string, string, string] },
  { atMs, object }: Answer,
): Promise<number> {
  const generation = generationOf(object);
  for (;;) {
    const { object: seen } = await expectDone(cluster, `GET ${pathOf(plural, name)}`);
    const nowMs = performance.now();
    if (isTold(seen, type, generation)) return nowMs - atMs;
    if (nowMs - atMs > STATUS_MS) return Infinity;
    await sleep(20);
  }
}

function generationOf(object: Record<string, unknown>): unknown {
  const { metadata } = object;
  return typeof metadata === "object" && metadata !== null ? read(metadata, "generation") : undefined;
}

function isTold({ status }: Record<string, unknown>, type: string, generation: unknown): boolean {
  const conditions = typeof status === "object" && status !== null ? read(status, "conditions") : undefined;
  if (!Array.isArray(conditions)) return false;
  const found: unknown = conditions.find((each: { readonly type?: unknown }) => each.type === type);
  if (typeof found !== "object" || found === null) return false;
  return read(found, "status") === "True" && read(found, "observedGeneration") === generation;
}
