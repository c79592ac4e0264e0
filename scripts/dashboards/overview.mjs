// What the limits do and what the traffic is like: the page to open first.

import { bars, dashboard, lines, query, row, stat, variable } from "./panel.mjs";
import { NAMESPACE, PLACE, quantile, rate, share } from "./queries.mjs";

const ROUTED = `${PLACE}, route=~"$route"`;
const LIMITED = `${PLACE}, policy=~"$policy"`;
const LOW_IS_BAD = [
  [null, "red"],
  [0.01, "orange"],
  [0.2, "green"],
];
const HIGH_IS_BAD = [
  [null, "green"],
  [0.05, "orange"],
  [0.2, "red"],
];

const requests = rate("airl_requests_total", { where: ROUTED });
const fullest = `min by (policy, limit) (airl_limit_remaining_ratio{${LIMITED}})`;
const byBackend = { where: ROUTED, by: ["backend"] };

const now = [
  stat({
    title: "Requests",
    description: "Requests of every kind, refused and failed ones included.",
    unit: "reqps",
    queries: [query(requests)],
  }),
  stat({
    title: "Refused",
    description: "Part of the requests that a limit refused.",
    unit: "percentunit",
    decimals: 1,
    steps: HIGH_IS_BAD,
    queries: [query(share(rate("airl_requests_total", { where: `${ROUTED}, decision="refused"` }), requests))],
  }),
  stat({
    title: "Errors",
    description: "Part of the requests answered 5xx, by the gateway or by a provider.",
    unit: "percentunit",
    decimals: 1,
    steps: HIGH_IS_BAD,
    queries: [query(share(rate("airl_requests_total", { where: `${ROUTED}, status=~"5.."` }), requests))],
  }),
  stat({
    title: "Least budget left",
    description: "Of the fullest counter of any limit; 0 % refuses. A Shadow limit counts too and refuses nothing.",
    unit: "percentunit",
    min: 0,
    max: 1,
    decimals: 1,
    steps: LOW_IS_BAD,
    queries: [query(`min(${fullest})`)],
  }),
  stat({
    title: "Tokens",
    description: "Tokens charged in a minute, prompt and completion.",
    unit: "suffix: /min",
    decimals: 0,
    queries: [query(`60 * ${rate("airl_tokens_total", { where: ROUTED })}`)],
  }),
  stat({
    title: "Cost",
    description: "Cost in an hour at the present rate, by currency.",
    unit: "suffix: /h",
    decimals: 2,
    queries: [query(`3600 * ${rate("airl_cost_total", { where: ROUTED, by: ["currency"] })}`, "{{currency}}")],
  }),
  stat({
    title: "First token, p95",
    description: "From a streamed request's head to the first byte of its answer, 95 % are faster.",
    unit: "s",
    queries: [query(quantile(0.95, "airl_time_to_first_token_seconds", { where: ROUTED }))],
  }),
  stat({
    title: "Data planes",
    description: "Data planes that Prometheus reads.",
    unit: "none",
    decimals: 0,
    steps: [
      [null, "red"],
      [1, "green"],
    ],
    queries: [query(`count(airl_open_requests{${PLACE}})`)],
  }),
];

const limits = [
  lines({
    title: "Refusals by limit",
    description:
      "Requests refused, by the limit that decided and why. price_missing: a Cost limit on a backend without prices.",
    unit: "reqps",
    stack: true,
    queries: [
      query(
        rate("airl_refusals_total", { where: LIMITED, by: ["policy", "limit", "reason"] }),
        "{{policy}} {{limit}} {{reason}}",
      ),
    ],
  }),
  lines({
    title: "Budget left, fullest counters",
    description:
      "Of the fullest counter of a limit in the last one to two minutes; the ten limits with the least left.",
    unit: "percentunit",
    max: 1,
    queries: [query(`bottomk(10, ${fullest})`, "{{policy}} {{limit}}")],
  }),
  bars({
    title: "Budget left now",
    description: "The ten limits with the least left in their fullest counter.",
    unit: "percentunit",
    max: 1,
    steps: LOW_IS_BAD,
    queries: [query(`sort(bottomk(10, ${fullest}))`, "{{policy}} {{limit}}", { instant: true })],
  }),
];

