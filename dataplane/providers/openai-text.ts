// Which strings of an OpenAI response are generated text. `obfuscation` is none: it only pads chunks.

/** Keys of message and delta: contents, reasoning in its several spellings, tool and function arguments, transcripts. */
export const GENERATED_TEXT_KEYS = [
  "content",
  "reasoning_content",
  "reasoning",
  "refusal",
  "arguments",
  "text",
  "transcript",
] as const;
