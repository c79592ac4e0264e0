// The length of a window that requests bring: whether its text is a template, and what is wrong with it.

import type { LimitSpec } from "../crds/ai-rate-limit-policy.ts";
import { readWindowMs } from "../dataplane/core/resolved-value.ts";
import { isTemplate } from "../dataplane/core/template.ts";
import { checkTemplate } from "./check-template.ts";
import { quoted } from "./found-text.ts";
import type { Reporter } from "./report.ts";

/** Undefined for a window of fixed length; else the text, also after an error. */
export function readWindowTemplate(
  { duration }: LimitSpec["window"],
  field: string,
  report: Reporter,
): string | undefined {
  if (duration === undefined || !isTemplate(duration)) return undefined;
  const reads = (text: string): boolean => readWindowMs(text) !== undefined;
  const template = checkTemplate(duration, {
    field,
    report,
    default: { wanted: "a duration from 1s to 366d as default", reads },
  });
  if (template?.variables.some(({ source }) => source === "client")) {
    report.warning({
      code: "ClientControlled",
      field,
      found: `${quoted(duration)}: a client may choose the length, and with another length it has another counter`,
      wanted: "a variable that something in front of the gateway sets, whatever the client sends",
    });
  }
  return duration;
}
