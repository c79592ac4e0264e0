// The scripts that write configuration: what they take and return, as their header blocks say (a test compares both). The
// text lies in scripts/*.lua. config-store.ts calls them.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

export interface ScriptEntry {
  readonly file: string;
  readonly keys: readonly string[];
  readonly args: readonly string[];
  /** Arguments of one item, repeated. */
  readonly perItem: readonly string[];
  readonly returns: readonly string[];
}

const HEAD = ["status", "schema", "epoch", "generation", "revision", "next"] as const;

export const CLAIM_INDEX: ScriptEntry = {
  file: "claim-index.lua",
  keys: ["epoch"],
  args: ["epoch"],
  perItem: [],
  returns: ["status", "found"],
};

export const INDEX: ScriptEntry = {
  file: "index.lua",
  keys: ["epoch", "namespaces"],
  args: ["epoch"],
  perItem: ["namespace", "generation"],
  returns: ["status", "found"],
};

export const CLAIM_HEAD: ScriptEntry = {
  file: "claim-head.lua",
  keys: ["head"],
  args: ["epoch"],
  perItem: [],
  returns: HEAD,
};

export const PUBLISH: ScriptEntry = {
  file: "publish.lua",
  keys: ["head", "objects", "changes"],
  args: ["epoch", "schema", "generation", "revision", "following", "keep", "channel"],
  perItem: ["field", "entry"],
  returns: HEAD,
};

export const BEGIN: ScriptEntry = {
  file: "begin.lua",
  keys: ["head", "left"],
  args: ["epoch", "generation", "revision", "next", "begun"],
  perItem: [],
  returns: HEAD,
};

export const FILL: ScriptEntry = {
  file: "fill.lua",
  keys: ["head", "objects"],
  args: ["epoch", "begun"],
  perItem: ["field", "entry"],
  returns: HEAD,
};

export const FLIP: ScriptEntry = {
  file: "flip.lua",
  keys: ["head", "objects", "oldObjects", "oldChanges"],
  args: ["epoch", "schema", "generation", "revision", "begun", "following", "size", "channel"],
  perItem: [],
  returns: HEAD,
};

export const FORGET: ScriptEntry = {
  file: "forget.lua",
  keys: ["head", "objects", "changes"],
  args: ["epoch", "generation", "revision", "expiryMs"],
  perItem: [],
  returns: HEAD,
};

export const SCRIPTS = [CLAIM_INDEX, INDEX, CLAIM_HEAD, PUBLISH, BEGIN, FILL, FLIP, FORGET] as const;

export interface Script {
  readonly text: string;
  /** By which Redis knows a text that it has run. */
  readonly sha: string;
}

export function loadScript({ file }: ScriptEntry): Script {
  const text = readFileSync(new URL(`./scripts/${file}`, import.meta.url), "utf8");
  return { text, sha: createHash("sha1").update(text).digest("hex") };
}
