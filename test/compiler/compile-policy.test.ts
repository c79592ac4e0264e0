// Policies: defaults, conditions, labels, counters, and what is warned of or refused.

import { describe, test } from "vitest";
import type { CompiledLimit, CompiledPolicy } from "../../dataplane/contract/compiled.ts";
import { aBackend, aConsumer, aLimit, aPolicy, aRoute, compiled, linesOf, type Manifest } from "./manifest-builders.ts";

const surroundings = [
  aConsumer({ name: "user1" }, { groups: ["gold"] }),
  aBackend(),
  aRoute(),
  aConsumer({ name: "local", namespace: "ai" }, { groups: ["local-group"] }),
];

function policyOf(spec: Manifest): CompiledPolicy | undefined {
  return compiled(aPolicy({}, spec), ...surroundings).objects.find((object) => object.kind === "AIRateLimitPolicy");
}

function limitOf(changes: Manifest, spec: Manifest = {}): CompiledLimit | undefined {
  return policyOf({ ...spec, limits: [aLimit(changes)] })?.limits[0];
}

test("[unit] the simplest policy has every default", ({ expect }) => {
  expect(policyOf({})).toEqual({
    kind: "AIRateLimitPolicy",
    namespace: "default",
    name: "it",
    createdMs: 0,
    appliesTo: {},
    precedence: "Additive",
    limits: [
      {
        name: "minute",
        counterId: policyOf({})?.limits[0]?.counterId,
        mode: "Enforce",
        when: [],
        per: [{ type: "Consumer" }],
        unit: "TotalTokens",
        limit: 500,
        window: { algorithm: "Sliding", durationMs: 60_000 },
        label: { kind: "fixed", text: "minute" },
      },
    ],
    response: {
      statusCode: 429,
      bodyFormat: "Dialect",
      message: "",
      headers: { formats: ["Window", "IETF"] },
    },
  });
  expect(policyOf({})?.limits[0]?.counterId).toMatch(/^[-\w]{11}$/);
});

test("[unit] an empty list of appliesTo asks nothing", ({ expect }) => {
  const appliesTo = { consumers: ["user1"], consumerGroups: [], routes: [], backends: ["it"] };
  expect(policyOf({ appliesTo })?.appliesTo).toEqual({ consumers: ["user1"], backends: ["it"] });
});

test("[unit] precedence, header formats and windows from the first request are taken over", ({ expect }) => {
  const spec = { precedence: "MostSpecific", response: { headers: { formats: [] } } };
  expect(policyOf(spec)).toMatchObject(spec);
  const fromFirst = limitOf({ window: { duration: "60s", algorithm: "FixedFromFirst" } });
  expect(fromFirst?.window).toEqual({ algorithm: "FixedFromFirst", durationMs: 60_000 });
  expect(fromFirst?.counterId).not.toBe(limitOf({ window: { duration: "60s", algorithm: "Fixed" } })?.counterId);
});

test.for([
  { spec: { calendar: "Day" }, calendar: { unit: "Day", timeZone: "UTC" }, durationMs: 86_400_000 },
  {
    spec: { calendar: "Month", timeZone: "Europe/Berlin", anchorDay: 31 },
    calendar: { unit: "Month", timeZone: "Europe/Berlin", anchorDay: 31 },
    durationMs: 30 * 86_400_000,
  },
  {
    spec: { calendar: "Week", timeZone: "Asia/Katmandu", weekStart: "Sunday" },
    calendar: { unit: "Week", timeZone: "Asia/Katmandu", weekStart: 0 },
    durationMs: 7 * 86_400_000,
  },
])("[unit] a window of the calendar: $spec", ({ spec, calendar, durationMs }, { expect }) => {
  expect(limitOf({ window: spec })?.window).toEqual({ algorithm: "Calendar", durationMs, calendar });
});

test("[unit] windows that end at the same times are one counter however they are written, others are not", ({
  expect,
}) => {
  const idOf = (window: object): string | undefined => limitOf({ window })?.counterId;
  expect(idOf({ calendar: "Month" })).toBe(idOf({ calendar: "Month", timeZone: "UTC", anchorDay: 1 }));
  expect(idOf({ calendar: "Week" })).toBe(idOf({ calendar: "Week", weekStart: "Monday" }));
  const ids = [
    { duration: "24h" },
    { duration: "24h", algorithm: "Fixed" },
    { calendar: "Day" },
    { calendar: "Day", timeZone: "Europe/Berlin" },
    { calendar: "Month" },
    { calendar: "Month", anchorDay: 2 },
    { calendar: "Week" },
    { calendar: "Week", weekStart: "Sunday" },
  ].map(idOf);
  expect(new Set(ids).size).toBe(ids.length);
});

