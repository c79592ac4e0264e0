// Writes docs/settings.md from the tables that the built programs read.

import { readFileSync, writeFileSync } from "node:fs";
import { CONTROLLER_SETTINGS } from "../dist/controller/settings.js";
import { DATA_PLANE_SETTINGS } from "../dist/dataplane/settings.js";
import { settingsMarkdown } from "../dist/settings/settings-page.js";

const path = new URL("../docs/settings.md", import.meta.url);
const text = settingsMarkdown([CONTROLLER_SETTINGS, DATA_PLANE_SETTINGS]);
if (readOr(path, "") !== text) writeFileSync(path, text);

function readOr(file, fallback) {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return fallback; // the first time
  }
}
