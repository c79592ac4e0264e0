// The fuzzer's command line: --target NAME|all, --seconds N (shared by the targets), --seed S, --cases N (per target).
// Exit code 1 when something was found, 2 when it was called wrongly.

import { join } from "node:path";
import { parseArgs } from "node:util";
import { loadTargets, readCorpus, saveInput } from "./corpus.ts";
import { type Budget, fuzz, type RunResult } from "./engine.ts";
import type { FuzzTarget } from "./target.ts";
import { startWatchdog } from "./watchdog.ts";

/** From the root of the tree: findings belong into the sources, not beside the compiled program. */
const CORPUS = join("test", "fuzz", "corpus");

const { values } = parseArgs({
  options: {
    target: { type: "string", default: "all" },
    seconds: { type: "string", default: "600" },
    seed: { type: "string" },
    cases: { type: "string", default: "Infinity" },
  },
});

function numberOf(option: string, text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new RangeError(`--${option}: found ${text}, wanted a number above 0`);
  return value;
}

async function main(): Promise<number> {
  const all = await loadTargets(join(import.meta.dirname, "targets"));
  const chosen = values.target === "all" ? all : all.filter((target) => values.target.split(",").includes(target.name));
  if (chosen.length === 0) {
    console.error(
      `--target: found ${values.target}, wanted all or some of ${all.map((target) => target.name).join(", ")}`,
    );
    return 2;
  }
  const seed = values.seed === undefined ? Date.now() % 2 ** 32 : numberOf("seed", values.seed);
  const seconds = numberOf("seconds", values.seconds);
  console.log(`seed ${String(seed)}, ${String(seconds)} s for ${String(chosen.length)} targets`);
  const budget = { seed, seconds: seconds / chosen.length, cases: numberOf("cases", values.cases) };
  const results: RunResult[] = [];
  for (const target of chosen) results.push(await fuzzOne(target, budget));
  const sum = (of: (result: RunResult) => number): number => results.reduce((total, result) => total + of(result), 0);
  const found = sum((result) => result.findings.length);
  console.log(
    `${String(sum((r) => r.cases))} cases in ${(sum((r) => r.ms) / 1000).toFixed(0)} s, seed ${String(seed)}, ${String(found)} findings`,
  );
  return found === 0 ? 0 : 1;
}

async function fuzzOne(target: FuzzTarget, budget: Budget): Promise<RunResult> {
  const watchdog = startWatchdog(CORPUS, target.name);
  const result = fuzz(target, readCorpus(CORPUS, target.name), budget, watchdog.watch);
  await watchdog.stop();
  const seconds = (result.ms / 1000).toFixed(1);
  const slowest = `slowest ${result.slowestMs.toFixed(0)} ms`;
  console.log(
    `${target.name.padEnd(20)} ${String(result.cases).padStart(10)} cases ${seconds.padStart(8)} s  ${String(result.kinds)} kinds, ${slowest}`,
  );
  for (const { message, input } of result.findings) {
    console.log(
      `  FINDING ${message}\n    saved to ${saveInput(CORPUS, target.name, input)}: ${JSON.stringify(input.toString("latin1").slice(0, 400))}`,
    );
  }
  return result;
}

process.exitCode = await main();
