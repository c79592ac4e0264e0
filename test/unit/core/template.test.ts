// Texts with variables of a request: what they read as, what they resolve to, and which are refused.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isClientChosen } from "../../../dataplane/core/client-chosen.ts";
import type { KeyPart } from "../../../dataplane/core/limit.ts";
import { readAmount, readWindowMs } from "../../../dataplane/core/resolved-value.ts";
import { compileTemplate } from "../../../dataplane/core/template.ts";
import { type FactParts, someFacts } from "../config/builders.ts";

/** Throws when the template does not compile. */
function resolved(text: string, facts: FactParts = {}): string | undefined {
  const template = compileTemplate(text);
  if (!template.ok) throw new Error(`${template.found}: ${template.wanted}`);
  return template.resolve(someFacts(facts));
}

const consumer = { namespace: "default", name: "alice", username: "a", groups: ["silver", "gold"] };

describe("what a template resolves to", () => {
  const row = (name: string, text: string, facts: FactParts, value: string | undefined) => ({
    name,
    text,
    facts,
    value,
  });
  test.for([
    row("a header by its name in nginx's way", "${http_x_team}", { headers: { "x-team": "red" } }, "red"),
    row("a header in any case", "$http_X_TEAM", { headers: { "x-team": "red" } }, "red"),
    row("spaces within braces", "${  http_x_team  }", { headers: { "x-team": "red" } }, "red"),
    row("text around it", "a-${http_x}-b", { headers: { x: "1" } }, "a-1-b"),
    row("two side by side", "$http_x${http_y}", { headers: { x: "1", y: "2" } }, "12"),
    row("nothing when it is absent", "${http_x}", {}, undefined),
    row("nothing when all are absent, whatever stands around them", "a-$http_x-$arg_y", {}, undefined),
    row("an absent one is empty beside one that is there", "${http_x}/${http_y}", { headers: { y: "2" } }, "/2"),
    row("an empty header is there (APISIX trap 14)", "${http_x}", { headers: { x: "" } }, ""),
    row("a default where it is absent (APISIX trap 13)", "${http_x ?? none}", {}, "none"),
    row("no default where it is empty (APISIX trap 14)", "${http_x ?? none}", { headers: { x: "" } }, ""),
    row("an empty default", "${http_x ??}", {}, ""),
    row("a default with spaces and signs within", "${http_x ?? a b:c}", {}, "a b:c"),
    row("an escaped $ as a character", "\\$http_x-${http_x}", { headers: { x: "1" } }, "$http_x-1"),
    row("a backslash before something else as itself", "a\\b${http_x}", { headers: { x: "1" } }, "a\\b1"),
    row("a parameter by its exact name", "$arg_Team", { parameters: { Team: "red", team: "blue" } }, "red"),
    row("a cookie by its exact name", "${cookie_id}", { headers: { cookie: "ID=1; id=a=b ; id=2" } }, "a=b"),
    row("no cookie that only ends like it", "${cookie_id}", { headers: { cookie: "xid=1; id" } }, undefined),
    row("the address", "${remote_addr}_2s", {}, "192.0.2.7_2s"),
    row("the consumer", "$consumer_name", { consumer }, "alice"),
    row("no consumer", "$consumer_name", {}, undefined),
    row("the first group by name", "$consumer_group_id", { consumer }, "gold"),
    row("no group", "$consumer_group_id", { consumer: { ...consumer, groups: [] } }, undefined),
    row("route and service", "$route_id/$route_name/$service_id/$service_name", { service: "s" }, "chat/chat/s/s"),
    row(
      "path, query and method",
      "$request_method $uri ${request_uri} $args",
      { queryText: "a=b" },
      "POST /chat /chat?a=b a=b",
    ),
    row("the path alone without a query", "$request_uri", {}, "/chat"),
    row("the host", "$host", { host: "llm.example" }, "llm.example"),
    row("the model", "$request_llm_model", { model: "gpt-4o" }, "gpt-4o"),
  ])("[unit] $name: $text", ({ text, facts, value }) => {
    expect(resolved(text, facts)).toBe(value);
  });

  test("[unit] what a client sends is never read as a template", () => {
    const sent = fc.oneof(fc.string(), fc.constantFrom("${http_y}", "$remote_addr", "\\$", "}", "??"));
    fc.assert(
      fc.property(sent, (value) => {
        expect(resolved("<${http_x ?? none}>", { headers: { x: value } })).toBe(`<${value}>`);
      }),
    );
  });

  test("[unit] pieces written one behind the other resolve to their values one behind the other", () => {
    const literal = fc.string({
      unit: fc.constantFrom("a", "/", "-", ":", " ", "é", "\\"),
      minLength: 1,
      maxLength: 5,
    });
    const piece = fc.oneof(
      literal.map((text) => ({ text: text.replace(/\\+$/, "."), value: text.replace(/\\+$/, "."), counts: false })),
      fc.constant({ text: "\\$", value: "$", counts: false }),
      fc.constant({ text: "${http_x}", value: "X", counts: true }),
      fc.constant({ text: "${ arg_q ?? d }", value: "d", counts: true }),
      fc.constant({ text: "${cookie_c}", value: "", counts: false }),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 6 }), (pieces) => {
        const text = pieces.map((each) => each.text).join("");
        fc.pre(text.includes("${"));
        const value = pieces.map((each) => each.value).join("");
        expect(resolved(text, { headers: { x: "X" } })).toBe(pieces.some(({ counts }) => counts) ? value : undefined);
      }),
    );
  });
});

