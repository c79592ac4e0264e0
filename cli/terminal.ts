// What a verb may touch of the world outside: text out, text in, the environment. Passed in, so that a test can watch.

import { styleText } from "node:util";

export interface Terminal {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Results, for a person or a pipe. Adds the line end. */
  readonly out: (text: string) => void;
  /** Errors, findings and progress. Adds the line end. */
  readonly err: (text: string) => void;
  /** Whether standard output and standard error take colour. */
  readonly colour: { readonly out: boolean; readonly err: boolean };
  readonly stdin: () => AsyncIterable<string | Uint8Array>;
}

export type Paint = (style: "red" | "yellow" | "green" | "bold" | "dim", text: string) => string;

/** https://no-color.org: a NO_COLOR that is not empty turns colour off, whatever the terminal. */
export function takesColour(
  stream: { readonly isTTY?: boolean },
  env: Readonly<Record<string, string | undefined>>,
): boolean {
  const refused = (env["NO_COLOR"] ?? "") !== "" || env["TERM"] === "dumb";
  return stream.isTTY === true && !refused;
}

export function paintIf(colour: boolean): Paint {
  return (style, text) => (colour ? styleText(style, text) : text);
}
