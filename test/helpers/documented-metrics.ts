// Metrics as docs/metrics.md and docs/metrics-controller.md list them; tests compare those with the pages themselves.

import { readFileSync } from "node:fs";

export function documentedMetrics(): ReadonlyMap<string, string> {
  const pages = ["docs/metrics.md", "docs/metrics-controller.md"].map((path) => readFileSync(path, "utf8")).join("\n");
  const rows = pages.matchAll(/^\| `(airl_\w+)` \| (counter|gauge|histogram) \|/gm);
  return new Map([...rows].map(([, name = "", type = ""]) => [name, type]));
}

/** A metric's own name, or one of a histogram's series; what its labels are is seen by asking Prometheus. */
export function isDocumented(known: ReadonlyMap<string, string>, name: string): boolean {
  const [, base = name] = /^(.*)_(?:bucket|sum|count)$/.exec(name) ?? [];
  return known.has(name) ? known.get(name) !== "histogram" : known.get(base) === "histogram";
}
