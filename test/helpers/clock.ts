// Clocks for tests: one that stands still until it is moved, and the machine's.

export interface FakeClock {
  readonly nowMs: () => number;
  set(nowMs: number): void;
  advance(ms: number): void;
}

export function createFakeClock(startMs = Date.UTC(2026, 0, 1)): FakeClock {
  let now = startMs;
  return {
    nowMs: () => now,
    set(nowMs) {
      now = nowMs;
    },
    advance(ms) {
      now += ms;
    },
  };
}

export const machineClock = { nowMs: (): number => Date.now() };

/** Waits for a condition that announces itself by no event, for 30 s at most. */
export async function eventually(what: string, isTrue: () => boolean | Promise<boolean>): Promise<void> {
  const untilMs = Date.now() + 30_000;
  while (!(await isTrue())) {
    if (Date.now() > untilMs) throw new Error(`waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
