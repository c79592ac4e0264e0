// Turns the usage objects of OpenAI-shaped APIs into the normal form. Fields: https://platform.openai.com/docs/api-reference/chat/object,
// and /responses/object, which says input and output where the others say prompt and completion.

import { TokenCounts, type TokenUsage } from "../core/usage.ts";
import type { ReportedUsage } from "./provider.ts";
import { laterTokens, parseFields, RawUsage, readFields, readTokens } from "./usage-fields.ts";

/**
 * Keeps the last value that each field had, but for a 0 after more: streams report running totals, which must not be added
 * up, and some end with an empty one.
 */
export class OpenAiUsage {
  private readonly raw = new RawUsage();
  private prompt: number | undefined;
  private completion: number | undefined;
  private total: number | undefined;
  private cached: number | undefined;
  private reasoning: number | undefined;

  /** Takes the bytes of a usage value; anything but an object says nothing, nor does one too long to be kept. */
  read(raw: Buffer | undefined): void {
    const fields = parseFields(raw);
    if (fields === undefined) return;
    this.raw.take(fields);
    this.prompt = laterTokens(this.prompt, tokensOf(fields, "prompt_tokens", "input_tokens"));
    this.completion = laterTokens(this.completion, tokensOf(fields, "completion_tokens", "output_tokens"));
    this.total = laterTokens(this.total, readTokens(fields, "total_tokens"));
    const read = readFields(fields, "prompt_tokens_details") ?? readFields(fields, "input_tokens_details");
    // DeepSeek says it beside the other counts.
    const cached = readTokens(read, "cached_tokens") ?? readTokens(fields, "prompt_cache_hit_tokens");
    this.cached = laterTokens(this.cached, cached);
    const made = readFields(fields, "completion_tokens_details") ?? readFields(fields, "output_tokens_details");
    this.reasoning = laterTokens(this.reasoning, readTokens(made, "reasoning_tokens"));
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
    if (!this.saysAnything()) return undefined;
    if (prompt !== undefined) return this.resolveFromPrompt(prompt);
    if (completion === undefined) return this.report({ prompt: 0, completion: total }, "partial");
    if (total <= completion) return { ...this.report({ prompt: 0, completion }, "partial"), missing: "prompt" };
    return this.report({ prompt: total - completion, completion }, "reported");
  }

  /** Of a call that generates nothing: all that is counted is prompt, whichever of the fields say it. */
  resolvePromptOnly(): ReportedUsage | undefined {
    if (!this.saysAnything()) return undefined;
    const completion = this.completion ?? 0;
    const prompt = Math.max(this.prompt ?? 0, (this.total ?? 0) - completion);
    return this.report({ prompt, completion }, "reported");
  }

  private saysAnything(): boolean {
    return (this.prompt ?? 0) > 0 || (this.completion ?? 0) > 0 || (this.total ?? 0) > 0;
  }

  private resolveFromPrompt(prompt: number): ReportedUsage {
    const beyondPrompt = (this.total ?? -1) - prompt;
    if (this.completion === undefined && beyondPrompt < 0) {
      return { ...this.report({ prompt, completion: 0 }, "partial"), missing: "completion" };
    }
    return this.report({ prompt, completion: Math.max(this.completion ?? 0, beyondPrompt) }, "reported");
  }

  private report({ prompt, completion }: TokenUsage, source: ReportedUsage["source"]): ReportedUsage {
    const usage = new TokenCounts({ prompt, completion, cachedPrompt: this.cached, reasoning: this.reasoning });
    return { usage, source, raw: this.raw.value };
  }
}

/** One count under either of its names. */
function tokensOf(fields: Readonly<Record<string, unknown>>, name: string, other: string): number | undefined {
  return readTokens(fields, name) ?? readTokens(fields, other);
}
