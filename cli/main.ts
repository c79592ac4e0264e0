#!/usr/bin/env node
// Composition root of the command: the one place that touches the process. No logic of its own.

import { randomBytes } from "node:crypto";
import { constants } from "node:os";
import { pino } from "pino";
import { createRing } from "../dataplane/contract/keyring.ts";
import { tuneEngine } from "../dataplane/engine-flags.ts";
import { LogBlocks } from "../dataplane/log-blocks.ts";
import { readVersion } from "../settings/program-version.ts";
import { runCommand } from "./command.ts";
import { createFileGateway } from "./data-plane.ts";
import type { Platform, Signals } from "./platform.ts";
import { type Terminal, takesColour } from "./terminal.ts";
import { wallClockMs } from "./wall-clock.ts";

tuneEngine();

const standardError = pino.destination({ dest: 2, sync: false });
const logOutput = new LogBlocks(standardError);

const terminal: Terminal = {
  env: process.env,
  out: (text) => void process.stdout.write(`${text}\n`),
  err: (text) => void process.stderr.write(`${text}\n`),
  colour: { out: takesColour(process.stdout, process.env), err: takesColour(process.stderr, process.env) },
  stdin: () => process.stdin,
};

const platform: Platform = {
  terminal,
  version: readVersion(),
  nowMs: wallClockMs,
  takeSignals,
  createLogger: (level) => pino({ level, base: null }, logOutput),
  createGateway: (input) => createFileGateway(input, wallClockMs),
  // Nothing outside this process has to know the master: what is sealed with it is opened in the same process.
  ringFor: createRing([randomBytes(32)]),
};

/** The first signal asks to stop, the second ends the process at once, as a shell expects it of a signal. */
function takeSignals(): Signals {
  const stopped = new Promise<string>((resolve) => {
    let asked = false;
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      process.on(signal, () => {
        if (asked) end(128 + constants.signals[signal]);
        asked = true;
        resolve(signal);
      });
    }
  });
  return { stopped, onReload: (listener) => void process.on("SIGHUP", listener) };
}

function end(code: number): never {
  logOutput.flushSync();
  process.exit(code);
}

// A reader that has seen enough (`| head`) closes the pipe; that is no fault, and no reason to stop a gateway.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") end(1);
});
// Where errors and logs cannot be written, there is no place left to say so.
process.stderr.on("error", () => {});
standardError.on("error", () => {});

const code = await runCommand(process.argv.slice(2), platform);
// Output to a pipe may still be under way; an empty write calls back when all before it has been taken.
process.stdout.write("", () => process.stderr.write("", () => end(code)));
