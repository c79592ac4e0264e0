// Every way to get a policy wrong that somebody will find, with the exact line that they are shown.

import { aLimit, aPolicy } from "./manifest-builders.ts";
import { LABEL, OBJECT_NAME, type Refused, type Row } from "./refused-fields.ts";

const policy = aPolicy(
  {},
  { limits: [aLimit({ when: [{ type: "Model", values: ["gpt-4"] }], per: [{ type: "Consumer" }] })] },
);

const TIME_ZONE = "a time zone of the IANA database, like Europe/Berlin";
const KNOWN_ZONE = "a name that the IANA database has, like Europe/Berlin";
const DURATION = "a duration: a number and s, m, h or d, like 30s; or a template";
const LIMIT = "an integer from 1 to 9007199254740991";
const AMOUNT = `${LIMIT}; with unit Cost also a decimal number in quotes, like "12.50"; or a template`;

const policies: Row[] = [
  { at: "spec.limits", to: [], line: "spec.limits: found a list of 0, wanted at least 1 entry" },
  {
    at: "spec.limits",
    to: Array.from({ length: 17 }, (_, i) => aLimit({ name: `l${String(i)}` })),
    line: "spec.limits: found a list of 17, wanted at most 16 entries",
  },
  { at: "spec.scope", to: "All", line: 'spec.scope: found "All", wanted one of Namespace, Cluster' },
  {
    at: "spec",
    to: { scope: "Cluster", appliesTo: { routes: ["chat"] }, limits: [aLimit()] },
    line: "spec.appliesTo.routes: found a list of 1, wanted no routes with scope Cluster: their names are those of one namespace",
  },
  {
    at: "spec",
    to: { scope: "Cluster", appliesTo: { backends: ["llm"] }, limits: [aLimit()] },
    line: "spec.appliesTo.backends: found a list of 1, wanted no backends with scope Cluster: their names are those of one namespace",
  },
  { at: "spec.limits[0].name", to: "per minute", line: `spec.limits[0].name: found "per minute", wanted ${LABEL}` },
  { at: "spec.limits[0].limit", to: 0, line: `spec.limits[0].limit: found 0, wanted ${LIMIT}` },
  { at: "spec.limits[0].limit", to: 1.5, line: `spec.limits[0].limit: found 1.5, wanted ${AMOUNT}` },
  {
    at: "spec.limits[0].limit",
    to: "500",
    line: 'spec.limits[0].limit: found "500", wanted an integer; a decimal number in quotes goes with unit Cost only',
  },
  {
    at: "spec.limits[0].unit",
    to: "Expression",
    line: "spec.limits[0].expression: found nothing, wanted an expression, which unit Expression counts by",
  },
  {
    at: "spec.limits[0].expression",
    to: "prompt_tokens",
    line: 'spec.limits[0].expression: found "prompt_tokens", wanted no expression, which goes with unit Expression, Cost and RequestPrompt only',
  },
  {
    at: "spec.limits[0].chargeRefused",
    to: true,
    line: "spec.limits[0].chargeRefused: found true, wanted no chargeRefused, which goes with unit RequestPrompt and a Sliding window only",
  },
  {
    at: "spec.limits[0].chargeRefused",
    to: "yes",
    line: 'spec.limits[0].chargeRefused: found "yes", wanted true or false',
  },
  {
    at: "spec.admission",
    to: { estimate: "Prompts" },
    line: 'spec.admission.estimate: found "Prompts", wanted one of None, Prompt',
  },
  {
    at: "spec.admission",
    to: { estimat: "Prompt" },
    line: "spec.admission.estimat: found an unknown field, wanted a known field; did you mean `estimate`?",
  },
  { at: "spec.limits[0].limit", to: 2 ** 53, line: `spec.limits[0].limit: found 9007199254740992, wanted ${LIMIT}` },
  { at: "spec.limits[0].limit", to: undefined, line: `spec.limits[0].limit: found nothing, wanted ${AMOUNT}` },
  {
    at: "spec.limits[0].window.duration",
    to: "90x",
    line: `spec.limits[0].window.duration: found "90x", wanted ${DURATION}`,
  },
  {
    at: "spec.limits[0].window.duration",
    to: "",
    line: `spec.limits[0].window.duration: found "", wanted ${DURATION}`,
  },
  {
    at: "spec.limits[0].window.duration",
    to: 60,
    line: `spec.limits[0].window.duration: found 60, wanted ${DURATION}`,
  },
  {
    at: "spec.limits[0].window.duration",
    to: "30s1m",
    line: `spec.limits[0].window.duration: found "30s1m", wanted ${DURATION}`,
  },
  {
    at: "spec.limits[0].window.duration",
    to: "500ms",
    line: `spec.limits[0].window.duration: found "500ms", wanted ${DURATION}`,
  },
  {
    at: "spec.limits[0].window.duration",
    to: "367d",
    line: 'spec.limits[0].window.duration: found "367d", wanted a duration from 1s to 366d',
  },
  {
    at: "spec.limits[0].window.duration",
    to: "0s",
    line: 'spec.limits[0].window.duration: found "0s", wanted a duration from 1s to 366d',
  },
  { at: "spec.limits[0].window", to: "60s", line: "spec.limits[0].window: found a string, wanted an object" },
  {
    at: "spec.limits[0].window",
    to: {},
    line: "spec.limits[0].window: found none of them, wanted exactly one of duration and calendar",
  },
  {
    at: "spec.limits[0].window",
    to: { duration: "60s", calendar: "Month" },
    line: "spec.limits[0].window: found duration and calendar, wanted exactly one of duration and calendar",
  },
  {
    at: "spec.limits[0].window",
    to: { calendar: "month" },
    line: 'spec.limits[0].window.calendar: found "month", wanted one of Hour, Day, Week, Month, Year',
  },
  {
    at: "spec.limits[0].window",
    to: { calendar: "Month", algorithm: "Fixed" },
    line: 'spec.limits[0].window.algorithm: found "Fixed", wanted no algorithm, which goes with duration only',
  },
  {
    at: "spec.limits[0].window",
    to: { duration: "60s", timeZone: "Europe/Berlin" },
    line: 'spec.limits[0].window.timeZone: found "Europe/Berlin", wanted no timeZone, which goes with calendar only',
  },
  {
    at: "spec.limits[0].window",
    to: { calendar: "Day", anchorDay: 3 },
    line: "spec.limits[0].window.anchorDay: found 3, wanted no anchorDay, which goes with calendar Month only",
  },
  {
    at: "spec.limits[0].window",
    to: { calendar: "Month", anchorDay: 32 },
    line: "spec.limits[0].window.anchorDay: found 32, wanted an integer from 1 to 31",
  },
  {
    at: "spec.limits[0].window",
    to: { calendar: "Month", weekStart: "Sunday" },
    line: 'spec.limits[0].window.weekStart: found "Sunday", wanted no weekStart, which goes with calendar Week only',
  },
  {
    at: "spec.limits[0].window",
    to: { calendar: "Week", weekStart: "Sun" },
    line: 'spec.limits[0].window.weekStart: found "Sun", wanted one of Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday',
  },
  {
    at: "spec.limits[0].window",
    to: { calendar: "Day", timeZone: "Europe/Berln" },
    line: `spec.limits[0].window.timeZone: found "Europe/Berln", wanted ${KNOWN_ZONE}; did you mean \`Europe/Berlin\`?`,
  },
  {
    at: "spec.limits[0].window",
    to: { calendar: "Day", timeZone: "america/new_york" },
    line: `spec.limits[0].window.timeZone: found "america/new_york", wanted ${KNOWN_ZONE}; did you mean \`America/New_York\`?`,
  },
  {
    at: "spec.limits[0].window",
    to: { calendar: "Day", timeZone: "Mars/Olympus_Mons" },
    line: `spec.limits[0].window.timeZone: found "Mars/Olympus_Mons", wanted ${KNOWN_ZONE}`,
  },
  {
    at: "spec.limits[0].window",
    to: { calendar: "Day", timeZone: "+02:00" },
    line: `spec.limits[0].window.timeZone: found "+02:00", wanted ${TIME_ZONE}`,
  },
  {
    at: "spec.limits[0].windw",
    to: { duration: "60s" },
    line: "spec.limits[0].windw: found an unknown field, wanted a known field; did you mean `window`?",
  },
  {
    at: "spec.limits[0].window.algorithm",
    to: "sliding",
    line: 'spec.limits[0].window.algorithm: found "sliding", wanted one of Sliding, Fixed, FixedFromFirst',
  },
  {
    at: "spec.limits[0].unit",
    to: "Tokens",
    line: 'spec.limits[0].unit: found "Tokens", wanted one of TotalTokens, PromptTokens, CompletionTokens, CachedPromptTokens, ReasoningTokens, Requests, RequestPrompt, Cost, Expression',
  },
  {
    at: "spec.limits[0].label",
    to: "a b",
    line: 'spec.limits[0].label: found "a b", wanted a label: letters, digits and !#$%&\'*+-.^_`|~, at most 63',
  },
  {
    at: "spec.limits[0].when[0].name",
    to: "x-team",
    line: 'spec.limits[0].when[0].name: found "x-team", wanted a name (of the request header or query parameter) with types Header and Query, and with no other type',
  },
  {
    at: "spec.limits[0].when[0].type",
    to: "Header",
    line: "spec.limits[0].when[0].name: found nothing, wanted a name (of the request header or query parameter) with types Header and Query, and with no other type",
  },
  {
    at: "spec.limits[0].when[0]",
    to: { type: "Query", values: ["a"] },
    line: "spec.limits[0].when[0].name: found nothing, wanted a name (of the request header or query parameter) with types Header and Query, and with no other type",
  },
  {
    at: "spec.limits[0].when[0]",
    to: { type: "Consumer", by: "CustomId" },
    line: 'spec.limits[0].when[0].by: found "CustomId", wanted one of Name, Username, CustomID',
  },
  {
    at: "spec.limits[0].when[0].type",
    to: "Host",
    line: 'spec.limits[0].when[0].type: found "Host", wanted one of Consumer, ConsumerGroup, Credential, Model, Provider, Backend, Route, Service, Path, Method, Header, Query, IP',
  },
  {
    at: "spec.limits[0].per",
    to: [{ type: "Consumer", skipIfMissing: true }],
    line: "spec.limits[0].per[0].skipIfMissing: found true, wanted no skipIfMissing, which goes with types Header, Query and Template only",
  },
  {
    at: "spec.limits[0].per",
    to: [{ type: "Header", name: "x", skipIfMissing: "yes" }],
    line: 'spec.limits[0].per[0].skipIfMissing: found "yes", wanted true or false',
  },
  {
    at: "spec.limits[0].when[0].by",
    to: "Name",
    line: 'spec.limits[0].when[0].by: found "Name", wanted no by, which goes with type Consumer only',
  },
  {
    at: "spec.limits[0].when[0]",
    to: { type: "IP", match: "Prefix", values: ["10.0.0.0/8"] },
    line: 'spec.limits[0].when[0].match: found "Prefix", wanted no match with type IP: its values are addresses and CIDR ranges',
  },
  {
    at: "spec.limits[0].when[0]",
    to: { type: "IP", values: ["10.0.0.0/8", "10.0.0.0/33"] },
    line: 'spec.limits[0].when[0].values[1]: found "10.0.0.0/33", wanted an IP address or a CIDR range, like 192.0.2.7 or 10.0.0.0/8',
  },
  {
    at: "spec.limits[0].when[0].match",
    to: "Regex",
    line: 'spec.limits[0].when[0].match: found "Regex", wanted one of Exact, Prefix, Glob',
  },
  {
    at: "spec.limits[0].when[0].value",
    to: "gpt-4",
    line: "spec.limits[0].when[0].value: found an unknown field, wanted a known field; did you mean `values`?",
  },
  { at: "spec.limits[0].per", to: [], line: "spec.limits[0].per: found a list of 0, wanted at least 1 entry" },
  {
    at: "spec.limits[0].per",
    to: [{ type: "Shared" }, { type: "Consumer" }],
    line: "spec.limits[0].per: found a list of 2, wanted type Shared alone in its list",
  },
  {
    at: "spec.limits[0].per",
    to: [{ type: "Header" }],
    line: "spec.limits[0].per[0].name: found nothing, wanted a name (of the request header or query parameter) with types Header and Query, and with no other type",
  },
  {
    at: "spec.appliesTo",
    to: { consumers: ["A"] },
    line: `spec.appliesTo.consumers[0]: found "A", wanted ${OBJECT_NAME}`,
  },
  { at: "spec.mode", to: "Off", line: 'spec.mode: found "Off", wanted one of Enforce, Shadow' },
  {
    at: "spec.precedence",
    to: "additive",
    line: 'spec.precedence: found "additive", wanted one of Additive, MostSpecific',
  },
  {
    at: "spec.notify",
    to: [{ percent: 80 }, { percent: 80 }],
    line: "spec.notify[1]: found an object, wanted an entry unlike entry 0",
  },
  { at: "spec.notify", to: [{ percent: 0 }], line: "spec.notify[0].percent: found 0, wanted an integer from 1 to 100" },
  {
    at: "spec.notify",
    to: [{ percent: 101 }],
    line: "spec.notify[0].percent: found 101, wanted an integer from 1 to 100",
  },
  {
    at: "spec.notify",
    to: [{ percent: 12.5 }],
    line: "spec.notify[0].percent: found 12.5, wanted an integer from 1 to 100",
  },
  {
    at: "spec.notify",
    to: Array.from({ length: 9 }, (_, i) => ({ percent: i + 1 })),
    line: "spec.notify: found a list of 9, wanted at most 8 entries",
  },
  {
    at: "spec.priority",
    to: 1,
    line: "spec.priority: found an unknown field, wanted one of appliesTo, scope, precedence, mode, counters, limits, admission, response, notify",
  },
];

export const REFUSED_POLICIES: Refused = { title: "AIRateLimitPolicy", base: policy, rows: policies };
