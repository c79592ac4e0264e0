// How a value that somebody typed is shown in a finding: short, on one line, and never a secret.

const MAX_SHOWN = 80;

export const HIDDEN = "(hidden)";

export function foundText(value: unknown): string {
  if (value === undefined) return "nothing";
  if (Array.isArray(value)) return `a list of ${String(value.length)}`;
  if (typeof value === "object" && value !== null) return "an object";
  return shortened(typeof value === "bigint" ? String(value) : JSON.stringify(value));
}

/** The kind of value alone: where an object or a list belongs, a text may be a secret in the wrong place. */
export function foundType(value: unknown): string {
  const isScalar = typeof value !== "object" && value !== undefined;
  return isScalar ? `a ${typeof value}` : foundText(value);
}

/** A name typed by a user, in quotes. */
export function quoted(name: string): string {
  return shortened(JSON.stringify(name));
}

/** Escapes what JSON leaves alone and a terminal obeys: C1 controls, line separators, direction marks. */
function shortened(text: string): string {
  const shown = text.length <= MAX_SHOWN ? text : `${text.slice(0, MAX_SHOWN)}...`;
  return shown.replaceAll(/[\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

/** "spec.limits[2].window.duration". */
export function fieldPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, step) => {
    if (typeof step === "number") return `${text}[${String(step)}]`;
    const name = String(step);
    if (!/^[-\w]{1,80}$/.test(name)) return `${text}[${quoted(name)}]`;
    return text === "" ? name : `${text}.${name}`;
  }, "");
}
