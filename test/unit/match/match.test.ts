// Which limits concern a request, and what their counters are kept for.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Condition, Limit } from "../../../dataplane/core/limit.ts";
import {
  type AppliesTo,
  appliesToCaller,
  createMatcher,
  globMatches,
  isSkipped,
  keyValues,
  labelText,
} from "../../../dataplane/core/match.ts";
import type { ConsumerFacts } from "../../../dataplane/core/request-facts.ts";
import { aLimit, type FactParts, someFacts } from "../config/builders.ts";

const alice: ConsumerFacts = {
  namespace: "default",
  name: "alice",
  username: "a.smith",
  customID: "acct-42",
  groups: ["silver", "gold"],
};
const guest: ConsumerFacts = { namespace: "elsewhere", name: "alice", username: "alice", groups: ["gold"] };

function limitOf(parts: Partial<Omit<Limit, "policy">>): Limit {
  const window = { algorithm: "Sliding", durationMs: 60_000 } as const;
  return { ...aLimit(), window, policy: { namespace: "default", name: "policy" }, ...parts };
}

describe("appliesTo", () => {
  const row = (name: string, appliesTo: AppliesTo, found: string | undefined) => ({ name, appliesTo, found });
  test.for([
    row("holds for everyone without lists", {}, undefined),
    row("holds when the consumer is named", { consumers: ["bob", "alice"] }, undefined),
    row("fails when another consumer is named", { consumers: ["bob"] }, "consumers"),
    row("does not take the username for the name", { consumers: ["a.smith"] }, "consumers"),
    row("holds when one group of several is named", { consumerGroups: ["gold", "iron"] }, undefined),
    row("fails when no group is named", { consumerGroups: ["iron"] }, "consumerGroups"),
    row("holds when the route is named", { routes: ["chat"] }, undefined),
    row("fails when another route is named", { routes: ["batch"] }, "routes"),
    row("leaves backends for later", { backends: ["elsewhere"] }, undefined),
    row(
      "holds when every list names the request",
      { consumers: ["alice"], consumerGroups: ["gold"], routes: ["chat"] },
      undefined,
    ),
    row(
      "fails when one list of several does not",
      { consumers: ["alice"], consumerGroups: ["iron"], routes: ["chat"] },
      "consumerGroups",
    ),
    row("fails on a list without names", { consumers: [] }, "consumers"),
  ])("[unit] $name", ({ appliesTo, found }) => {
    expect(appliesToCaller(appliesTo, "default", { route: "chat", consumer: alice })).toBe(found);
  });

  test.for([
    {
      name: "a consumer of another namespace is not the one named here",
      appliesTo: { consumers: ["alice"] },
      consumer: guest,
    },
    { name: "nor is it in a group of this namespace", appliesTo: { consumerGroups: ["gold"] }, consumer: guest },
    { name: "nobody is not a consumer", appliesTo: { consumers: ["alice"] }, consumer: undefined },
    { name: "nobody is in no group", appliesTo: { consumerGroups: ["gold"] }, consumer: undefined },
  ])("[unit] $name", ({ appliesTo, consumer }) => {
    expect(appliesToCaller(appliesTo, "default", { route: "chat", consumer })).toBeDefined();
  });
});

