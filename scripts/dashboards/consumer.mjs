// One consumer: what it asks, what it is refused, what it uses. Needs data planes that count consumers by name.

import { bars, dashboard, lines, query, row, stat, text, variable } from "./panel.mjs";
import { NAMESPACE, PLACE, rate, share } from "./queries.mjs";

const ONE = `${PLACE}, consumer=~"$consumer"`;
const requests = rate("airl_consumer_requests_total", { where: ONE });
const tokens = rate("airl_consumer_tokens_total", { where: ONE });

const NOTE = `Consumers are labels only where the data planes run with \`AIRL_METRICS_CONSUMERS\` above 0: without it these panels are **empty**, and *Counted by name* says so. The first consumers to call get names of their own, all others are \`other\`. What a consumer has left of its limits is not in Prometheus: ask the gateway with the consumer's own key (\`GET /.airl/usage\`).`;

const now = [
  stat({
    title: "Counted by name",
    description: "Most consumers that a data plane counts by name (AIRL_METRICS_CONSUMERS).",
    unit: "none",
    decimals: 0,
    width: 4,
    steps: [
      [null, "orange"],
      [1, "green"],
    ],
    mappings: [
      { type: "value", options: { 0: { text: "off: set AIRL_METRICS_CONSUMERS", color: "orange", index: 0 } } },
    ],
    queries: [query(`max(airl_consumer_labels_max{${PLACE}})`)],
  }),
  stat({
    title: "Requests",
    description: "Requests of this consumer, refused ones included.",
    unit: "reqps",
    width: 4,
    queries: [query(requests)],
  }),
  stat({
    title: "Refused",
    description: "Part of this consumer's requests that a limit refused.",
    unit: "percentunit",
    decimals: 1,
    width: 4,
    steps: [
      [null, "green"],
      [0.05, "orange"],
      [0.2, "red"],
    ],
    queries: [query(share(rate("airl_consumer_requests_total", { where: `${ONE}, decision="refused"` }), requests))],
  }),
  stat({
    title: "Tokens",
    description: "Tokens charged in a minute, prompt and completion.",
    unit: "suffix: /min",
    decimals: 0,
    width: 4,
    queries: [query(`60 * ${tokens}`)],
  }),
  stat({
    title: "Cost",
    description: "Cost in an hour at the present rate, by currency.",
    unit: "suffix: /h",
    decimals: 2,
    width: 4,
    queries: [query(`3600 * ${rate("airl_consumer_cost_total", { where: ONE, by: ["currency"] })}`, "{{currency}}")],
  }),
  stat({
    title: "Share of all tokens",
    description: "This consumer's tokens as a part of those of all identified consumers.",
    unit: "percentunit",
    decimals: 1,
    width: 4,
    queries: [query(`${tokens} / ${rate("airl_consumer_tokens_total")}`)],
  }),
];

const overTime = [
  lines({
    title: "Requests by decision",
    description: "forwarded, refused by a limit, rejected by an error of the gateway, upstream_failed, client_gone.",
    unit: "reqps",
    stack: true,
    queries: [query(rate("airl_consumer_requests_total", { where: ONE, by: ["decision"] }), "{{decision}}")],
  }),
  lines({
    title: "Tokens by kind",
    description: "Tokens charged in a second.",
    unit: "suffix: /s",
    stack: true,
    queries: [query(rate("airl_consumer_tokens_total", { where: ONE, by: ["kind"] }), "{{kind}}")],
  }),
  lines({
    title: "Cost over time",
    description: "Cost in an hour at the rate of the moment.",
    unit: "suffix: /h",
    queries: [query(`3600 * ${rate("airl_consumer_cost_total", { where: ONE, by: ["currency"] })}`, "{{currency}}")],
  }),
];

/** The 15 with the most of it in the time that is shown. */
function most(metric, extra = "") {
  return `sort_desc(topk(15, sum by (consumer) (increase(${metric}{${PLACE}${extra}}[$__range]))))`;
}

const all = [
  bars({
    title: "Most tokens",
    description: "Consumers by tokens charged in the time that is shown; other: all that have no name of their own.",
    unit: "short",
    queries: [query(most("airl_consumer_tokens_total"), "{{consumer}}", { instant: true })],
  }),
  bars({
    title: "Most refusals",
    description: "Consumers by requests refused in the time that is shown.",
    unit: "short",
    queries: [query(most("airl_consumer_requests_total", ', decision="refused"'), "{{consumer}}", { instant: true })],
  }),
  lines({
    title: "Tokens by consumer",
    description: "The ten with the most tokens at the moment.",
    unit: "suffix: /s",
    stack: true,
    queries: [query(`topk(10, ${rate("airl_consumer_tokens_total", { by: ["consumer"] })})`, "{{consumer}}")],
  }),
];

export const consumer = dashboard({
  uid: "airl-consumer",
  title: "AI rate limit / Consumer",
  description: "Requests, tokens and cost of one consumer. Empty unless data planes run with AIRL_METRICS_CONSUMERS.",
  variables: [
    variable(NAMESPACE),
    variable({
      name: "consumer",
      label: "Consumer",
      values: `label_values(airl_consumer_requests_total{${PLACE}}, consumer)`,
      multi: false,
    }),
  ],
  rows: [row("This consumer", [text("About this page", NOTE), ...now, ...overTime]), row("All consumers", all)],
});
