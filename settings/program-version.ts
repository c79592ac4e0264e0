// The version that package.json says, from the sources and from dist alike.

import { readFileSync } from "node:fs";

/** The nearest package.json above that is ours. */
export function readVersion(): string {
  for (const path of ["../package.json", "../../package.json"]) {
    try {
      const text = readFileSync(new URL(path, import.meta.url), "utf8");
      const [, version] = /"name": "ai-rate-limit",\s+"version": "([^"]+)"/.exec(text) ?? [];
      if (version !== undefined) return version;
    } catch {
      continue; // not at this distance
    }
  }
  return "unknown";
}
