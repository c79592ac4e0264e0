// Runs tasks in the order they come, a few at a time.

export function createTaskQueue(parallel: number): (task: () => Promise<void>) => Promise<void> {
  let free = parallel;
  const waiting: (() => void)[] = [];
  return async (task) => {
    if (free > 0) free -= 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      await task();
    } finally {
      const next = waiting.shift();
      if (next === undefined) free += 1;
      else next();
    }
  };
}
