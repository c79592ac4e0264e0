// Runs beside the fuzzer as a thread: when one case goes on for too long it saves the input and ends the process, which is
// then stuck for good.

import { writeSync } from "node:fs";
import { isMainThread, Worker, workerData } from "node:worker_threads";
import { z } from "zod";
import { saveInput } from "./corpus.ts";

const STUCK_MS = 20_000;
const LOOK_MS = 1_000;
const HEADER_BYTES = 8;
const MAX_INPUT_BYTES = 1_048_576;

const task = z.object({ shared: z.instanceof(SharedArrayBuffer), corpus: z.string(), target: z.string() });

export interface Watchdog {
  readonly watch: (input: Buffer) => void;
  stop(): Promise<unknown>;
}

/** Shared memory: the number of the case, the length of its input, the input. */
export function startWatchdog(corpus: string, target: string): Watchdog {
  const shared = new SharedArrayBuffer(HEADER_BYTES + MAX_INPUT_BYTES);
  const header = new Int32Array(shared, 0, 2);
  const bytes = Buffer.from(shared, HEADER_BYTES);
  const worker = new Worker(new URL(import.meta.url), { workerData: { shared, corpus, target } });
  worker.unref();
  return {
    watch(input) {
      Atomics.add(header, 0, 1);
      header[1] = input.copy(bytes);
    },
    stop: () => worker.terminate(),
  };
}

if (!isMainThread) guard(task.parse(workerData));

function guard({ shared, corpus, target }: z.infer<typeof task>): void {
  const header = new Int32Array(shared, 0, 2);
  let seen = -1;
  let sinceMs = 0;
  setInterval(() => {
    const present = Atomics.load(header, 0);
    sinceMs = present === seen ? sinceMs + LOOK_MS : 0;
    seen = present;
    if (sinceMs < STUCK_MS) return;
    const input = Buffer.from(Buffer.from(shared, HEADER_BYTES, header[1]));
    const file = saveInput(corpus, target, input);
    // Not through process.stderr: what a thread writes there waits for the main thread, which is stuck.
    writeSync(2, `FINDING ${target}: a case has not ended after ${String(STUCK_MS)} ms, saved to ${file}\n`);
    process.kill(process.pid, "SIGKILL");
  }, LOOK_MS);
}
