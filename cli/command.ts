// The command: picks the verb, shows help, turns errors into one line and an exit code.

import { nearestName } from "../compiler/nearest-name.ts";
import { CliError, usageError } from "./cli-error.ts";
import { DEMO_PAGE, demo } from "./demo/demo.ts";
import { type HelpPage, renderHelp } from "./help.ts";
import { COMMON_OPTIONS, type Options, parseOptions } from "./options.ts";
import type { Platform } from "./platform.ts";
import { RUN_PAGE, run } from "./run.ts";
import { paintIf } from "./terminal.ts";
import { VALIDATE_PAGE, validate } from "./validate.ts";

interface Verb {
  readonly page: HelpPage;
  readonly execute: (options: Options, platform: Platform) => Promise<number>;
}

const VERBS = new Map<string, Verb>([
  ["run", { page: RUN_PAGE, execute: run }],
  [
    "validate",
    {
      page: VALIDATE_PAGE,
      execute: (options, { terminal, ringFor, nowMs }) => validate({ options, terminal, ringFor, nowMs }),
    },
  ],
  ["demo", { page: DEMO_PAGE, execute: demo }],
]);

const COMMAND_PAGE: HelpPage = {
  summary: "ai-rate-limit: token rate limits for LLM traffic, on this machine or in front of it.",
  usage: ["ai-rate-limit COMMAND [options]", "ai-rate-limit COMMAND --help"],
  commands: [...VERBS].map(([name, { page }]) => [name, page.summary] as const),
  notes: [],
  options: [],
  examples: [
    [
      "ai-rate-limit demo -f examples/quickstart/quickstart.yaml",
      "a gateway with a fake provider, and the curl command to try",
    ],
  ],
  exitCodes: [
    ["0", "done"],
    ["1", "what was asked failed"],
    ["2", "the command line is wrong"],
  ],
};

/** The exit code. Prints what it has to say; throws only what is a fault of the program itself. */
export async function runCommand(args: readonly string[], platform: Platform): Promise<number> {
  try {
    return await dispatch(args, platform);
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    const { terminal } = platform;
    terminal.err(`${paintIf(terminal.colour.err)("red", "error")}: ${error.message}`);
    if (error.exitCode === 2) terminal.err("see: ai-rate-limit --help");
    return error.exitCode;
  }
}

async function dispatch(args: readonly string[], platform: Platform): Promise<number> {
  const [first, ...rest] = args;
  if (first === "help") return dispatch([...rest.slice(0, 1), "--help"], platform);
  const verb = first === undefined ? undefined : VERBS.get(first);
  if (verb !== undefined) return execute(verb, rest, platform);
  if (first !== undefined && !first.startsWith("-")) throw unknownVerb(first);
  return execute({ page: COMMAND_PAGE, execute: sayWhatToDo }, args, platform);
}

async function execute(verb: Verb, args: readonly string[], platform: Platform): Promise<number> {
  const specs = [...verb.page.options, ...COMMON_OPTIONS];
  const options = parseOptions(specs, args);
  const { out, colour } = platform.terminal;
  if (options.has("help")) out(renderHelp({ ...verb.page, options: specs }, paintIf(colour.out)));
  else if (options.has("version")) out(platform.version);
  else return verb.execute(options, platform);
  return 0;
}

function sayWhatToDo(): Promise<number> {
  return Promise.reject(usageError(`say what to do: ${[...VERBS.keys()].join(", ")}`));
}

function unknownVerb(name: string): Error {
  const near = nearestName(name, VERBS.keys());
  return usageError(`unknown command "${name}"${near === undefined ? "" : `; did you mean ${near}?`}`);
}
