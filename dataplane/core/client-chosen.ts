// Whether a client may choose its own counters: then nothing but a bound on their number keeps it to a limit. Pure.

import type { KeyPart } from "./limit.ts";
import { compileTemplate } from "./template.ts";

/** Key values that a limit tells apart in a window unless it says otherwise, when clients choose them. */
export const DEFAULT_MAX_KEYS = 10_000;

type NamedPart = Pick<KeyPart, "type" | "value">;

/** Parts that a client gives any value it likes. */
const CHOSEN = new Set<KeyPart["type"]>(["Header", "Query", "Path"]);
/** Parts that tell callers apart and that none of them can choose. */
const CALLERS = new Set<KeyPart["type"]>(["Consumer", "ConsumerGroup", "Credential", "IP"]);

/** Some part is the client's to choose, and none tells who it is. */
export function isClientChosen(per: readonly NamedPart[]): boolean {
  return per.some(isChosen) && !per.some(tellsCaller);
}

function isChosen(part: NamedPart): boolean {
  return CHOSEN.has(part.type) || hasSource(part, "client");
}

function tellsCaller(part: NamedPart): boolean {
  return CALLERS.has(part.type) || hasSource(part, "caller");
}

function hasSource({ type, value = "" }: NamedPart, wanted: "caller" | "client"): boolean {
  if (type !== "Template") return false;
  const template = compileTemplate(value);
  return template.ok && template.variables.some(({ source }) => source === wanted);
}
