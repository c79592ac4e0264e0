// One server of a control plane as a process: killed, paused and started again at will with the same arguments. It dies
// with the process that started it, however that ends.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

export interface KubeProcess {
  /** 0 while it is down. */
  readonly pid: number;
  /** The last lines that it wrote. */
  readonly log: readonly string[];
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
  /** SIGTERM; resolves when it is gone, which may take as long as requests run. */
  stop(): Promise<void>;
  /** Starts it again after `kill` or `stop`; resolves when it is ready. */
  start(): Promise<void>;
  /** SIGSTOP: connections stay open and nothing answers. */
  pause(): void;
  resume(): void;
}

export interface KubeProcessOptions {
  readonly program: string;
  readonly args: readonly string[];
  /** Resolves when the server is ready; `signal` ends the waiting when the process has ended. */
  readonly ready: (process: RunningProcess, signal: AbortSignal) => Promise<void>;
}

export interface RunningProcess {
  /** Resolves with the first line, past or future, that matches. */
  readonly line: (pattern: RegExp) => Promise<void>;
}

const LOG_LINES = 200;

/** Resolves when it is ready; rejects with its last lines when it ends before. */
export async function startKubeProcess(options: KubeProcessOptions): Promise<KubeProcess> {
  const log: string[] = [];
  let child = await launch(options, log);
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill("SIGCONT"); // a paused process takes no SIGTERM
    child.kill(signal);
    await exited;
  };
  return {
    get pid() {
      return child.exitCode === null && child.signalCode === null ? (child.pid ?? 0) : 0;
    },
    log,
    kill: () => end("SIGKILL"),
    stop: () => end("SIGTERM"),
    async start() {
      child = await launch(options, log);
    },
    pause: () => void child.kill("SIGSTOP"),
    resume: () => void child.kill("SIGCONT"),
  };
}

async function launch({ program, args, ready }: KubeProcessOptions, log: string[]): Promise<ChildProcess> {
  // The kernel kills it when the thread that starts it is gone: no server outlives a test run that was killed.
  const child = spawn("setpriv", ["--pdeathsig", "KILL", program, ...args], { stdio: ["ignore", "ignore", "pipe"] });
  const watchers = new Set<(line: string) => void>();
  const own: string[] = [];
  createInterface({ input: child.stderr }).on("line", (line) => {
    log.push(line);
    own.push(line);
    if (log.length > LOG_LINES) log.shift();
    if (own.length > LOG_LINES) own.shift();
    for (const watch of watchers) watch(line);
  });
  const over = new AbortController();
  const ended = new Promise<never>((_, reject) => {
    const fail = (why: string): void => {
      over.abort();
      reject(new Error(`${program} ${why}; it said:\n${own.slice(-20).join("\n")}`));
    };
    child.once("error", (error) => {
      fail(error.message);
    });
    child.once("close", (code, signal) => {
      fail(`ended with ${String(code ?? signal)}`);
    });
  });
  ended.catch(() => undefined); // after it was ready, its end is the caller's business
  const line = (pattern: RegExp): Promise<void> =>
    new Promise((resolve) => {
      const watch = (text: string): void => {
        if (!pattern.test(text)) return;
        watchers.delete(watch);
        resolve();
      };
      watchers.add(watch);
      own.forEach(watch);
    });
  await Promise.race([ready({ line }, over.signal), ended]);
  return child;
}
