// A finding as one readable line, for terminals and conditions.

import type { Finding } from "./finding.ts";

/** 'Consumer default/user1 spec.credentials[0].apiKey: found nothing, wanted exactly one of ...'. */
export function formatFinding(finding: Finding): string {
  const { object, field } = finding;
  const kind = object.kind || "(no kind)";
  const where = `${kind} ${object.namespace}/${object.name || "(no name)"}`;
  return `${where}${field === "" ? ":" : ""} ${formatProblem(finding)}`;
}

/** Where it is clear which object is meant: 'spec.credentials[0].apiKey: found nothing, wanted exactly one of ...'. */
export function formatProblem({ field, found, wanted }: Pick<Finding, "field" | "found" | "wanted">): string {
  return `${field === "" ? "" : `${field}: `}found ${found}, wanted ${wanted}`;
}
