// A second reading of Anthropic's usage to compare with: folds parsed usage objects, the last number of each field winning.

import type { ReportedUsage } from "../../dataplane/providers/provider.ts";
import { isRecord, parsed } from "./laws.ts";
import { longestString } from "./reference-json.ts";

type Seen = Map<string, number>;

const INPUT_FIELDS = ["input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens"];
/** Longer values are not kept, and escapes are checked up to this length of a string. */
const KEPT_BYTES = 8192;
const WALKED_BYTES = 1024;
/** Keys that decide; one that differs from them in case only is another matter than a plain reading. */
const DECIDING = ["type", "message", "usage"];

/** The value of a JSON text that any two readers understand alike; undefined for all others. */
export function plainObject(text: string): Record<string, unknown> | undefined {
  if (text.length >= KEPT_BYTES || longestString(text) > WALKED_BYTES) return undefined;
  if (text.includes("\\u")) return undefined;
  const value = parsed(text);
  if (!isRecord(value) || keysIn(value) !== keysWritten(text)) return undefined;
  return hasOddKey(value) ? undefined : value;
}

function keysWritten(text: string): number {
  return (text.match(/"(?:[^"\\]|\\.)*"\s*:/g) ?? []).length;
}

function keysIn(value: unknown): number {
  if (Array.isArray(value)) return value.reduce<number>((sum, one) => sum + keysIn(one), 0);
  if (!isRecord(value)) return 0;
  return Object.values(value).reduce<number>((sum, one) => sum + 1 + keysIn(one), 0);
}

function hasOddKey(value: Record<string, unknown>): boolean {
  const inner = value["message"];
  const keys = [...Object.keys(value), ...(isRecord(inner) ? Object.keys(inner) : [])];
  return keys.some((key) => !DECIDING.includes(key) && DECIDING.includes(key.toLowerCase()));
}

export function own(record: unknown, key: string): unknown {
  return isRecord(record) && Object.hasOwn(record, key) ? record[key] : undefined;
}

export function takeAll(seen: Seen, usage: unknown): void {
  takeInput(seen, usage);
  take(seen, usage, "output_tokens");
  take(seen, own(usage, "output_tokens_details"), "thinking_tokens");
}

export function takeInput(seen: Seen, usage: unknown): void {
  for (const field of INPUT_FIELDS) take(seen, usage, field);
}

function take(seen: Seen, usage: unknown, field: string): void {
  const value = own(usage, field);
  if (typeof value !== "number") return;
  const tokens = bounded(Math.ceil(value));
  if (tokens > 0 || !seen.has(field)) seen.set(field, tokens);
}

function bounded(value: number): number {
  return Math.min(Number.MAX_SAFE_INTEGER, Math.max(0, value));
}

/** Usage in the normal form, without the provider's own object; undefined when an estimate must do. */
export function usageOf(seen: Seen): Omit<ReportedUsage, "raw"> | undefined {
  const [input, write = 0, read = 0] = INPUT_FIELDS.map((field) => seen.get(field));
  const output = seen.get("output_tokens");
  const prompt = input === undefined ? 0 : bounded(input + write + read);
  const completion = output ?? 0;
  if (prompt + completion === 0) return undefined;
  const cachedPrompt = prompt === 0 ? undefined : read;
  const usage = { prompt, completion, cachedPrompt, reasoning: thinkingIn(seen, completion) };
  if (input === undefined) return { usage, source: "partial", missing: "prompt" };
  return output === undefined ? { usage, source: "partial", missing: "completion" } : { usage, source: "reported" };
}

function thinkingIn(seen: Seen, completion: number): number | undefined {
  const thinking = seen.get("thinking_tokens");
  return thinking === undefined || completion === 0 ? undefined : Math.min(thinking, completion);
}

export function withoutRaw(reported: ReportedUsage | undefined): Omit<ReportedUsage, "raw"> | undefined {
  if (reported === undefined) return undefined;
  const { raw: _, ...rest } = reported;
  return { ...rest, usage: { ...rest.usage } };
}
