// A vitest reporter: the last line of a run is `N passed, N failed`, with `, N skipped` when there are any. Counts what
// a run must answer for and not only tests: a file that cannot be loaded, a failed hook and an unhandled error each
// count as one failed. Under CI=true a skipped test counts as failed, because the machine lacks what it should have.

import { writeFileSync, writeSync } from "node:fs";
import type { Reporter, TestCase, TestModule, Vitest } from "vitest/node";

const STDOUT = 1;
const PIPE_RETRY_MS = 5;

interface Tally {
  passed: number;
  failed: number;
  skipped: number;
}

export class ClosingLine implements Reporter {
  readonly #failSkipped = process.env["CI"] === "true";
  /** Written when the line is, so that scripts/test.sh can tell a run that died before. */
  readonly #closedFile = process.env["AIRL_TEST_CLOSED"] ?? "";
  #tally: Tally = { passed: 0, failed: 0, skipped: 0 };
  #ended = false;
  #filtered = false;

  constructor() {
    delete process.env["AIRL_TEST_CLOSED"]; // it is for this run alone, not for runs that a test starts
  }

  onInit(vitest: Vitest): void {
    // With -t everything else is skipped because it was asked to be.
    this.#filtered = vitest.config.testNamePattern !== undefined;
    // At exit, not at the end of the run: vitest and its other reporters still write after that.
    process.once("exit", () => {
      this.#close();
    });
  }

  onTestRunStart(): void {
    this.#tally = { passed: 0, failed: 0, skipped: 0 };
    this.#ended = false;
  }

  onTestCaseResult(test: TestCase): void {
    // Only for the case that the end of the run is never reported; onTestRunEnd counts anew.
    if (test.result().state === "passed") this.#tally.passed += 1;
    if (test.result().state === "failed") this.#tally.failed += 1;
  }

  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly unknown[]): void {
    this.#ended = true;
    this.#tally = countRun(modules);
    this.#tally.failed += unhandled.length;
    if (this.#failSkipped && !this.#filtered) this.#refuseSkipped(modules);
    if (this.#tally.failed > 0) process.exitCode = 1;
  }

  #refuseSkipped(modules: readonly TestModule[]): void {
    if (this.#tally.skipped === 0) return;
    const names = modules.flatMap((module) => skippedIn(module));
    const list = names.map((name) => `  ${name}\n`).join("");
    writeStdout(`CI=true: a skipped test is a failed test. Skipped here:\n${list}`);
    this.#tally.failed += this.#tally.skipped;
    this.#tally.skipped = 0;
  }

  #close(): void {
    // A run that never ended has failed, whatever it had reached.
    if (!this.#ended) this.#tally.failed += 1;
    const exitedBadly = process.exitCode !== undefined && process.exitCode !== 0;
    const { passed, failed, skipped } = this.#tally;
    // So has one that ends badly for another reason (an interrupt, coverage below its floor), and one without a single test.
    if ((exitedBadly && failed === 0) || passed + failed + skipped === 0) this.#tally.failed = 1;
    if (this.#tally.failed > 0) process.exitCode = exitedBadly ? process.exitCode : 1;
    writeStdout(`${closingLine(this.#tally)}\n`);
    if (this.#closedFile !== "") writeFileSync(this.#closedFile, "");
  }
}

export function closingLine({ passed, failed, skipped }: Tally): string {
  const line = `${String(passed)} passed, ${String(failed)} failed`;
  return skipped > 0 ? `${line}, ${String(skipped)} skipped` : line;
}

function countRun(modules: readonly TestModule[]): Tally {
  const tally: Tally = { passed: 0, failed: 0, skipped: 0 };
  for (const module of modules) {
    if (module.errors().length > 0) tally.failed += 1;
    for (const suite of module.children.allSuites()) if (suite.errors().length > 0) tally.failed += 1;
    for (const test of module.children.allTests()) tally[outcomeOf(test)] += 1;
  }
  return tally;
}

function outcomeOf(test: TestCase): keyof Tally {
  const { state } = test.result();
  return state === "pending" ? "failed" : state; // pending: the run broke off before it
}

function skippedIn(module: TestModule): string[] {
  return [...module.children.allTests()]
    .filter((test) => outcomeOf(test) === "skipped")
    .map((test) => `${module.relativeModuleId}: ${test.fullName}`);
}

/**
 * At exit nothing is sent any more but what is written at once. A full pipe whose other end is slow answers EAGAIN;
 * waiting for it is right, since there is nothing else left to do.
 */
function writeStdout(text: string): void {
  let rest = Buffer.from(text, "utf8");
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(STDOUT, rest));
    } catch (error) {
      if (!(error instanceof Error) || !("code" in error) || error.code !== "EAGAIN") throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PIPE_RETRY_MS);
    }
  }
}
