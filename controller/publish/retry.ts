// When to try again what failed: later each time, never at the same moment as others.

const FIRST_MS = 50;
const MAX_MS = 5000;

export class Retry {
  failures = 0;
  /** 0 = at once. */
  atMs = 0;

  /** `random` is in [0, 1). */
  failed(nowMs: number, random: number): void {
    const ceiling = Math.min(MAX_MS, FIRST_MS * 2 ** Math.min(this.failures, 10));
    this.failures += 1;
    this.atMs = nowMs + ceiling / 2 + (random * ceiling) / 2;
  }

  succeeded(): void {
    this.failures = 0;
    this.atMs = 0;
  }

  /** Whatever kept it from succeeding may be over. */
  hurry(): void {
    this.atMs = 0;
  }

  isDue(nowMs: number): boolean {
    return this.atMs <= nowMs;
  }
}
