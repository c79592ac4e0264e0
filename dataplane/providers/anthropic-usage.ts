// Turns Anthropic's usage objects into the normal form. Fields: https://docs.anthropic.com/en/api/messages. Caches stand
// beside input_tokens, not inside; thinking is inside output_tokens.

import { TokenCounts } from "../core/usage.ts";
import type { ReportedUsage } from "./provider.ts";
import { laterTokens, parseFields, RawUsage, readFields, readTokens, sumTokens } from "./usage-fields.ts";

/**
 * Keeps the last number that each field had, but for a 0 after more: usage in a stream is cumulative for the message. Null
 * says nothing.
 */
export class AnthropicUsage {
  private readonly raw = new RawUsage();
  private input: number | undefined;
  private cacheWrite: number | undefined;
  private cacheRead: number | undefined;
  private output: number | undefined;
  private thinking: number | undefined;

  /** Usage of a whole message, or of message_delta. */
  read(raw: Buffer | undefined): void {
    const fields = this.readInput(raw);
    this.output = laterTokens(this.output, readTokens(fields, "output_tokens"));
    const details = fields === undefined ? undefined : readFields(fields, "output_tokens_details");
    this.thinking = laterTokens(this.thinking, readTokens(details, "thinking_tokens"));
  }

  /** Usage of message_start, whose output_tokens is that of an answer not yet made. */
  readStart(raw: Buffer | undefined): void {
    this.readInput(raw);
  }

  /**
   * | reported                         | prompt                           | completion | source   |
   * | input, output                    | input + cache write + cache read | output     | reported |
   * | input                            | input + cache write + cache read | 0, missing | partial  |
   * | output above 0                   | 0, missing                       | output     | partial  |
   * | neither input nor output above 0 | undefined: the caller estimates                          |
   *
   * Cache fields that are no number count 0. Without input_tokens they are not used either: the estimate of the missing
   * prompt is made from all of its text. An input of 0 with caches above 0 is input: all of it was cached.
   */
  resolve(): ReportedUsage | undefined {
    const { input, output, cacheRead = 0, cacheWrite = 0, thinking: reasoning } = this;
    const raw = this.raw.value;
    const prompt = input === undefined ? 0 : sumTokens(input, cacheWrite, cacheRead);
    const completion = output ?? 0;
    if (prompt === 0 && completion === 0) return undefined;
    const usage = new TokenCounts({ prompt, completion, cachedPrompt: cacheRead, reasoning });
    if (input === undefined) return { usage, source: "partial", missing: "prompt", raw };
    if (output === undefined) return { usage, source: "partial", missing: "completion", raw };
    return { usage, source: "reported", raw };
  }

  private readInput(raw: Buffer | undefined): ReturnType<typeof parseFields> {
    const fields = parseFields(raw);
    if (fields === undefined) return undefined;
    this.raw.take(fields);
    this.input = laterTokens(this.input, readTokens(fields, "input_tokens"));
    this.cacheWrite = laterTokens(this.cacheWrite, readTokens(fields, "cache_creation_input_tokens"));
    this.cacheRead = laterTokens(this.cacheRead, readTokens(fields, "cache_read_input_tokens"));
    return fields;
  }
}