test.for([
  {
    name: "a day of the calendar beside one of 24 hours",
    one: { calendar: "Day" },
    other: { duration: "24h" },
    conflict: false,
  },
  {
    name: "a month of the calendar beside one of 30 days",
    one: { calendar: "Month" },
    other: { duration: "30d" },
    conflict: false,
  },
  { name: "days and months of the calendar", one: { calendar: "Day" }, other: { calendar: "Month" }, conflict: false },
  {
    name: "days of two time zones",
    one: { calendar: "Day" },
    other: { calendar: "Day", timeZone: "Asia/Tokyo" },
    conflict: true,
  },
])(
  "[unit] headers of two limits with one label tell $name apart: $conflict",
  ({ one, other, conflict }, { expect }) => {
    const limits = [one, other].map((window, i) => aLimit({ name: `l${String(i)}`, label: "budget", window }));
    const { findings } = compiled(aPolicy({}, { limits }));
    expect(findings.map(({ code, field }) => `${code} ${field}`)).toEqual(
      conflict ? ["Conflicted spec.limits[1].label"] : [],
    );
  },
);

test.for([
  { policy: undefined, limit: undefined, mode: "Enforce" },
  { policy: "Shadow", limit: undefined, mode: "Shadow" },
  { policy: "Shadow", limit: "Enforce", mode: "Enforce" },
  { policy: "Enforce", limit: "Shadow", mode: "Shadow" },
])("[unit] a limit's mode goes before its policy's: $limit in $policy", ({ policy, limit, mode }, { expect }) => {
  expect(limitOf(limit ? { mode: limit } : {}, policy ? { mode: policy } : {})?.mode).toBe(mode);
});

test.for([
  {
    name: "Consumer by name unless told otherwise",
    given: { type: "Consumer", values: ["user1"] },
    expected: { type: "Consumer", by: "Name", match: "Exact", values: ["user1"] },
  },
  {
    name: "Consumer by username",
    given: { type: "Consumer", by: "Username", match: "Glob", values: ["u*"] },
    expected: { type: "Consumer", by: "Username", match: "Glob", values: ["u*"] },
  },
  {
    name: "Provider in lower case, each once",
    given: { type: "Provider", values: ["OpenAI", "openai"] },
    expected: { type: "Provider", match: "Exact", values: ["openai"] },
  },
  {
    name: "Provider patterns in lower case",
    given: { type: "Provider", match: "Prefix", values: ["Open"] },
    expected: { type: "Provider", match: "Prefix", values: ["open"] },
  },
  {
    name: "header names in lower case, values as they are",
    given: { type: "Header", name: "X-Team", values: ["Red"] },
    expected: { type: "Header", name: "x-team", match: "Exact", values: ["Red"] },
  },
  {
    name: "names of parameters and credentials as they are",
    given: { type: "Query", name: "Team", values: ["Red"] },
    expected: { type: "Query", name: "Team", match: "Exact", values: ["Red"] },
  },
  {
    name: "methods in upper case, each once",
    given: { type: "Method", values: ["post", "POST"] },
    expected: { type: "Method", match: "Exact", values: ["POST"] },
  },
  {
    name: "Consumer by customID",
    given: { type: "Consumer", by: "CustomID", values: ["acct-42"] },
    expected: { type: "Consumer", by: "CustomID", match: "Exact", values: ["acct-42"] },
  },
  {
    name: "addresses as CIDR",
    given: { type: "IP", values: ["10.0.0.0/8", "::1"] },
    expected: { type: "IP", match: "CIDR", values: ["10.0.0.0/8", "::1"] },
  },
  {
    name: "no values: presence",
    given: { type: "Model" },
    expected: { type: "Model", match: "Exact", values: [] },
  },
])("[unit] a condition travels as $name", ({ given, expected }, { expect }) => {
  expect(limitOf({ when: [given] })?.when).toEqual([expected]);
});

const provider = { type: "Provider", values: ["OpenAI"] };
const backend = { type: "Backend", values: ["it"] };