describe("conditions", () => {
  const row = (
    name: string,
    condition: Partial<Condition> & Pick<Condition, "type">,
    facts: FactParts,
    holds: boolean,
  ) => ({
    name,
    condition,
    facts,
    holds,
  });
  test.for([
    row("Exact is the whole value", { type: "Model", values: ["gpt-4"] }, { model: "gpt-4o" }, false),
    row("Exact takes any of its values", { type: "Model", values: ["o1", "gpt-4"] }, { model: "gpt-4" }, true),
    row("Exact minds case", { type: "Model", values: ["GPT-4"] }, { model: "gpt-4" }, false),
    row("Prefix is how a value starts", { type: "Model", match: "Prefix", values: ["gpt-"] }, { model: "gpt-4" }, true),
    row(
      "Prefix is not what stands within",
      { type: "Model", match: "Prefix", values: ["4"] },
      { model: "gpt-4" },
      false,
    ),
    row("Glob is the whole value", { type: "Model", match: "Glob", values: ["gpt-?"] }, { model: "gpt-4o" }, false),
    row("without values a fact has to be there", { type: "Model" }, { model: "m" }, true),
    row("without values an absent fact fails", { type: "Model" }, {}, false),
    row("an empty model is there", { type: "Model" }, { model: "" }, true),
    row("an absent model matches no pattern", { type: "Model", match: "Glob", values: ["*"] }, {}, false),
    row("Consumer is the object's name", { type: "Consumer", values: ["alice"] }, { consumer: alice }, true),
    row(
      "Consumer by Username is the username",
      { type: "Consumer", by: "Username", values: ["a.smith"] },
      { consumer: alice },
      true,
    ),
    row(
      "Consumer by Username is not the name",
      { type: "Consumer", by: "Username", values: ["alice"] },
      { consumer: alice },
      false,
    ),
    row(
      "Consumer by CustomID is the customID",
      { type: "Consumer", by: "CustomID", values: ["acct-42"] },
      { consumer: alice },
      true,
    ),
    row("Consumer by CustomID fails without one", { type: "Consumer", by: "CustomID" }, { consumer: guest }, false),
    row("Consumer fails for nobody", { type: "Consumer" }, {}, false),
    row("Credential is its name", { type: "Credential", values: ["main"] }, { credential: "main" }, true),
    row("Credential fails for nobody", { type: "Credential" }, {}, false),
    row("Service is the route's", { type: "Service", values: ["chat"] }, { service: "chat" }, true),
    row("Service fails where the route names none", { type: "Service" }, {}, false),
    row("Path is the whole path", { type: "Path", values: ["/v1"] }, { path: "/v1/chat" }, false),
    row("Path by prefix is text", { type: "Path", match: "Prefix", values: ["/v1"] }, { path: "/v1x" }, true),
    row("Path minds case and encoding", { type: "Path", values: ["/a"] }, { path: "/%61" }, false),
    row("Method", { type: "Method", values: ["POST"] }, { method: "POST" }, true),
    row("another Method", { type: "Method", values: ["POST"] }, { method: "GET" }, false),
    row("Query is a parameter", { type: "Query", name: "tier", values: ["a"] }, { parameters: { tier: "a" } }, true),
    row("Query is looked up by its name", { type: "Query", name: "tier" }, { parameters: { Tier: "a" } }, false),
    row("Query that is empty is there", { type: "Query", name: "tier" }, { parameters: { tier: "" } }, true),
    row("Header that is empty is there", { type: "Header", name: "x" }, { headers: { x: "" } }, true),
    row("ConsumerGroup is any group", { type: "ConsumerGroup", values: ["gold"] }, { consumer: alice }, true),
    row("ConsumerGroup fails without groups", { type: "ConsumerGroup" }, { consumer: { ...alice, groups: [] } }, false),
    row(
      "Header is looked up by its name",
      { type: "Header", name: "x-tier", values: ["a"] },
      { headers: { "x-tier": "a" } },
      true,
    ),
    row("Header fails when absent", { type: "Header", name: "x-tier" }, { headers: { "x-other": "a" } }, false),
    row(
      "Header given twice is neither value",
      { type: "Header", name: "x", values: ["a"] },
      { headers: { x: "a, b" } },
      false,
    ),
    row("IP is a block", { type: "IP", match: "CIDR", values: ["10.0.0.0/8"] }, { clientIp: "10.9.8.7" }, true),
    row(
      "IP outside all blocks fails",
      { type: "IP", match: "CIDR", values: ["10.0.0.0/8", "::1"] },
      { clientIp: "11.0.0.1" },
      false,
    ),
    row("IP that is no address fails", { type: "IP", match: "CIDR", values: ["::/0"] }, { clientIp: "" }, false),
    row("Provider", { type: "Provider", values: ["bedrock"] }, { provider: "bedrock" }, true),
    row("Backend", { type: "Backend", values: ["east"] }, { backend: "west" }, false),
    row("Route", { type: "Route", values: ["chat"] }, { route: "chat" }, true),
  ])("[unit] $name", ({ condition, facts, holds }) => {
    const matcher = createMatcher({ match: "Exact", values: [], ...condition });
    expect(matcher.matches(someFacts(facts))).toBe(holds);
  });
});

