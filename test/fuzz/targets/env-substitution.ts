// Environment variables in texts: values are put in once, escapes stay text, and what is missing is named.

import { substituteEnv } from "../../../cli/env-substitution.ts";
import { law, same } from "../laws.ts";
import type { FuzzTarget } from "../target.ts";

const ENV = { A: "<a>", B_1: "${A}", EMPTY: "", DOLLAR: "$", AMP: "$&$1$$" };
const REFERENCE = /(?<![$])((?:[$][$])*)[$][{]([A-Z_][A-Z0-9_]*)[}]/;

export const target: FuzzTarget = {
  name: "env-substitution",
  shape: "text",
  seeds: [
    "x ${A} y ${B_1}",
    "$${A} $$${A} ${NONE} ${EMPTY}",
    "${http_x_id ?? 5} ${a} ${} ${A ${A}}",
    "${AMP}${DOLLAR}{A}",
  ],
  tokens: [
    "${",
    "}",
    "$",
    "$$",
    "{",
    "A",
    "B_1",
    "NONE",
    "EMPTY",
    "AMP",
    "constructor",
    "__proto__",
    "${A}",
    "${TOSTRING}",
    "0",
    "_",
  ],
  run(input) {
    const text = input.toString("utf8");
    const { text: filled, missing } = substituteEnv(text, ENV);
    law(
      missing.every((name) => !(name in ENV) || name === "EMPTY"),
      "what is missing has no value",
      missing,
    );
    for (const name of missing) law(filled.includes(`\${${name}}`), "what is missing stays in the text", name);
    if (!text.includes("${")) same(filled, text, "a text without references stays as it is");
    law(filled.length <= text.length + 10 * text.length, "a text grows by its references alone");
    if (missing.length === 0 && REFERENCE.exec(text)?.[1] === "") law(filled !== text, "a reference is filled in");
    return `${String(Math.min(missing.length, 3))} ${String(filled === text)}`;
  },
};
