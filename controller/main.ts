#!/usr/bin/env node
// Composition root of the controller: the one place that touches the process. No logic of its own.

import { constants } from "node:os";
import { pino } from "pino";
import { readVersion } from "../settings/program-version.ts";
import { SettingsError } from "../settings/setting.ts";
import { settingsHelp } from "../settings/settings-page.ts";
import { keepHeapSmall } from "./collector-flags.ts";
import { machineClock } from "./kube/clock.ts";
import { startProgram } from "./program.ts";
import { CONTROLLER_SETTINGS, type ControllerSettings, readControllerSettings } from "./settings.ts";

const logOutput = pino.destination({ dest: 2, sync: true });
// Where errors and logs cannot be written, there is no place left to say so.
process.stderr.on("error", () => {});
logOutput.on("error", () => {});

const EXIT_FAILED = 1;
const EXIT_SETTINGS = 2;

/** Written before the process ends, also to a pipe. */
function say(stream: NodeJS.WriteStream, text: string, code: number): void {
  stream.write(`${text}\n`, () => process.exit(code));
}

/** The first signal asks to stop, the second ends the process at once. */
function stopSignal(): Promise<string> {
  return new Promise((resolve) => {
    let asked = false;
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      process.on(signal, () => {
        if (asked) process.exit(128 + constants.signals[signal]);
        asked = true;
        resolve(signal);
      });
    }
  });
}

async function serve(settings: ControllerSettings): Promise<void> {
  keepHeapSmall();
  const log = pino({ level: settings.logLevel, base: null }, logOutput);
  const version = readVersion();
  const stopped = stopSignal();
  const program = await startProgram({ settings, log, clock: machineClock, random: Math.random });
  const { admin, webhookPort } = program;
  log.info({ version, admin, webhookPort, namespaces: settings.namespaces ?? "all" }, "started");
  log.info({ signal: await stopped }, "stopping");
  await program.stop();
  log.info("stopped");
  process.exit(0);
}

async function run(args: readonly string[]): Promise<void> {
  const [first] = args;
  if (first === "--help" || first === "-h") say(process.stdout, settingsHelp(CONTROLLER_SETTINGS), 0);
  else if (first === "--version") say(process.stdout, readVersion(), 0);
  else if (first !== undefined)
    say(process.stderr, `found ${JSON.stringify(first)}, wanted --help, --version or nothing`, EXIT_SETTINGS);
  else await serve(readControllerSettings());
}

run(process.argv.slice(2)).catch((error: unknown) => {
  const text = error instanceof Error ? error.message : String(error);
  if (error instanceof SettingsError) say(process.stderr, text, EXIT_SETTINGS);
  else say(process.stderr, `cannot start: ${text}`, EXIT_FAILED);
});
