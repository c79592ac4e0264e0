// Help pages, made from the same tables that the parser reads, so that they cannot drift from it.

import type { OptionSpec } from "./options.ts";
import type { Paint } from "./terminal.ts";

export interface HelpPage {
  /** One sentence. */
  readonly summary: string;
  /** Command lines, each on its own line. */
  readonly usage: readonly string[];
  /** What one has to know beyond the options; each a paragraph of finished lines. */
  readonly notes: readonly string[];
  readonly commands?: readonly (readonly [name: string, text: string])[];
  readonly options: readonly OptionSpec[];
  readonly examples: readonly (readonly [command: string, text: string])[];
  readonly exitCodes: readonly (readonly [code: string, text: string])[];
}

export function renderHelp(page: HelpPage, paint: Paint): string {
  const sections = [
    page.summary,
    section("Usage", page.usage.map((line) => `  ${line}`).join("\n")),
    section("Commands", columns(page.commands ?? [])),
    ...page.notes,
    section("Options", columns(page.options.map(optionRow))),
    section("Examples", page.examples.map(([command, text]) => `  # ${text}\n  ${command}`).join("\n\n")),
    section("Exit codes", columns(page.exitCodes)),
  ];
  return sections.filter((text) => text !== "").join("\n\n");

  function section(title: string, body: string): string {
    return body === "" ? "" : `${paint("bold", `${title}:`)}\n${body}`;
  }
}

function optionRow(spec: OptionSpec): readonly [string, string] {
  const short = spec.short === undefined ? "    " : `-${spec.short}, `;
  const value = spec.value === undefined ? "" : ` ${spec.value}`;
  const repeat = spec.multiple === true ? " May be repeated." : "";
  const fallback = spec.fallback === undefined ? "" : ` Default: ${spec.fallback}.`;
  return [`${short}--${spec.name}${value}`, `${spec.text}${repeat}${fallback}`];
}

const TEXT_WIDTH = 76;

/** Two columns; a long text continues below itself. */
function columns(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(0, ...rows.map(([left]) => left.length));
  const indent = " ".repeat(width + 4);
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${wrap(right).join(`\n${indent}`)}`).join("\n");
}

function wrap(text: string): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + word.length > TEXT_WIDTH) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}
