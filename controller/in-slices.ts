// Work on 100,000 objects in slices, between which the lease is renewed and sockets are served.

import { setImmediate } from "node:timers/promises";

/** Items at once: some tens of milliseconds of compiling. */
const SLICE = 500;

/** Calls `work` for one slice after another, in order; stops early once `isOver`. Iterates while others have their turn. */
export async function inSlices<T>(
  items: Iterable<T>,
  work: (slice: readonly T[]) => void,
  isOver: () => boolean,
): Promise<void> {
  let slice: T[] = [];
  for (const item of items) {
    if (slice.push(item) < SLICE) continue;
    work(slice);
    slice = [];
    await setImmediate();
    if (isOver()) return;
  }
  if (slice.length > 0) work(slice);
}
