// Where in a YAML document a field stands. Paths are the compiler's: "spec.limits[2].window.duration".

import { type Document, isAlias, isMap, isScalar, isSeq, type Node, type YAMLMap } from "yaml";

/**
 * Offset in the source of the field's key, or of the list's element. A field that is absent is placed at its nearest
 * parent that is there. Keys with dots in them are found too: at each map the longest key that fits is taken.
 */
export function offsetOf(document: Document, field: string): number {
  let node = resolve(document, document.contents);
  let offset = startOf(document.contents) ?? 0;
  let rest = field;
  while (rest !== "") {
    const step = stepInto(node, rest);
    if (step === undefined) return offset;
    offset = step.offset ?? offset;
    node = resolve(document, step.node);
    rest = step.rest;
  }
  return offset;
}

interface Step {
  readonly node: unknown;
  readonly offset: number | undefined;
  readonly rest: string;
}

function stepInto(node: unknown, rest: string): Step | undefined {
  if (isMap(node)) return stepIntoMap(node, rest);
  if (!isSeq(node)) return undefined;
  const match = /^\[?(\d{1,9})\]?(?=$|[.[])/.exec(rest);
  const item = match === null ? undefined : node.items[Number(match[1])];
  if (match === null || item === undefined) return undefined;
  return { node: item, offset: startOf(item), rest: withoutDot(rest.slice(match[0].length)) };
}

function stepIntoMap(map: YAMLMap, rest: string): Step | undefined {
  let found: (Step & { readonly length: number }) | undefined;
  for (const pair of map.items) {
    const key = isScalar(pair.key) ? String(pair.key.value) : "";
    const length = [key, `[${JSON.stringify(key)}]`].find((text) => isPrefix(text, rest))?.length ?? 0;
    if (length <= (found?.length ?? 0)) continue;
    found = { node: pair.value, offset: startOf(pair.key), rest: withoutDot(rest.slice(length)), length };
  }
  return found;
}

function isPrefix(text: string, rest: string): boolean {
  return text !== "" && rest.startsWith(text) && [undefined, ".", "["].includes(rest[text.length]);
}

function withoutDot(text: string): string {
  return text.startsWith(".") ? text.slice(1) : text;
}

/** The node that an alias stands for: a field in it is placed where it was written. */
function resolve(document: Document, node: unknown): unknown {
  return isAlias(node) ? node.resolve(document) : node;
}

function startOf(node: unknown): number | undefined {
  return hasRange(node) ? node.range?.[0] : undefined;
}

function hasRange(node: unknown): node is Node {
  return typeof node === "object" && node !== null && "range" in node;
}