describe("glob", () => {
  test.for([
    { pattern: "*", value: "", matches: true },
    { pattern: "", value: "", matches: true },
    { pattern: "", value: "a", matches: false },
    { pattern: "?", value: "", matches: false },
    { pattern: "a*", value: "a", matches: true },
    { pattern: "*a", value: "ba", matches: true },
    { pattern: "*ab*ba*", value: "aba", matches: false },
    { pattern: "a*b*c", value: "a-b-b-c", matches: true },
    { pattern: "**?", value: "x", matches: true },
    { pattern: "gpt-4*", value: "gpt-4o-mini", matches: true },
    { pattern: "gpt.4", value: "gpt-4", matches: false },
    { pattern: "*", value: "a\nb", matches: true },
  ])("[unit] $pattern and $value: $matches", ({ pattern, value, matches }) => {
    expect(globMatches(pattern, value)).toBe(matches);
  });

  test("[unit] a glob matches what the regular expression of the same meaning matches", () => {
    const pattern = fc.string({ unit: fc.constantFrom("*", "?", "a", "b", ".", "["), maxLength: 8 });
    const value = fc.string({ unit: fc.constantFrom("a", "b", ".", "["), maxLength: 12 });
    fc.assert(
      fc.property(pattern, value, (glob, text) => {
        const source = glob.replace(/[.[]/g, "\\$&").replaceAll("*", "[^]*").replaceAll("?", "[^]");
        expect(globMatches(glob, text)).toBe(new RegExp(`^${source}$`).test(text));
      }),
      { numRuns: 2_000 },
    );
  });

  test("[unit] many stars on a long hostile value take no exponential time", () => {
    const started = performance.now();
    expect(globMatches("*a".repeat(100) + "*b", "a".repeat(8_192))).toBe(false);
    expect(performance.now() - started).toBeLessThan(1_000);
  });
});

describe("key values", () => {
  const row = (name: string, parts: Partial<Omit<Limit, "policy">>, facts: FactParts, values: [string, string][]) => ({
    name,
    parts,
    facts,
    values,
  });
  const byGroup = (...values: string[]): Condition => ({ type: "ConsumerGroup", match: "Exact", values });
  test.for([
    row("a consumer counts under namespace and name", { per: [{ type: "Consumer" }] }, { consumer: alice }, [
      ["Consumer", "default/alice"],
    ]),
    row("nobody counts by address", { per: [{ type: "Consumer" }] }, {}, [["IP", "192.0.2.7"]]),
    row(
      "a group that a condition names is chosen",
      { per: [{ type: "ConsumerGroup" }], when: [byGroup("silver")] },
      { consumer: alice },
      [["ConsumerGroup", "silver"]],
    ),
    row("of several groups the first by name", { per: [{ type: "ConsumerGroup" }] }, { consumer: alice }, [
      ["ConsumerGroup", "gold"],
    ]),
    row(
      "a consumer without groups counts for itself",
      { per: [{ type: "ConsumerGroup" }] },
      { consumer: { ...alice, groups: [] } },
      [["Consumer", "default/alice"]],
    ),
    row("nobody's group is the address", { per: [{ type: "ConsumerGroup" }] }, {}, [["IP", "192.0.2.7"]]),
    row(
      "a header counts under its name",
      { per: [{ type: "Header", name: "x-team" }] },
      { headers: { "x-team": "red" } },
      [["Header:x-team", "red"]],
    ),
    row("an absent header is the address", { per: [{ type: "Header", name: "x-team" }] }, {}, [["IP", "192.0.2.7"]]),
    row(
      "an empty header is a value, not an absent one",
      { per: [{ type: "Header", name: "x-team" }] },
      { headers: { "x-team": "" } },
      [["Header:x-team", ""]],
    ),
    row("a parameter counts under its name", { per: [{ type: "Query", name: "t" }] }, { parameters: { t: "red" } }, [
      ["Query:t", "red"],
    ]),
    row("an absent parameter is the address", { per: [{ type: "Query", name: "t" }] }, {}, [["IP", "192.0.2.7"]]),
    row(
      "a credential counts under its consumer",
      { per: [{ type: "Credential" }] },
      { consumer: alice, credential: "main" },
      [["Credential", "default/alice/main"]],
    ),
    row("without a credential the address counts", { per: [{ type: "Credential" }] }, { consumer: alice }, [
      ["IP", "192.0.2.7"],
    ]),
    row("a service counts under its name", { per: [{ type: "Service" }] }, { service: "chat" }, [["Service", "chat"]]),
    row("a route without a service counts for itself", { per: [{ type: "Service" }] }, { route: "chat" }, [
      ["Route", "chat"],
    ]),
    row("Path and Method", { per: [{ type: "Path" }, { type: "Method" }] }, { path: "/a", method: "PUT" }, [
      ["Path", "/a"],
      ["Method", "PUT"],
    ]),
    row("Shared is one counter per limit", { per: [{ type: "Shared" }], counterId: "id-1" }, { consumer: alice }, [
      ["Shared", "id-1"],
    ]),
    row("an absent model is a value of its own", { per: [{ type: "Model" }] }, {}, [["Model", ""]]),
    row(
      "several parts keep their order",
      { per: [{ type: "Route" }, { type: "Consumer" }, { type: "Provider" }] },
      { consumer: alice },
      [
        ["Route", "chat"],
        ["Consumer", "default/alice"],
        ["Provider", "openai"],
      ],
    ),
  ])("[unit] $name", ({ parts, facts, values }) => {
    expect(keyValues(limitOf(parts), someFacts(facts))).toEqual(values);
  });

  test.for([
    { name: "an absent header", per: { type: "Header" }, facts: {}, skipped: true },
    { name: "an empty header", per: { type: "Header" }, facts: { headers: { x: "" } }, skipped: false },
    { name: "an absent parameter", per: { type: "Query" }, facts: { headers: { x: "1" } }, skipped: true },
    { name: "a parameter", per: { type: "Query" }, facts: { parameters: { x: "1" } }, skipped: false },
  ] as const)("[unit] skipIfMissing with $name: $skipped", ({ per, facts, skipped }) => {
    const parts = [{ type: "Consumer" as const }, { ...per, name: "x" }];
    expect(isSkipped(limitOf({ per: parts }), someFacts(facts))).toBe(false);
    const skipping = parts.map((part) => ("name" in part ? { ...part, skipIfMissing: true } : part));
    expect(isSkipped(limitOf({ per: skipping }), someFacts(facts))).toBe(skipped);
  });

  test("[unit] no header value makes a caller count as a consumer, a group, an address or another header", () => {
    fc.assert(
      fc.property(fc.string(), (value) => {
        const limit = limitOf({ per: [{ type: "Header", name: "x-id" }] });
        expect(keyValues(limit, someFacts({ headers: { "x-id": value } }))).toEqual([["Header:x-id", value]]);
      }),
    );
  });

  test("[unit] consumers of one name in two namespaces count apart, wherever a name ends (APISIX trap 43)", () => {
    const limit = limitOf({});
    const [one, other] = [
      { ...alice, namespace: "a-b", name: "c" },
      { ...alice, namespace: "a", name: "b-c" },
    ].map((consumer) => keyValues(limit, someFacts({ consumer })));
    expect(one).not.toEqual(other);
    expect(keyValues(limit, someFacts({ consumer: alice }))).not.toEqual(
      keyValues(limit, someFacts({ consumer: guest })),
    );
  });
});

describe("labels", () => {
  test.for([
    { name: "a fixed label is itself", label: { kind: "fixed", text: "bedrock" }, facts: {}, text: "bedrock" },
    {
      name: "a fact's label is its value",
      label: { kind: "fact", type: "Model" },
      facts: { model: "gpt-4" },
      text: "gpt-4",
    },
    {
      name: "an absent fact's label is the limit's name",
      label: { kind: "fact", type: "Model" },
      facts: {},
      text: "minute",
    },
    {
      name: "a backend's label is its name",
      label: { kind: "fact", type: "Backend" },
      facts: { backend: "east" },
      text: "east",
    },
  ] as const)("[unit] $name", ({ label, facts, text }) => {
    expect(labelText(label, "minute", someFacts(facts))).toBe(text);
  });
});
