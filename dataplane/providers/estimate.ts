// Guesses tokens from text when a provider reports none. Pure; a real tokenizer never runs on untrusted text here.

/** UTF-8 bytes that one token stands for, on average, in the common tokenizers and in English text. */
const BYTES_PER_TOKEN = 4;

/** Rounded up: a single byte of text is a token. */
export function estimateTokens(textBytes: number): number {
  return Math.ceil(textBytes / BYTES_PER_TOKEN);
}
