// Templates: whatever the text, it is compiled or refused in words; what is compiled resolves to what a second reading says.

import { compileTemplate, type Template } from "../../../dataplane/core/template.ts";
import { someFacts } from "../../unit/config/builders.ts";
import { kindOf, law, same } from "../laws.ts";
import type { Random } from "../random.ts";
import type { FuzzTarget } from "../target.ts";

const SENT = ["", "red", "$http_y", "${remote_addr}", "\\$", "a b", "é"] as const;

/** A second reading by one expression: what it finds is a variable, all else stands as it is. */
function referenceText(text: string, valueOf: (name: string) => string | undefined): string | undefined {
  const values: string[] = [];
  const variable = /\\\$|\$\{\s*([\w.]+)\s*(?:\?\?([^}]*))?\}|\$([\w.]+)/g;
  const found = text.replace(variable, (whole, braced?: string, fallback?: string, bare?: string) => {
    if (whole === "\\$") return "$";
    const value = valueOf(braced ?? bare ?? "") ?? fallback?.trim();
    if (value !== undefined) values.push(value);
    return value ?? "";
  });
  return values.length > 0 ? found : undefined;
}

function checkValues(text: string, template: Template, random: Random): string {
  const names = new Set(template.variables.map(({ name }) => name));
  const headers: Record<string, string> = {};
  for (const name of names) {
    const [, header] = /^http_(.+)$/.exec(name) ?? [];
    if (header !== undefined && !random.oneIn(3))
      headers[header.toLowerCase().replaceAll("_", "-")] = random.pick(SENT);
  }
  const facts = someFacts({ headers });
  const value = template.resolve(facts);
  const wanted = referenceText(text, (name) => template.variables.find((each) => each.name === name)?.read(facts));
  same(value, wanted, "the text of a second reading");
  same(template.resolve(facts), value, "the same facts give the same text");
  return value === undefined ? "nothing" : "text";
}

export const target: FuzzTarget = {
  name: "templates",
  shape: "text",
  seeds: [
    "${http_x_id}",
    "$remote_addr-${ consumer_name ?? nobody }_5s",
    "\\$5 for ${arg_q ?? }/${cookie_id}",
    "${http_x_custom_count ?? 500}",
    "$request_method $uri$args${request_llm_model}",
  ],
  tokens: [
    "$",
    "${",
    "}",
    " ?? ",
    "\\$",
    "\\",
    "http_",
    "arg_x",
    "cookie_",
    "remote_addr",
    "uri",
    ".",
    " ",
    "\n",
    "é",
    "{",
  ],
  maxBytes: 512,
  run(input, random) {
    const text = input.toString("utf8");
    const template = compileTemplate(text);
    if (template.ok) return `${checkValues(text, template, random)} ${String(template.variables.length)}`;
    const { found, wanted, position } = template;
    law(wanted !== "", "says what is wanted");
    law(position >= 1 && position <= text.length + 1, "points into the text", position);
    same(text.slice(position - 1, position - 1 + found.length), found, "quotes the text where it points");
    return kindOf(wanted);
  },
};
