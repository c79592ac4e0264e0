// A template -> findings about its text: where it cannot be read, which name was meant, and a default that is never taken.

import { compileTemplate, type Template } from "../dataplane/core/template.ts";
import { quoted } from "./found-text.ts";
import { withSuggestion } from "./nearest-name.ts";
import type { Reporter } from "./report.ts";

interface TemplateUse {
  readonly field: string;
  readonly report: Reporter;
  /** What the text must be when the only variable in it is absent. */
  readonly default?: { readonly wanted: string; readonly reads: (text: string) => boolean } | undefined;
}

/** Undefined after an error. */
export function checkTemplate(
  text: string,
  { field, report, default: wantedDefault }: TemplateUse,
): Template | undefined {
  const template = compileTemplate(text);
  if (!template.ok) {
    const { found, wanted, position, candidates } = template;
    const what = found === "" ? "nothing" : quoted(found);
    report.error({
      code: "Invalid",
      field,
      found: `${what} at character ${String(position)}`,
      wanted: candidates === undefined ? wanted : withSuggestion(wanted, found, candidates),
    });
    return undefined;
  }
  const [variable] = template.variables;
  const fallback = template.isSingle ? variable?.fallback : undefined;
  if (fallback === undefined || wantedDefault === undefined || wantedDefault.reads(fallback)) return template;
  report.error({ code: "Invalid", field, found: quoted(fallback), wanted: wantedDefault.wanted });
  return undefined;
}
