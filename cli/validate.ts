// `ai-rate-limit validate`: every finding about the files, and whether they could be run.

import type { RingFor } from "../dataplane/contract/keyring.ts";
import { usageError } from "./cli-error.ts";
import { compileFiles } from "./compile-files.ts";
import { OUTPUT_FORMATS, renderReport } from "./findings-output.ts";
import type { HelpPage } from "./help.ts";
import { createManifestFiles } from "./manifest-files.ts";
import { readChoice } from "./option-values.ts";
import type { OptionSpec, Options } from "./options.ts";
import { hasError } from "./source-finding.ts";
import { paintIf, type Terminal } from "./terminal.ts";

export const FILES_OPTION: OptionSpec = {
  name: "file",
  short: "f",
  value: "PATH",
  multiple: true,
  text: "File, folder (every .yaml and .yml below it) or - for standard input. More paths may follow.",
};

export const VALIDATE_PAGE: HelpPage = {
  summary: "Checks manifests and prints every finding with file, line, field, what was found and what was wanted.",
  usage: ["ai-rate-limit validate -f PATH... [-o table|json|yaml]"],
  notes: [
    "Reads the same files in the same way as `run`, ${NAME} from the environment included, and starts nothing.\nA warning is worth reading and does not make the files invalid.",
  ],
  options: [
    FILES_OPTION,
    {
      name: "output",
      short: "o",
      value: "FORMAT",
      fallback: "table",
      text: "How findings are printed: table, json or yaml.",
    },
  ],
  examples: [
    ["ai-rate-limit validate -f examples/quickstart/quickstart.yaml", "one file"],
    ["kubectl get aicon,aibe,airt,airlp -o yaml | ai-rate-limit validate -f -", "what a cluster holds"],
    ["ai-rate-limit validate -f manifests/ -o json | jq .findings", "findings for a program"],
  ],
  exitCodes: [
    ["0", "valid; there may be warnings"],
    ["1", "there are errors"],
    ["2", "the command line is wrong"],
  ],
};

export interface ValidateInput {
  readonly options: Options;
  readonly terminal: Terminal;
  readonly ringFor: RingFor;
  /** Wall clock, epoch milliseconds. */
  readonly nowMs: () => number;
}

export async function validate({ options, terminal, ringFor, nowMs }: ValidateInput): Promise<number> {
  const paths = pathsOf(options);
  const format = readChoice("output", options.one("output") ?? "table", OUTPUT_FORMATS);
  const files = createManifestFiles({ paths, stdin: terminal.stdin });
  const { objects, findings, fileCount } = await compileFiles({ files, env: terminal.env, ringFor, nowMs });
  terminal.out(
    renderReport({ fileCount, objectCount: objects.length, findings }, format, paintIf(terminal.colour.out)),
  );
  return hasError(findings) ? 1 : 0;
}

/** `-f a.yaml b.yaml` is how a shell expands `-f *.yaml`. */
export function pathsOf(options: Options): readonly string[] {
  const named = options.all("file");
  if (named.length > 0) return [...named, ...options.positionals];
  const [first] = options.positionals;
  throw usageError(
    first === undefined ? "say what to read: -f PATH" : `unexpected "${first}"; say what to read: -f ${first}`,
  );
}
