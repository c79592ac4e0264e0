// Mutations that keep a text JSON, or nearly: members come, go, repeat and change case; the same value is written in odd ways.

import { isRecord, parsed } from "./laws.ts";
import type { Random } from "./random.ts";

type Tokens = readonly string[];

/** Undefined when the input is no JSON. */
export function mutateJson(input: Buffer, random: Random, tokens: Tokens): Buffer | undefined {
  const value = parsed(input.toString("utf8"));
  if (value === undefined) return undefined;
  return Buffer.from(writeJson(changed(value, random, tokens), random));
}

const SCALARS = [
  null,
  true,
  false,
  0,
  -1,
  1.5,
  1e300,
  9007199254740993,
  "",
  "x",
  "data:image/png;base64,AAAA",
  "\u017f",
  "\ud800",
  "é",
] as const;

function changed(value: unknown, random: Random, tokens: Tokens): unknown {
  if (random.oneIn(12))
    return random.pick<unknown>([...SCALARS, [], {}, [[]], { a: 1 }, "y".repeat(random.int(3000))] as const);
  if (Array.isArray(value)) return changedList(Array.from<unknown>(value), random, tokens);
  return isRecord(value) ? changedRecord(value, random, tokens) : value;
}

function changedList(list: unknown[], random: Random, tokens: Tokens): unknown[] {
  const at = random.int(list.length);
  const deed = random.int(5);
  if (deed === 0) list.splice(at, 1);
  else if (deed === 1) list.splice(at, 0, list[random.int(list.length)] ?? null);
  else if (list.length > 0) list[at] = changed(list[at], random, tokens);
  return list;
}

function changedRecord(record: Record<string, unknown>, random: Random, tokens: Tokens): unknown {
  const entries = Object.entries(record);
  const at = random.int(entries.length);
  const [key = "k", value] = entries[at] ?? [];
  const some = tokens[random.int(tokens.length)]?.replaceAll('"', "") ?? key;
  switch (random.int(8)) {
    case 0:
      entries.splice(at, 1);
      break;
    case 1:
      entries.splice(random.int(entries.length + 1), 0, [some, changed(value ?? 1, random, tokens)]);
      break;
    case 2:
      entries[at] = [some, value];
      break;
    case 3:
      entries.push([random.oneIn(2) ? key.toUpperCase() : ` ${key}`, value]);
      break;
    default:
      if (entries.length > 0) entries[at] = [key, changed(value, random, tokens)];
  }
  return Object.fromEntries(entries);
}

/** A text that stands for the value; now and then with a member twice. */
export function writeJson(value: unknown, random: Random): string {
  const blank = (): string => (random.oneIn(12) ? random.pick([" ", "\n", "\t", "\r\n", "  "]) : "");
  const write = (item: unknown): string => {
    if (Array.isArray(item)) return `[${blank()}${item.map(write).join(`${blank()},${blank()}`)}]`;
    if (!isRecord(item)) return typeof item === "string" ? writeString(item, random) : JSON.stringify(item);
    const members = Object.entries(item).map(
      ([key, member]) => `${writeString(key, random)}${blank()}:${blank()}${write(member)}`,
    );
    const [first] = members;
    if (first !== undefined && random.oneIn(30)) members.push(first);
    return `{${blank()}${members.join(`${blank()},${blank()}`)}${blank()}}`;
  };
  return `${blank()}${write(value)}${blank()}`;
}

function writeString(text: string, random: Random): string {
  const plain = JSON.stringify(text);
  if (!random.oneIn(10)) return plain;
  const escapeAll = random.oneIn(3);
  const escaped = Array.from(text).map((c) =>
    escapeAll || random.oneIn(6) ? escapeUnits(c, random) : JSON.stringify(c).slice(1, -1),
  );
  return `"${escaped.join("")}"`;
}

function escapeUnits(character: string, random: Random): string {
  return Array.from({ length: character.length }, (_, i) => {
    const digits = character.charCodeAt(i).toString(16).padStart(4, "0");
    return `\\u${random.oneIn(2) ? digits.toUpperCase() : digits}`;
  }).join("");
}
