// A real redis-server of the test's own, on 127.0.0.1: killed, paused and restarted at will, gone with its files at the end.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

export interface RedisServerOptions {
  /** Appends every write to a file, synced each second, which a restart reads. */
  readonly aof?: boolean;
  /** A configuration file, for what the command line cannot say. */
  readonly configFile?: string;
  /** More settings, as on the command line: ["--cluster-enabled", "yes"]. */
  readonly settings?: readonly string[];
  /** PEM files; with them the port speaks TLS only, and asks clients for a certificate. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly ca: string };
}

export interface RedisServer {
  readonly port: number;
  readonly url: string;
  /** Where it keeps its files. */
  readonly dir: string;
  /** SIGKILL; resolves when the process is gone. */
  kill(): Promise<void>;
  /** Starts it again after `kill`, on the same port and files. Resolves when it accepts connections. */
  restart(): Promise<void>;
  /** SIGSTOP: connections stay open and nothing answers. */
  pause(): void;
  resume(): void;
  /** Ends the process and removes its files. */
  stop(): Promise<void>;
}

// Below the ports that the kernel hands out to clients; the bus of a cluster lies 10000 above the port.
const FIRST_PORT = 12_000;
const PORTS = 10_000;
const ATTEMPTS = 20;

export async function startRedis(options: RedisServerOptions = {}): Promise<RedisServer> {
  const dir = await mkdtemp(join(tmpdir(), "airl-redis-"));
  for (let attempt = 1; ; attempt += 1) {
    const port = FIRST_PORT + Math.floor(Math.random() * PORTS);
    const args = argumentsFor(port, dir, options);
    try {
      return createServer({ port, dir, args }, await launch(args));
    } catch (error) {
      if (attempt < ATTEMPTS) continue; // the port was taken
      await rm(dir, { recursive: true });
      throw error;
    }
  }
}

function argumentsFor(port: number, dir: string, options: RedisServerOptions): string[] {
  const { aof = false, configFile, settings = [], tls } = options;
  const listen = tls === undefined ? ["--port", String(port)] : ["--port", "0", "--tls-port", String(port)];
  const files =
    tls === undefined ? [] : ["--tls-cert-file", tls.cert, "--tls-key-file", tls.key, "--tls-ca-cert-file", tls.ca];
  const base = [...listen, ...files, "--bind", "127.0.0.1", "--dir", dir, "--save", "", "--databases", "4"];
  const all = [...base, "--appendonly", aof ? "yes" : "no", "--appendfsync", "everysec", ...settings];
  return configFile === undefined ? all : [configFile, ...all];
}

/** Resolves when the server says that it accepts connections, rejects when it ends before. */
async function launch(args: readonly string[]): Promise<ChildProcess> {
  const child = spawn("redis-server", args, { stdio: ["ignore", "pipe", "ignore"] });
  const lines = createInterface({ input: child.stdout });
  await new Promise<void>((resolve, reject) => {
    lines.on("line", (line) => {
      if (/ready to accept connections|\+monitor master/i.test(line)) resolve(); // a Sentinel says the latter
    });
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`redis-server ended with code ${String(code)} before it was ready`)));
  });
  return child;
}

interface Place {
  readonly port: number;
  readonly dir: string;
  readonly args: readonly string[];
}

function createServer({ port, dir, args }: Place, started: ChildProcess): RedisServer {
  let child = started;
  async function end(): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
  }
  return {
    port,
    url: `redis://127.0.0.1:${String(port)}`,
    dir,
    kill: end,
    async restart() {
      child = await launch(args);
    },
    pause: () => void child.kill("SIGSTOP"),
    resume: () => void child.kill("SIGCONT"),
    async stop() {
      await end();
      await rm(dir, { recursive: true, force: true, maxRetries: 5 }); // a child that saves may outlive it for a moment
    },
  };
}
