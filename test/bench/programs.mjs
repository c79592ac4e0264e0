// The programs of a benchmark run: started on loopback, pinned to a core, ended by process id.

import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { connect } from "node:net";

/** Clock ticks per second of /proc/PID/stat; 100 on every Linux that Node runs on. */
const TICKS = 100;

export function createPrograms() {
  const children = [];
  return {
    /** Starts a program on a core and waits until its port accepts connections. */
    async start({ core, command, port, env = {} }) {
      const child = spawn("taskset", ["-c", String(core), ...command], {
        stdio: ["ignore", "ignore", "pipe"],
        env: { ...process.env, ...env },
      });
      let complaints = "";
      child.stderr.on("data", (text) => (complaints = (complaints + text).slice(-2000)));
      children.push(child);
      for (let i = 0; !(await accepts(port)); i++) {
        if (child.exitCode !== null || i > 200) throw new Error(`${command.join(" ")} did not start: ${complaints}`);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      return child.pid;
    },
    async stop() {
      const ends = children.map((child) => new Promise((resolve) => child.once("exit", resolve)));
      for (const child of children) child.kill("SIGTERM");
      await Promise.all(ends.filter((_, i) => children[i].exitCode === null));
    },
  };
}

function accepts(port) {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.on("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => resolve(false));
  });
}

/** CPU seconds that a process and its children (nginx's worker) have used so far. */
export function cpuSeconds(pid) {
  return [pid, ...childrenOf(pid)].reduce((sum, each) => sum + own(each), 0);
}

function own(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}

function childrenOf(pid) {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").filter(Boolean).map(Number);
}

export function residentMegabytes(pid) {
  const [, kilobytes] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return Math.round(Number(kilobytes) / 1024);
}