test.for([
  { name: "the given one", given: { label: "mine", when: [provider] }, label: { kind: "fixed", text: "mine" } },
  {
    name: "the only Provider, as it was written",
    given: { when: [provider] },
    label: { kind: "fixed", text: "OpenAI" },
  },
  {
    name: "the first of Backend and Provider",
    given: { when: [backend, provider] },
    label: { kind: "fixed", text: "it" },
  },
  {
    name: "a condition before per",
    given: { when: [backend], per: [{ type: "Model" }] },
    label: { kind: "fixed", text: "it" },
  },
  {
    name: "per, when the condition has two values",
    given: { when: [{ type: "Provider", values: ["a", "b"] }], per: [{ type: "Provider" }] },
    label: { kind: "fact", type: "Provider" },
  },
  {
    name: "Backend before Provider before Model of per",
    given: { per: [{ type: "Model" }, { type: "Provider" }, { type: "Backend" }] },
    label: { kind: "fact", type: "Backend" },
  },
  {
    name: "Model of per",
    given: { per: [{ type: "Consumer" }, { type: "Model" }] },
    label: { kind: "fact", type: "Model" },
  },
  {
    name: "the limit's name, when a pattern may be many values",
    given: { when: [{ type: "Provider", match: "Prefix", values: ["Open"] }] },
    label: { kind: "fixed", text: "minute" },
  },
  {
    name: "the limit's name, when the value is no header token",
    given: { when: [{ type: "Provider", values: ["Open AI"] }] },
    label: { kind: "fixed", text: "minute" },
  },
  {
    name: "the limit's name, when the value is too long",
    given: { when: [{ type: "Provider", values: ["a".repeat(64)] }] },
    label: { kind: "fixed", text: "minute" },
  },
])("[unit] the label is $name", ({ given, label }, { expect }) => {
  expect(limitOf(given)?.label).toEqual(label);
});

describe("counter identity", () => {
  const id = (changes: Manifest, spec: Manifest = {}): string | undefined => limitOf(changes, spec)?.counterId;

  test.for([
    { name: "the limit", changes: { limit: 900 } },
    { name: "the mode", changes: { mode: "Shadow" } },
    { name: "the label", changes: { label: "x" } },
    { name: "the conditions", changes: { when: [provider] } },
    { name: "how the duration is written", changes: { window: { duration: "1m" } } },
    { name: "what is the default anyway", changes: { unit: "TotalTokens", per: [{ type: "Consumer" }] } },
  ])("[unit] survives an edit of $name", ({ changes }, { expect }) => {
    expect(id(changes)).toBe(id({}));
  });

  test.for([
    { name: "the name", changes: { name: "other" } },
    { name: "the unit", changes: { unit: "Requests" } },
    { name: "the duration", changes: { window: { duration: "61s" } } },
    { name: "the algorithm", changes: { window: { duration: "60s", algorithm: "Fixed" } } },
    { name: "per", changes: { per: [{ type: "Model" }] } },
  ])("[unit] changes with $name", ({ changes }, { expect }) => {
    expect(id(changes)).not.toBe(id({}));
  });

  test("[unit] of a header counts its name, in any case of letters", ({ expect }) => {
    const per = (name: string): Manifest => ({ per: [{ type: "Consumer" }, { type: "Header", name }] });
    expect(id(per("X-Team"))).toBe(id(per("x-team")));
    expect(id(per("X-Team"))).not.toBe(id(per("x-user")));
  });

  test("[unit] differs between policies and namespaces", ({ expect }) => {
    const { objects } = compiled(
      aPolicy({ name: "a" }),
      aPolicy({ name: "b" }),
      aPolicy({ name: "a", namespace: "ai" }),
    );
    const policies = objects.filter((object) => object.kind === "AIRateLimitPolicy");
    expect(new Set(policies.map(({ limits }) => limits[0]?.counterId)).size).toBe(3);
  });
});

test.for([
  {
    name: "a consumer",
    spec: { appliesTo: { consumers: ["usr1"] } },
    line: 'spec.appliesTo.consumers[0]: found "usr1", wanted a Consumer of this namespace; did you mean `user1`?',
  },
  {
    name: "a consumer of another namespace",
    spec: { appliesTo: { consumers: ["local"] } },
    line: 'spec.appliesTo.consumers[0]: found "local", wanted a Consumer of this namespace',
  },
  {
    name: "a group that no consumer has",
    spec: { appliesTo: { consumerGroups: ["gold", "silver"] } },
    line: 'spec.appliesTo.consumerGroups[1]: found "silver", wanted a group of a Consumer of this namespace',
  },
  {
    name: "a route",
    spec: { appliesTo: { routes: ["that"] } },
    line: 'spec.appliesTo.routes[0]: found "that", wanted an AIRoute of this namespace',
  },
  {
    name: "a backend",
    spec: { appliesTo: { backends: ["that"] } },
    line: 'spec.appliesTo.backends[0]: found "that", wanted an AIBackend of this namespace',
  },
])("[unit] warns of $name that does not exist, and stays in force", ({ spec, line }, { expect }) => {
  const output = compiled(aPolicy({}, spec), ...surroundings);
  expect(linesOf(output)).toEqual([`warning: AIRateLimitPolicy default/it ${line}`]);
  expect(output.objects.some(({ kind }) => kind === "AIRateLimitPolicy")).toBe(true);
});

