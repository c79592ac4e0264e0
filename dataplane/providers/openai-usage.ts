// Turns the usage objects of OpenAI-shaped APIs into the normal form. Fields: https://platform.openai.com/docs/api-reference/chat/object.
// Numbers are the provider's word: they may be missing, null, fractional or absurd, and never make a request free in silence.

import type { ReportedUsage } from "./provider.ts";

/** Keeps the last value that each field had: streams report running totals, which must not be added up. */
export class OpenAiUsage {
  private prompt: number | undefined;
  private completion: number | undefined;
  private total: number | undefined;

  /** Takes the bytes of a usage value; anything but an object says nothing, nor does one too long to be kept. */
  read(raw: Buffer | undefined): void {
    const value = raw === undefined ? undefined : parse(raw);
    if (typeof value !== "object" || value === null) return;
    this.prompt = readTokens(value, "prompt_tokens") ?? this.prompt;
    this.completion = readTokens(value, "completion_tokens") ?? this.completion;
    this.total = readTokens(value, "total_tokens") ?? this.total;
  }

  /**
   * | reported                    | prompt             | completion                      | source   |
   * | prompt, completion          | prompt             | max(completion, total - prompt) | reported |
   * | prompt, total >= prompt     | prompt             | total - prompt                  | reported |
   * | completion, total > it      | total - completion | completion                      | reported |
   * | prompt alone                | prompt             | 0, missing                      | partial  |
   * | completion alone            | 0, missing         | completion                      | partial  |
   * | total alone                 | 0                  | total                           | partial  |
   * | nothing, or nothing above 0 | undefined: the caller estimates                                 |
   *
   * xAI leaves reasoning out of completion_tokens but not out of total_tokens, hence the maximum. A lone total cannot be
   * divided: all of it counts as completion, so that the sum is right and nothing is missing from it.
   */
  resolve(): ReportedUsage | undefined {
    const { prompt, completion } = this;
    const total = this.total ?? 0;
    if ((prompt ?? 0) === 0 && (completion ?? 0) === 0 && total === 0) return undefined;
    if (prompt !== undefined) return this.resolveFromPrompt(prompt);
    if (completion === undefined) return { usage: { prompt: 0, completion: total }, source: "partial" };
    if (total <= completion) return { usage: { prompt: 0, completion }, source: "partial", missing: "prompt" };
    return { usage: { prompt: total - completion, completion }, source: "reported" };
  }

  private resolveFromPrompt(prompt: number): ReportedUsage {
    const beyondPrompt = (this.total ?? -1) - prompt;
    if (this.completion === undefined && beyondPrompt < 0) {
      return { usage: { prompt, completion: 0 }, source: "partial", missing: "completion" };
    }
    return { usage: { prompt, completion: Math.max(this.completion ?? 0, beyondPrompt) }, source: "reported" };
  }
}

/** Undefined unless it is a number; then a whole one from 0 to 2^53-1, rounded up. */
function readTokens(usage: object, field: string): number | undefined {
  const value: unknown = Reflect.get(usage, field);
  if (typeof value !== "number") return undefined;
  return Math.min(Math.max(0, Math.ceil(value)), Number.MAX_SAFE_INTEGER);
}

function parse(raw: Buffer): unknown {
  try {
    return JSON.parse(raw.toString());
  } catch {
    // Raw control characters in some string of it, which the scan lets pass: nothing was reported then.
    return undefined;
  }
}
