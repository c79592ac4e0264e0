// Scanners of one plan that are used again: making one takes more memory than most of the texts that it reads. Purely for
// speed: a scanner that is taken and not given back is collected like anything else.

import type { ScanPlan } from "./scan-plan.ts";
import { JsonScanner } from "./scanner.ts";

const MAX_IDLE = 256;

export class ScannerPool {
  readonly #plan: ScanPlan;
  readonly #idle: JsonScanner[] = [];

  constructor(plan: ScanPlan) {
    this.#plan = plan;
  }

  take(): JsonScanner {
    return this.#idle.pop() ?? new JsonScanner(this.#plan);
  }

  /** Nobody may ask the scanner anything from here on. */
  giveBack(scanner: JsonScanner): void {
    if (this.#idle.length >= MAX_IDLE) return;
    scanner.forgetBuffer();
    scanner.reset();
    this.#idle.push(scanner);
  }
}
