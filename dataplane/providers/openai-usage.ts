// Turns the usage objects of OpenAI-shaped APIs into the normal form. Fields: https://platform.openai.com/docs/api-reference/chat/object,
// and /responses/object, which says input and output where the others say prompt and completion.

import type { TokenUsage } from "../core/usage.ts";
import type { ReportedUsage } from "./provider.ts";
import { parseFields, RawUsage, readFields, readTokens } from "./usage-fields.ts";

/** Keeps the last value that each field had: streams report running totals, which must not be added up. */
export class OpenAiUsage {
  private readonly raw = new RawUsage();
  private prompt: number | undefined;
  private completion: number | undefined;
  private total: number | undefined;
  private cached: number | undefined;

  /** Takes the bytes of a usage value; anything but an object says nothing, nor does one too long to be kept. */
  read(raw: Buffer | undefined): void {
    const fields = parseFields(raw);
    if (fields === undefined) return;
    this.raw.take(fields);
    this.prompt = readTokens(fields, "prompt_tokens") ?? readTokens(fields, "input_tokens") ?? this.prompt;
    this.completion = readTokens(fields, "completion_tokens") ?? readTokens(fields, "output_tokens") ?? this.completion;
    this.total = readTokens(fields, "total_tokens") ?? this.total;
    const details = readFields(fields, "prompt_tokens_details") ?? readFields(fields, "input_tokens_details");
    // DeepSeek says it beside the other counts.
    const cached = readTokens(details, "cached_tokens") ?? readTokens(fields, "prompt_cache_hit_tokens");
    this.cached = cached ?? this.cached;
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

  /** A cache can only have held what was prompt. */
  private report(usage: TokenUsage, source: ReportedUsage["source"]): ReportedUsage {
    const raw = this.raw.value;
    const { cached } = this;
    if (cached === undefined || usage.prompt === 0) return { usage, source, raw };
    return { usage: { ...usage, cachedPrompt: Math.min(cached, usage.prompt) }, source, raw };
  }
}