test.for([
  { name: "Route", when: { type: "Route", values: ["it", "x"] }, wanted: "an AIRoute of this namespace" },
  { name: "Backend", when: { type: "Backend", values: ["it", "x"] }, wanted: "an AIBackend of this namespace" },
  {
    name: "Consumer",
    when: { type: "Consumer", values: ["user1", "x"] },
    wanted: "a Consumer of this or the system namespace",
  },
  {
    name: "ConsumerGroup",
    when: { type: "ConsumerGroup", values: ["gold", "x"] },
    wanted: "a group of a Consumer of this or the system namespace",
  },
  {
    name: "Provider",
    when: { type: "Provider", values: ["OPENAI", "x"] },
    wanted: "one of the providers OpenAI, OpenAICompatible, Anthropic",
  },
])("[unit] warns of an Exact $name condition that nothing can meet", ({ when, wanted }, { expect }) => {
  expect(linesOf(compiled(aPolicy({}, { limits: [aLimit({ when: [when] })] }), ...surroundings))).toEqual([
    `warning: AIRateLimitPolicy default/it spec.limits[0].when[0].values[1]: found "x", wanted ${wanted}`,
  ]);
});

test.for([
  { name: "a pattern", when: { type: "Route", match: "Prefix", values: ["x"] } },
  { name: "a username", when: { type: "Consumer", by: "Username", values: ["x"] } },
  { name: "a model", when: { type: "Model", values: ["x"] } },
])("[unit] does not warn of $name", ({ when }, { expect }) => {
  expect(linesOf(compiled(aPolicy({}, { limits: [aLimit({ when: [when] })] }), ...surroundings))).toEqual([]);
});

test("[unit] a condition may ask for consumers and groups of the system namespace", ({ expect }) => {
  const when = [
    { type: "Consumer", values: ["local", "user1"] },
    { type: "ConsumerGroup", values: ["local-group", "gold"] },
  ];
  const policy = aPolicy({ namespace: "ai" }, { limits: [aLimit({ when })] });
  expect(linesOf(compiled(policy, ...surroundings))).toEqual([]);
});

test("[unit] warns of a counter that clients choose", ({ expect }) => {
  const header = { type: "Header", name: "x-id" };
  const limits = [aLimit({ per: [header] }), aLimit({ name: "b", label: "b", per: [header, { type: "Consumer" }] })];
  expect(linesOf(compiled(aPolicy({}, { limits })))).toEqual([
    "warning: AIRateLimitPolicy default/it spec.limits[0].per: found type Header only, whose value the client chooses, wanted another part beside it, such as {type: Consumer}; now 10000 values (maxKeys) are told apart in a window",
  ]);
});

test("[unit] warns of a window that clients choose, not of one that routes decide", ({ expect }) => {
  const linesFor = (duration: string): string[] =>
    linesOf(compiled(aPolicy({}, { limits: [aLimit({ window: { duration } })] })));
  expect(linesFor("${http_x_window ?? 60s}")).toEqual([
    'warning: AIRateLimitPolicy default/it spec.limits[0].window.duration: found "${http_x_window ?? 60s}": a client may choose the length, and with another length it has another counter, wanted a variable that something in front of the gateway sets, whatever the client sends',
  ]);
  expect(linesFor("${service_id ?? 60s}")).toEqual([]);
});

