// One condition of `when` -> the form that the data plane compares without thinking about case or defaults.

import type { ConditionSpec } from "../crds/ai-rate-limit-policy.ts";
import type { CompiledLimit } from "../dataplane/contract/compiled.ts";
import { quoted } from "./found-text.ts";
import { isIpRange } from "./ip-range.ts";
import type { Reporter } from "./report.ts";

type CompiledCondition = CompiledLimit["when"][number];

/** `field` is the condition's path. Provider values become lower case: the data plane asks with the lower-case name. Methods are upper case in HTTP. */
export function compileCondition(condition: ConditionSpec, field: string, report: Reporter): CompiledCondition {
  const { type, name, by, match, values } = condition;
  switch (type) {
    case "IP":
      refuseNonRanges(values, field, report);
      return { type, match: "CIDR", values };
    case "Provider":
      return { type, match, values: [...new Set(values.map((value) => value.toLowerCase()))] };
    case "Method":
      return { type, match, values: [...new Set(values.map((value) => value.toUpperCase()))] };
    case "Query":
      return { type, ...(name === undefined ? {} : { name }), match, values };
    case "Header":
      return { type, ...(name === undefined ? {} : { name: name.toLowerCase() }), match, values };
    case "Consumer":
      return { type, by: by ?? "Name", match, values };
    default:
      return { type, match, values };
  }
}

function refuseNonRanges(values: readonly string[], field: string, report: Reporter): void {
  for (const [index, value] of values.entries()) {
    if (isIpRange(value)) continue;
    report.error({
      code: "Invalid",
      field: `${field}.values[${String(index)}]`,
      found: quoted(value),
      wanted: "an IP address or a CIDR range, like 192.0.2.7 or 10.0.0.0/8",
    });
  }
}
