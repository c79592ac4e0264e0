// The built command as a process of its own, as a user starts it.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

export interface CommandProcess {
  readonly pid: number;
  /** Lines of stdout and stderr so far. */
  readonly lines: readonly string[];
  /** Resolves with the first line, past or future, that matches; rejects when the process ends without one. */
  line(pattern: RegExp): Promise<RegExpExecArray>;
  signal(signal: NodeJS.Signals): void;
  /** Resolves with the exit code, or the signal's name, when the process has ended. */
  readonly ended: Promise<number | string>;
  /** SIGTERM, then waits for the end. */
  stop(): Promise<number | string>;
}

export function startCommand(args: readonly string[], env: Readonly<Record<string, string>> = {}): CommandProcess {
  return startProgram("dist/cli/main.js", args, env);
}

/** Another built program. */
export function startProgram(
  main: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): CommandProcess {
  const child = spawn(process.execPath, [main, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...env },
  });
  const lines: string[] = [];
  const waiting = new Set<() => void>();
  const wake = (): void => {
    for (const check of [...waiting]) check();
  };
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on("line", (text) => {
      lines.push(text);
      wake();
    });
  }
  let over = false;
  const ended = endOf(child).then((code) => {
    over = true;
    wake();
    return code;
  });
  const line = (pattern: RegExp): Promise<RegExpExecArray> =>
    new Promise((resolve, reject) => {
      const check = (): void => {
        const found = lines.map((text) => pattern.exec(text)).find((match) => match !== null);
        if (found === undefined && !over) return;
        waiting.delete(check);
        if (found) resolve(found);
        else reject(new Error(`ended without ${String(pattern)}; it said:\n${lines.join("\n")}`));
      };
      waiting.add(check);
      check();
    });
  return {
    pid: child.pid ?? 0,
    lines,
    line,
    signal: (signal) => {
      child.kill(signal);
    },
    ended,
    stop: () => {
      child.kill("SIGTERM");
      return ended;
    },
  };
}

async function endOf(child: ChildProcess): Promise<number | string> {
  await once(child, "close");
  return child.exitCode ?? child.signalCode ?? -1;
}