const traffic = [
  lines({
    title: "Requests by decision",
    description:
      "forwarded, refused by a limit, unauthenticated, rejected by an error of the gateway, upstream_failed, client_gone.",
    unit: "reqps",
    stack: true,
    queries: [query(rate("airl_requests_total", { where: ROUTED, by: ["decision"] }), "{{decision}}")],
  }),
  lines({
    title: "Error answers by backend and status",
    description:
      "Answers of 400 and above without the refusals of limits; without a backend they are the gateway's own.",
    unit: "reqps",
    stack: true,
    queries: [
      query(
        rate("airl_requests_total", {
          where: `${ROUTED}, status=~"[45]..", decision!="refused"`,
          by: ["backend", "status"],
        }),
        "{{backend}} {{status}}",
      ),
    ],
  }),
  lines({
    title: "Open requests and streams",
    description: "Requests being handled, and those of them that stream from a backend.",
    unit: "none",
    queries: [
      query(`sum(airl_open_requests{${PLACE}})`, "requests"),
      query(`sum(airl_open_streams{${PLACE}})`, "streams"),
    ],
  }),
  lines({
    title: "Would refuse (Shadow)",
    description: "Requests that limits in Shadow would have refused.",
    unit: "reqps",
    queries: [
      query(rate("airl_would_refuse_total", { where: LIMITED, by: ["policy", "limit"] }), "{{policy}} {{limit}}"),
    ],
  }),
  lines({
    title: "Requests by route",
    description: "All requests, by the route that took them; without a name: no route was found.",
    unit: "reqps",
    stack: true,
    queries: [query(rate("airl_requests_total", { where: ROUTED, by: ["route"] }), "{{route}}")],
  }),
  lines({
    title: "Not charged exactly",
    description:
      "Responses charged by estimate, requests without a price, and requests for which a formula had no value.",
    unit: "reqps",
    queries: [
      query(rate("airl_usage_missing_total", { by: ["backend"] }), "no usage: {{backend}}"),
      query(rate("airl_price_missing_total", { by: ["backend"] }), "no price: {{backend}}"),
      query(
        rate("airl_expression_faults_total", { where: LIMITED, by: ["policy", "limit"] }),
        "no value: {{policy}} {{limit}}",
      ),
    ],
  }),
];

const tokens = [
  lines({
    title: "Tokens by model",
    description: "Tokens charged in a second, by the model that the client named; the ten with the most.",
    unit: "suffix: /s",
    stack: true,
    queries: [query(`topk(10, ${rate("airl_tokens_total", { where: ROUTED, by: ["model"] })})`, "{{model}}")],
  }),
  lines({
    title: "Tokens by kind and source",
    description:
      "reported: by the provider; partial: reported before the response broke off; estimated: from the text.",
    unit: "suffix: /s",
    stack: true,
    queries: [query(rate("airl_tokens_total", { where: ROUTED, by: ["kind", "source"] }), "{{kind}} {{source}}")],
  }),
  lines({
    title: "Cost by model",
    description: "Cost in an hour at the rate of the moment; the ten models with the most.",
    unit: "suffix: /h",
    stack: true,
    queries: [
      query(
        `topk(10, 3600 * ${rate("airl_cost_total", { where: ROUTED, by: ["model", "currency"] })})`,
        "{{model}} {{currency}}",
      ),
    ],
  }),
];

const times = [
  lines({
    title: "Duration of requests",
    description: "From a request's head to the end of its response, refused ones included.",
    unit: "s",
    queries: [0.5, 0.95, 0.99].map((q) =>
      query(quantile(q, "airl_request_duration_seconds", { where: ROUTED }), `p${q * 100}`),
    ),
  }),
  lines({
    title: "Time to first token, p95, by backend",
    description: "Of streamed responses: from the request's head to the first byte.",
    unit: "s",
    queries: [query(quantile(0.95, "airl_time_to_first_token_seconds", byBackend), "{{backend}}")],
  }),
  lines({
    title: "Time per output token, p50, by backend",
    description: "Of streamed responses that came to their end: time after the first byte, by token after the first.",
    unit: "s",
    queries: [query(quantile(0.5, "airl_time_per_output_token_seconds", byBackend), "{{backend}}")],
  }),
  lines({
    title: "Duration, p95, by backend",
    description: "From a request's head to the end of its response; without a name: no backend was chosen.",
    unit: "s",
    queries: [query(quantile(0.95, "airl_request_duration_seconds", byBackend), "{{backend}}")],
  }),
  lines({
    title: "Gateway overhead",
    description: "Time that the gateway itself adds to a forwarded request.",
    unit: "s",
    queries: [0.5, 0.99].map((q) => query(quantile(q, "airl_gateway_overhead_seconds"), `p${q * 100}`)),
  }),
  lines({
    title: "Redis",
    description: "Time until Redis answers the check of a request. Empty where counters are in memory.",
    unit: "s",
    queries: [0.5, 0.99].map((q) => query(quantile(q, "airl_store_latency_seconds"), `p${q * 100}`)),
  }),
];

export const overview = dashboard({
  uid: "airl-overview",
  title: "AI rate limit / Overview",
  description:
    "Refusals, budgets, tokens, cost and times of all gateways. What each panel means stands behind its (i).",
  variables: [
    variable(NAMESPACE),
    variable({ name: "route", label: "Route", values: `label_values(airl_requests_total{${PLACE}}, route)` }),
    variable({ name: "policy", label: "Policy", values: `label_values(airl_limit_remaining_ratio{${PLACE}}, policy)` }),
  ],
  rows: [
    row("Now", now),
    row("Limits", limits),
    row("Traffic", traffic),
    row("Tokens and cost", tokens),
    row("Times", times),
  ],
});
