// Writes charts/ai-rate-limit/dashboards/*.json from scripts/dashboards.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { consumer } from "./dashboards/consumer.mjs";
import { operations } from "./dashboards/operations.mjs";
import { overview } from "./dashboards/overview.mjs";

const folder = new URL("../charts/ai-rate-limit/dashboards/", import.meta.url);
mkdirSync(folder, { recursive: true });
for (const [name, dashboard] of Object.entries({ overview, consumer, operations })) {
  const path = new URL(`${name}.json`, folder);
  const text = `${JSON.stringify(dashboard, null, 2)}\n`;
  if (readOr(path, "") !== text) writeFileSync(path, text);
}

function readOr(file, fallback) {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return fallback; // the first time
  }
}
