#!/usr/bin/env node
// Composition root of the data plane: the one place that touches the process. No logic of its own.

import { constants } from "node:os";
import { pino } from "pino";
import { readVersion } from "../settings/program-version.ts";
import { SettingsError } from "../settings/setting.ts";
import { settingsHelp } from "../settings/settings-page.ts";
import { tuneEngine } from "./engine-flags.ts";
import { LogBlocks } from "./log-blocks.ts";
import { startProgram } from "./program.ts";
import { DATA_PLANE_SETTINGS, type DataPlaneSettings, readDataPlaneSettings } from "./settings.ts";
import { wallClockMs } from "./wall-clock.ts";

tuneEngine();

const standardError = pino.destination({ dest: 2, sync: false });
const logOutput = new LogBlocks(standardError);
// Where errors and logs cannot be written, there is no place left to say so.
process.stderr.on("error", () => {});
standardError.on("error", () => {});

const EXIT_FAILED = 1;
const EXIT_SETTINGS = 2;

function end(code: number): never {
  logOutput.flushSync();
  process.exit(code);
}

/** Written before the process ends, also to a pipe. */
function say(stream: NodeJS.WriteStream, text: string, code: number): void {
  stream.write(`${text}\n`, () => end(code));
}

/** The first signal asks to stop, the second ends the process at once. */
function stopSignal(): Promise<string> {
  return new Promise((resolve) => {
    let asked = false;
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      process.on(signal, () => {
        if (asked) end(128 + constants.signals[signal]);
        asked = true;
        resolve(signal);
      });
    }
  });
}

async function serve(settings: DataPlaneSettings): Promise<void> {
  const log = pino({ level: settings.logLevel, base: null }, logOutput);
  const version = readVersion();
  const stopped = stopSignal();
  const program = await startProgram({ settings, version, log, nowMs: wallClockMs });
  const { traffic, admin } = program;
  log.info({ version, traffic, admin, namespaces: settings.namespaces ?? "all" }, "listening");
  const { drainDelayMs, drainMs } = settings;
  log.info({ signal: await stopped, drainDelayMs, drainMs }, "draining");
  await program.drain();
  log.info("drained");
  end(0);
}

async function run(args: readonly string[]): Promise<void> {
  const [first] = args;
  if (first === "--help" || first === "-h") say(process.stdout, settingsHelp(DATA_PLANE_SETTINGS), 0);
  else if (first === "--version") say(process.stdout, readVersion(), 0);
  else if (first !== undefined)
    say(process.stderr, `found ${JSON.stringify(first)}, wanted --help, --version or nothing`, EXIT_SETTINGS);
  else await serve(readDataPlaneSettings());
}

run(process.argv.slice(2)).catch((error: unknown) => {
  const text = error instanceof Error ? error.message : String(error);
  if (error instanceof SettingsError) say(process.stderr, text, EXIT_SETTINGS);
  else say(process.stderr, `cannot start: ${text}`, EXIT_FAILED);
});