describe("what is refused", () => {
  test.for([
    { text: "", found: "", position: 1 },
    { text: "tenant", found: "", position: 7 },
    { text: "\\$x", found: "", position: 4 },
    { text: "a$", found: "$", position: 2 },
    { text: "$-x", found: "$", position: 1 },
    { text: "a${http_x", found: "${http_x", position: 2 },
    { text: "${}", found: "${}", position: 1 },
    { text: "${ ?? 5}", found: "${ ?? 5}", position: 1 },
    { text: "${http x}", found: "${http x}", position: 1 },
    { text: "${a ?? b ?? c}", found: "${a ?? b ?? c}", position: 1 },
    { text: "${http_x ?? $http_y}", found: "${http_x ?? $http_y}", position: 1 },
    { text: "x${ htp_x }", found: "htp_x", position: 5 },
    { text: "$http_", found: "http_", position: 2 },
    { text: "$remote_addr.5s", found: "remote_addr.5s", position: 2 },
    { text: "$http_a".repeat(9), found: "$http_a".repeat(9), position: 1 },
    { text: `${"a".repeat(250)}$http_x`, found: `${"a".repeat(250)}$http_x`, position: 1 },
  ])("[unit] $text at $position", ({ text, found, position }) => {
    expect(compileTemplate(text)).toMatchObject({ ok: false, found, position });
  });

  test("[unit] any text is compiled or refused where it is wrong", () => {
    const unit = fc.constantFrom("$", "{", "}", "?", "\\", "http_x", "remote_addr", " ", "a", ".", "é");
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 20 }), (text) => {
        const template = compileTemplate(text);
        if (template.ok) {
          expect(template.variables.length).toBeGreaterThan(0);
          return;
        }
        const { found, position } = template;
        expect(text.slice(position - 1, position - 1 + found.length)).toBe(found);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("amounts and windows that a request brings", () => {
  test.for([
    "0",
    "-1",
    "1.5",
    "",
    " 5",
    "+5",
    "1e3",
    "0x10",
    "abc",
    "1001",
    "9007199254740992",
    "99999999999999999",
    "5\u0660",
  ])("[unit] %s is no limit up to 1000", (text) => {
    expect(readAmount(text, { unit: "TotalTokens", max: 1_000 })).toBeUndefined();
  });

  test.for([
    { text: "1", unit: "TotalTokens", max: 1_000, amount: 1 },
    { text: "1000", unit: "Requests", max: 1_000, amount: 1_000 },
    { text: "007", unit: "TotalTokens", max: 1_000, amount: 7 },
    { text: "9007199254740991", unit: "TotalTokens", max: Number.MAX_SAFE_INTEGER, amount: Number.MAX_SAFE_INTEGER },
    { text: "0.000000001", unit: "Cost", max: 1e9, amount: 1 },
    { text: "1", unit: "Cost", max: 1e9, amount: 1e9 },
    { text: "1.000000001", unit: "Cost", max: 1e9, amount: undefined },
    { text: "0.0", unit: "Cost", max: 1e9, amount: undefined },
  ] as const)("[unit] $text of $unit is $amount", ({ text, unit, max, amount }) => {
    expect(readAmount(text, { unit, max })).toBe(amount);
  });

  test.for([
    { text: "60", ms: 60_000 },
    { text: "60s", ms: 60_000 },
    { text: "1h30m", ms: 5_400_000 },
    { text: "366d", ms: 366 * 86_400_000 },
    { text: "0", ms: undefined },
    { text: "0s", ms: undefined },
    { text: "1500ms", ms: undefined },
    { text: "1.5", ms: undefined },
    { text: "367d", ms: undefined },
    { text: "99999999", ms: undefined },
    { text: "", ms: undefined },
    { text: "-60", ms: undefined },
    { text: "minute", ms: undefined },
  ])("[unit] $text is a window of $ms ms", ({ text, ms }) => {
    expect(readWindowMs(text)).toBe(ms);
  });
});

describe("who chooses key values", () => {
  const of = (value: string): KeyPart => ({ type: "Template", value });
  const header: KeyPart = { type: "Header", name: "x" };
  test.for([
    { name: "a header", per: [header], chosen: true },
    { name: "a parameter and a model", per: [{ type: "Query", name: "x" }, { type: "Model" }], chosen: true },
    { name: "a path", per: [{ type: "Path" }], chosen: true },
    { name: "a model", per: [{ type: "Model" }], chosen: false },
    { name: "a header and a route", per: [header, { type: "Route" }], chosen: true },
    { name: "a header and the consumer", per: [header, { type: "Consumer" }], chosen: false },
    { name: "a header and the address", per: [{ type: "IP" }, header], chosen: false },
    { name: "a template of a header", per: [of("${http_x}_2s")], chosen: true },
    { name: "a template with the address", per: [of("${http_x}_${remote_addr}")], chosen: false },
    { name: "a template of the consumer", per: [of("$consumer_name")], chosen: false },
    { name: "a template of the route", per: [of("$route_id")], chosen: false },
    { name: "a template of the route, and a header", per: [of("$route_id"), header], chosen: true },
    { name: "everybody", per: [{ type: "Shared" }], chosen: false },
  ] satisfies { name: string; per: KeyPart[]; chosen: boolean }[])("[unit] $name: by clients alone: $chosen", (row) => {
    expect(isClientChosen(row.per)).toBe(row.chosen);
  });
});
