// What a policy wants its limits' headers to be, in the form that answers are written by: formats as bits, so that what an
// answer needs of all its limits is told by a few operations on numbers.

import { DEFAULT_MAX_LIMITS, type HeaderFormat, type ResponseRules } from "../contract/compiled.ts";

export const FORMAT = {
  Window: 1,
  Instance: 2,
  Rule: 4,
  IETF: 8,
  IETFDraft03: 16,
  OpenAI: 32,
  Anthropic: 64,
} as const satisfies Record<HeaderFormat, number>;

export type Format = (typeof FORMAT)[HeaderFormat];

/** Their headers are named X-AI-..., after labels that users choose: two of them can meet in one name. */
export const LABELLED_FORMATS = FORMAT.Window | FORMAT.Instance | FORMAT.Rule;

export class HeaderRules {
  /** Formats that tell the limit and what remains of it. */
  readonly shown: number;
  /** Formats in which a refusal tells when the limit is there again. */
  readonly resets: number;
  /** A limit is shown where fewer than these have less left. */
  readonly maxLimits: number;

  constructor({ formats, hide, maxLimits = DEFAULT_MAX_LIMITS }: ResponseRules["headers"]) {
    const all = formats.reduce((bits, format) => bits | FORMAT[format], 0);
    this.shown = hide === undefined ? all : 0;
    this.resets = hide === "All" ? 0 : all;
    this.maxLimits = maxLimits;
  }
}