test("[unit] what requests bring travels as text, beside the greatest that is taken", ({ expect }) => {
  const limit = limitOf({
    limit: "${http_x ?? 500}",
    max: 1000,
    window: { duration: "${service_id ?? 60}", algorithm: "Fixed" },
    per: [{ type: "Template", value: "${http_x_id}", skipIfMissing: true }],
    fallback: true,
    maxKeys: 7,
  });
  expect(limit).toMatchObject({
    limit: 1000,
    limitTemplate: "${http_x ?? 500}",
    window: { algorithm: "Fixed", durationMs: 366 * 86_400_000 },
    windowTemplate: "${service_id ?? 60}",
    per: [{ type: "Template", value: "${http_x_id}", skipIfMissing: true }],
    fallback: true,
    maxKeys: 7,
  });
  expect(limitOf({ limit: "${http_x ?? 2.5}", max: 3, unit: "Cost" })).toMatchObject({ limit: 3e9 });
});

test("[unit] a key without a variable is refused; it is not there without effect (APISIX trap 12)", ({ expect }) => {
  const per = [{ type: "Template", value: "\\$all" }];
  expect(linesOf(compiled(aPolicy({}, { limits: [aLimit({ per })] })))).toEqual([
    "AIRateLimitPolicy default/it spec.limits[0].per[0].value: found nothing at character 6, wanted a variable in it, like ${http_x_id}",
  ]);
});

test("[unit] a counter is that of its policy, or of all with one counters.namespace", ({ expect }) => {
  const idOf = (name: string, namespace?: string): string | undefined => {
    const { objects } = compiled(aPolicy({ name }, namespace === undefined ? {} : { counters: { namespace } }));
    return objects.find((object) => object.kind === "AIRateLimitPolicy")?.limits[0]?.counterId;
  };
  expect(idOf("a", "")).toBe(idOf("a"));
  expect(idOf("a", "team")).toBe(idOf("b", "team"));
  expect(new Set([idOf("a"), idOf("b"), idOf("team"), idOf("a", "team"), idOf("a", "a")]).size).toBe(5);
});

test.for([
  { name: "the limit becomes a template", changed: { limit: "${http_x ?? 5}", max: 9 }, same: true },
  { name: "fallback and maxKeys", changed: { fallback: true }, same: true },
  { name: "the window becomes a template", changed: { window: { duration: "${route_id ?? 60}" } }, same: false },
  { name: "per gets a template", changed: { per: [{ type: "Template", value: "$uri" }] }, same: false },
])("[unit] a counter is kept when $name: $same", ({ changed, same }, { expect }) => {
  expect(limitOf(changed)?.counterId === limitOf({})?.counterId).toBe(same);
});

test("[unit] the default of a window's template may change without new counters, that of a key may not", ({
  expect,
}) => {
  const withWindow = (duration: string): string | undefined => limitOf({ window: { duration } })?.counterId;
  expect(withWindow("${route_id ?? 60}")).toBe(withWindow("${route_id ?? 90}"));
  const withKey = (value: string): string | undefined => limitOf({ per: [{ type: "Template", value }] })?.counterId;
  expect(withKey("${route_id ?? a}")).not.toBe(withKey("${route_id ?? b}"));
});

test.for([
  { name: "label, window and unit are equal", second: { name: "b", label: "MINUTE" }, conflict: true },
  {
    name: "the window is written differently",
    second: { name: "b", label: "minute", window: { duration: "1m" } },
    conflict: true,
  },
  {
    name: "only the algorithm differs",
    second: { name: "b", label: "minute", window: { duration: "60s", algorithm: "Fixed" } },
    conflict: true,
  },
  { name: "the label differs", second: { name: "b" }, conflict: false },
  { name: "the window differs", second: { name: "b", label: "minute", window: { duration: "1h" } }, conflict: false },
  { name: "the unit differs", second: { name: "b", label: "minute", unit: "Requests" }, conflict: false },
])("[unit] two limits with one header name: $name", ({ second, conflict }, { expect }) => {
  const { objects, findings } = compiled(aPolicy({}, { limits: [aLimit(), aLimit(second)] }));
  expect(findings.map(({ severity, code, field }) => [severity, code, field])).toEqual(
    conflict ? [["error", "Conflicted", "spec.limits[1].label"]] : [],
  );
  expect(objects.length).toBe(conflict ? 0 : 1);
});

