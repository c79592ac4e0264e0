// A finding as one readable line, for terminals and conditions.

import type { Finding } from "./finding.ts";

/** 'Consumer default/user1 spec.credentials[0].apiKey: found nothing, wanted exactly one of ...'. */
export function formatFinding({ object, field, found, wanted }: Finding): string {
  const kind = object.kind || "(no kind)";
  const where = `${kind} ${object.namespace}/${object.name || "(no name)"}`;
  return `${where}${field === "" ? "" : ` ${field}`}: found ${found}, wanted ${wanted}`;
}
