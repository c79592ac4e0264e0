// Every case, by name.

import type { OptionCase } from "../world.ts";
import { ANSWER_CASES } from "./answers.ts";
import { CALLER_CASES } from "./callers.ts";
import { HEADER_CASES } from "./headers.ts";
import { IDENTIFICATION_CASES } from "./identification.ts";
import { KEY_CASES } from "./keys.ts";
import { PROMPT_CASES } from "./prompts.ts";
import { UNIT_CASES } from "./units.ts";
import { VARIABLE_CASES } from "./variables.ts";
import { WINDOW_CASES } from "./windows.ts";

export const CASES: readonly OptionCase[] = [
  ...KEY_CASES,
  ...WINDOW_CASES,
  ...UNIT_CASES,
  ...ANSWER_CASES,
  ...IDENTIFICATION_CASES,
  ...HEADER_CASES,
  ...CALLER_CASES,
  ...VARIABLE_CASES,
  ...PROMPT_CASES,
];