test.for([
  { name: "a token limit keeps its label", units: ["TotalTokens", "Cost"], labels: ["x", "x-cost"] },
  {
    name: "all others get their unit",
    units: ["Requests", "PromptTokens", "CompletionTokens", "Expression"],
    labels: ["x-requests", "x-prompt", "x-completion", "x-expression"],
  },
  { name: "a unit alone keeps its label", units: ["Cost"], labels: ["x"] },
])("[unit] limits of one window and label: $name", ({ units, labels }, { expect }) => {
  const limits = units.map((unit, i) =>
    aLimit({ name: `l${i}`, label: "x", unit, ...(unit === "Expression" ? { expression: "1" } : {}) }),
  );
  const of = (per: readonly object[]): unknown => {
    const given = per.length === 0 ? limits : limits.map(({ label: _label, ...limit }) => ({ ...limit, per }));
    const [policy] = compiled(aPolicy({}, { limits: given })).objects;
    return policy?.kind === "AIRateLimitPolicy" && policy.limits.map(({ label }) => label);
  };
  expect(of([])).toEqual(labels.map((text) => ({ kind: "fixed", text })));
  const suffixes = labels.map((label) => label.slice(1)).map((suffix) => (suffix === "" ? {} : { suffix }));
  expect(of([{ type: "Model" }])).toEqual(suffixes.map((suffix) => ({ kind: "fact", type: "Model", ...suffix })));
});

test("[unit] a label that gets its unit stays a header's name, and must not meet another", ({ expect }) => {
  const long = "y".repeat(63);
  const both = [aLimit({ label: long }), aLimit({ name: "b", label: long, unit: "Requests" })];
  const [policy] = compiled(aPolicy({}, { limits: both })).objects;
  expect(policy?.kind === "AIRateLimitPolicy" && policy.limits[1]?.label).toEqual({
    kind: "fixed",
    text: `${"y".repeat(54)}-requests`,
  });
  const third = aLimit({ name: "c", label: `${"y".repeat(54)}-requests`, unit: "Requests" });
  const { findings } = compiled(aPolicy({}, { limits: [...both, third] }));
  expect(findings.map(({ code, field }) => `${code} ${field}`)).toEqual(["Conflicted spec.limits[2].label"]);
});

test("[unit] refuses the youngest policy that brings more than 64 limits onto every request", ({ expect }) => {
  const limits = Array.from({ length: 16 }, (_, i) => aLimit({ name: `l${String(i)}` }));
  const aged = (i: number, spec: Manifest = {}): Manifest =>
    aPolicy({ name: `p${String(i)}`, creationTimestamp: `2026-01-0${String(9 - i)}T00:00:00Z` }, { limits, ...spec });
  const policies = [0, 1, 2, 3, 4].map((i) => aged(i));
  const narrow = aged(5, { appliesTo: { consumers: ["user1"] } });
  const conditional = aged(6, { limits: limits.map((limit) => ({ ...limit, when: [{ type: "Model" }] })) });
  const { objects, findings } = compiled(...policies, narrow, conditional, ...surroundings);
  expect(findings.map(({ code, object }) => `${code} ${object.name}`)).toEqual(["TooManyLimits p0"]);
  expect(objects.filter(({ kind }) => kind === "AIRateLimitPolicy").map(({ name }) => name)).toEqual([
    "p1",
    "p2",
    "p3",
    "p4",
    "p5",
    "p6",
  ]);
});

test("[unit] of MostSpecific policies for the whole namespace only the oldest counts towards 64, and one in Shadow", ({
  expect,
}) => {
  const limits = Array.from({ length: 16 }, (_, i) => aLimit({ name: `l${String(i)}` }));
  const aged = (day: number, spec: Manifest = {}): Manifest =>
    aPolicy({ name: `p${String(day)}`, creationTimestamp: `2026-01-0${String(day)}T00:00:00Z` }, { limits, ...spec });
  const specific = [1, 2, 3].map((day) => aged(day, { precedence: "MostSpecific" }));
  const watched = [4, 5].map((day) => aged(day, { precedence: "MostSpecific", mode: "Shadow" }));
  const { findings } = compiled(...specific, ...watched, aged(6), aged(7), aged(8), ...surroundings);
  const others = ["p2", "p3", "p4", "p5"].map((name) => `Conflicted ${name}`);
  expect(findings.map(({ code, object }) => `${code} ${object.name}`)).toEqual([...others, "TooManyLimits p8"]);
});

test.for([
  { notify: undefined, compiledTo: undefined },
  { notify: [{ percent: 100 }, { percent: 80 }], compiledTo: undefined },
  { notify: [], compiledTo: [] },
  { notify: [{ percent: 90 }, { percent: 5 }, { percent: 50 }], compiledTo: [5, 50, 90] },
])("[unit] notify $notify: ascending, and left out where it is the default", ({ notify, compiledTo }, { expect }) => {
  expect(policyOf(notify === undefined ? {} : { notify })?.notify).toEqual(compiledTo);
});
