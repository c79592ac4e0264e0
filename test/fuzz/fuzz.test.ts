// A short run of every fuzz target with a fixed seed, and every input that was once a finding. `make fuzz` is the long run.

import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { loadTargets, readCorpus } from "./corpus.ts";
import { fuzz, problemOf } from "./engine.ts";
import { law } from "./laws.ts";
import type { FuzzTarget } from "./target.ts";

const targets = await loadTargets(join(import.meta.dirname, "targets"));
const CORPUS = join(import.meta.dirname, "corpus");
const BUDGET = { seed: 20_240_229, seconds: 2, cases: 120 };

describe("parsers of outside data", () => {
  test.for(targets)("[unit] $name keeps its laws on seeds, corpus and mutations of them", (target) => {
    const { findings, cases } = fuzz(target, readCorpus(CORPUS, target.name), BUDGET);
    expect(findings.map(({ message, input }) => ({ message, input: input.toString("latin1") }))).toEqual([]);
    expect(cases).toBeGreaterThanOrEqual(target.seeds.length);
  });

  test("[unit] every target has a name of its own and something to start from", () => {
    const names = targets.map((target) => target.name);
    expect(new Set(names).size).toBe(names.length);
    expect(targets.filter((target) => target.seeds.length === 0)).toEqual([]);
    expect(names).toContain("json-scanner");
  });
});

describe("the fuzzer itself", () => {
  const planted: FuzzTarget = {
    name: "planted",
    shape: "text",
    seeds: ["some harmless text, long enough to cut"],
    tokens: ["boom"],
    run(input) {
      law(!input.includes("boom"), "no boom");
      return String(input.length % 7);
    },
  };

  test("[unit] finds a planted fault, and leaves of the input only what matters", () => {
    const { findings } = fuzz(planted, [], { seed: 1, seconds: 10, cases: 10_000 });
    expect(findings).toEqual([{ target: "planted", input: Buffer.from("boom"), message: "no boom" }]);
    expect(problemOf(planted, Buffer.from("a boom"))).toBe("no boom");
  });

  test("[unit] runs what the corpus holds before anything else", () => {
    const { findings, cases } = fuzz(planted, [Buffer.from("boom")], { seed: 1, seconds: 10, cases: 2 });
    expect(cases).toBe(2);
    expect(findings).toHaveLength(1);
  });

  test("[unit] the same seed gives the same cases, another seed others", () => {
    const inputsOf = (seed: number): string[] => {
      const seen: string[] = [];
      const spy = { ...planted, run: (input: Buffer) => String(seen.push(input.toString("latin1"))) };
      fuzz(spy, [], { seed, seconds: 10, cases: 50 });
      return seen;
    };
    expect(inputsOf(7)).toEqual(inputsOf(7));
    expect(inputsOf(7)).not.toEqual(inputsOf(8));
  });

  test("[unit] a case that takes too long is a finding, by CPU time", () => {
    const slow = {
      ...planted,
      maxMs: 20,
      run() {
        const before = process.cpuUsage();
        while (process.cpuUsage(before).user < 60_000);
        return "";
      },
    };
    expect(fuzz(slow, [], { seed: 1, seconds: 10, cases: 1 }).findings[0]?.message).toContain("slow");
  });
});
