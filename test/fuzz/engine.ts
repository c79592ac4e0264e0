// Fuzzes one target: takes an input of its pool, mutates it, runs it, keeps what gave a new kind of outcome. What fails is
// made smaller as long as it fails in the same way. Knows no files and no command line.

import { mutateBytes } from "./mutate-bytes.ts";
import { mutateJson } from "./mutate-json.ts";
import { mutateSse } from "./mutate-sse.ts";
import { createRandom, type Random } from "./random.ts";
import type { FuzzTarget } from "./target.ts";

export interface Budget {
  readonly seed: number;
  /** Whichever is reached first ends the run. */
  readonly seconds: number;
  readonly cases: number;
}

export interface Finding {
  readonly target: string;
  readonly input: Buffer;
  readonly message: string;
}

export interface RunResult {
  readonly target: string;
  readonly cases: number;
  readonly ms: number;
  /** Kinds of outcome that were seen. */
  readonly kinds: number;
  readonly slowestMs: number;
  readonly findings: readonly Finding[];
}

/** Told of each case before it runs, so that one that never ends can still be saved. */
export type Watch = (input: Buffer) => void;

const DEFAULT_MAX_BYTES = 65_536;
const DEFAULT_MAX_MS = 250;
const MAX_POOL = 2_000;
/** Long inputs are made now and then; started from, they would take all the time. */
const MAX_POOLED_BYTES = 4_096;
const MAX_FINDINGS = 5;
const SHRINK_MS = 3_000;
/** How often memory is looked at, and how much may be in use when the collector has had a chance. */
const CASES_BETWEEN_MEMORY_CHECKS = 512;
const MAX_MEMORY_BYTES = 768 * 1_048_576;

export function fuzz(
  target: FuzzTarget,
  corpus: readonly Buffer[],
  budget: Budget,
  watch: Watch = () => undefined,
): RunResult {
  const random = createRandom(budget.seed, target.name);
  const pool = [...target.seeds.map((text) => Buffer.from(text, "utf8")), ...corpus];
  const kinds = new Set<string>();
  const findings = new Map<string, Finding>();
  const startedAt = performance.now();
  let cases = 0;
  let slowestMs = 0;
  const isOver = (): boolean =>
    cases >= budget.cases || findings.size >= MAX_FINDINGS || performance.now() - startedAt > budget.seconds * 1000;
  const take = (input: Buffer): void => {
    watch(input);
    const caseSeed = random.int(2 ** 32);
    cases++;
    const outcome = runCase(target, input, caseSeed);
    slowestMs = Math.max(slowestMs, outcome.ms);
    if (outcome.problem === undefined) {
      if (!kinds.has(outcome.kind) && pool.length < MAX_POOL && input.length <= MAX_POOLED_BYTES) pool.push(input);
      kinds.add(outcome.kind);
      return;
    }
    const sort = sortOf(outcome.problem);
    if (findings.has(sort)) return;
    const smallest = shrink(target, input, { caseSeed, sort, watch });
    findings.set(sort, { target: target.name, input: smallest, message: outcome.problem });
  };
  for (const input of [...pool]) take(input);
  while (!isOver()) {
    take(mutated(target, pool, random));
    if (cases % CASES_BETWEEN_MEMORY_CHECKS === 0) checkMemory(target, findings);
  }
  return {
    target: target.name,
    cases,
    ms: performance.now() - startedAt,
    kinds: kinds.size,
    slowestMs,
    findings: [...findings.values()],
  };
}

/** Runs one input as it is; undefined when nothing is wrong with it. */
export function problemOf(target: FuzzTarget, input: Buffer, caseSeed = 1): string | undefined {
  return runCase(target, input, caseSeed).problem;
}

interface Outcome {
  readonly kind: string;
  readonly ms: number;
  readonly problem: string | undefined;
}

function runCase(target: FuzzTarget, input: Buffer, caseSeed: number): Outcome {
  const startedAt = performance.now();
  let kind = "";
  try {
    kind = target.run(input, createRandom(caseSeed));
  } catch (error) {
    return {
      kind,
      ms: 0,
      problem:
        error instanceof Error ? `${error.name === "Error" ? "" : `${error.name}: `}${error.message}` : String(error),
    };
  }
  const ms = performance.now() - startedAt;
  const maxMs = target.maxMs ?? DEFAULT_MAX_MS;
  if (ms <= maxMs) return { kind, ms, problem: undefined };
  const cpuMs = cpuTime(target, input, caseSeed);
  return { kind, ms: cpuMs, problem: cpuMs <= maxMs ? undefined : `slow: more than ${String(maxMs)} ms of CPU time` };
}

/** The least of three runs, in CPU time: another process that holds the machine, or a collection, makes no finding. */
function cpuTime(target: FuzzTarget, input: Buffer, caseSeed: number): number {
  const times = [1, 2, 3].map(() => {
    const before = process.cpuUsage();
    target.run(input, createRandom(caseSeed));
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000;
  });
  return Math.min(...times);
}

function mutated(target: FuzzTarget, pool: readonly Buffer[], random: Random): Buffer {
  const pick = (): Buffer => pool[random.int(pool.length)] ?? Buffer.alloc(0);
  let input = pick();
  const times = random.pick([1, 1, 2, 3, 6]);
  for (let i = 0; i < times; i++) {
    const shaped = random.oneIn(2) ? inShape(target, input, random) : undefined;
    input = shaped ?? mutateBytes(input, random, { tokens: target.tokens, other: pick() });
  }
  return input.subarray(0, target.maxBytes ?? DEFAULT_MAX_BYTES);
}

function inShape(target: FuzzTarget, input: Buffer, random: Random): Buffer | undefined {
  if (target.shape === "json") return mutateJson(input, random, target.tokens);
  return target.shape === "sse" ? mutateSse(input, random, target.tokens) : undefined;
}

/** What two findings of one cause have in common. */
function sortOf(problem: string): string {
  return problem
    .replace(/: found [^]*$/, "")
    .replace(/\d+/g, "#")
    .slice(0, 120);
}

interface Shrinking {
  readonly caseSeed: number;
  readonly sort: string;
  readonly watch: Watch;
}

/** Takes pieces out, smaller and smaller ones, as long as the rest fails in the same way. */
function shrink(target: FuzzTarget, input: Buffer, { caseSeed, sort, watch }: Shrinking): Buffer {
  const until = performance.now() + SHRINK_MS;
  let smallest = input;
  for (let size = Math.ceil(input.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < smallest.length && performance.now() < until; ) {
      const tried = Buffer.concat([smallest.subarray(0, at), smallest.subarray(at + size)]);
      watch(tried);
      const problem = problemOf(target, tried, caseSeed);
      if (problem !== undefined && sortOf(problem) === sort) smallest = tried;
      else at += size;
    }
  }
  return smallest;
}

function checkMemory(target: FuzzTarget, findings: Map<string, Finding>): void {
  const used = (): number => {
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  };
  if (used() <= MAX_MEMORY_BYTES) return;
  globalThis.gc?.();
  if (used() <= MAX_MEMORY_BYTES) return;
  const message = `memory: more than ${String(MAX_MEMORY_BYTES)} bytes in use between two cases`;
  findings.set("memory", { target: target.name, input: Buffer.alloc(0), message });
}
