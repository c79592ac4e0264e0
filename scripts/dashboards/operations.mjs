// Whether the product itself works: Redis, configuration and its way to every data plane, the controller, the processes.

import { dashboard, lines, query, row, stat, variable } from "./panel.mjs";
import { NAMESPACE, PLACE, quantile, RATE, rate } from "./queries.mjs";

const BAD_FROM_1 = [
  [null, "green"],
  [1, "red"],
];
const GOOD_FROM_1 = [
  [null, "red"],
  [1, "green"],
];
const LATE = [
  [null, "green"],
  [30, "orange"],
  [60, "red"],
];
const DAYS_LEFT = [
  [null, "red"],
  [3, "orange"],
  [7, "green"],
];

const checkedAgo = `time() - (airl_config_checked_timestamp_seconds{${PLACE}} > 0)`;
/** Processes of the product: others in the namespace have such metrics too. */
const own = `and on (namespace, pod) ({__name__=~"airl_open_requests|airl_controller_leader", ${PLACE}})`;
const quantiles = (metric, options) => [0.5, 0.99].map((q) => query(quantile(q, metric, options), `p${q * 100}`));

const now = [
  stat({
    title: "Leader",
    description: "Controllers that lead. One must; while none does, changes of objects are not published.",
    unit: "none",
    decimals: 0,
    steps: [...GOOD_FROM_1, [2, "orange"]],
    queries: [query(`sum(airl_controller_leader{${PLACE}})`)],
  }),
  stat({
    title: "Data planes behind or silent",
    description: "Data planes that do not have in force what was published 10 to 20 seconds ago, or send no heartbeat.",
    unit: "none",
    decimals: 0,
    steps: BAD_FROM_1,
    queries: [query(`sum(airl_controller_data_planes{${PLACE}, state=~"behind|silent"})`)],
  }),
  stat({
    title: "Oldest comparison",
    description: "The data plane that has not been able to compare its configuration with Redis for the longest time.",
    unit: "s",
    decimals: 0,
    steps: LATE,
    queries: [query(`max(${checkedAgo})`)],
  }),
  stat({
    title: "Data planes without Redis",
    description: "Data planes that hold Redis to be away and limit by what they last saw.",
    unit: "none",
    decimals: 0,
    steps: BAD_FROM_1,
    queries: [query(`sum(airl_store_breaker_open{${PLACE}})`)],
  }),
  stat({
    title: "Controllers without Redis",
    description: "Controllers that have no connection to Redis.",
    unit: "none",
    decimals: 0,
    steps: BAD_FROM_1,
    queries: [query(`count(airl_controller_redis_up{${PLACE}} == 0) or 0 * count(airl_controller_redis_up{${PLACE}})`)],
  }),
  stat({
    title: "Charges lost",
    description: "Charges dropped in the time that is shown, because too many waited for Redis.",
    unit: "none",
    decimals: 0,
    steps: BAD_FROM_1,
    queries: [query(`sum(increase(airl_charges_lost_total{${PLACE}}[$__range]))`, "", { instant: true })],
  }),
  stat({
    title: "Objects not accepted",
    description:
      "Objects whose newest version is not in force, because something is wrong with it; their status says what.",
    unit: "none",
    decimals: 0,
    steps: [
      [null, "green"],
      [1, "orange"],
    ],
    queries: [
      query(
        `sum(airl_controller_objects{${PLACE}, condition="Accepted", status="False"}) or 0 * sum(airl_controller_leader{${PLACE}})`,
      ),
    ],
  }),
  stat({
    title: "Webhook certificate",
    description:
      "Days until the certificate of the admission webhook ends. The controller renews it in time. Empty without a webhook.",
    unit: "d",
    decimals: 1,
    steps: DAYS_LEFT,
    queries: [query(`(min(airl_controller_webhook_certificate_expiry_timestamp_seconds{${PLACE}}) - time()) / 86400`)],
  }),
];

const redis = [
  lines({
    title: "Latency of checks",
    description: "Time until Redis answers the check of a request.",
    unit: "s",
    queries: quantiles("airl_store_latency_seconds"),
  }),
  lines({
    title: "Breaker",
    description: "1 while a data plane holds Redis to be away; 0 while a controller has no connection to Redis.",
    unit: "none",
    max: 1,
    queries: [
      query(`airl_store_breaker_open{${PLACE}}`, "away for {{pod}}"),
      query(`airl_controller_redis_up{${PLACE}}`, "up for {{pod}}"),
    ],
  }),
  lines({
    title: "Decided without Redis, charges lost",
    description: "Requests decided by what a data plane last saw, and charges that were dropped.",
    unit: "reqps",
    queries: [
      query(rate("airl_store_local_decisions_total", { by: ["pod"] }), "decided by {{pod}}"),
      query(rate("airl_charges_lost_total", { by: ["pod"] }), "lost by {{pod}}"),
    ],
  }),
];

const configuration = [
  lines({
    title: "Revision in force",
    description:
      "Sum of the revisions of all namespaces: what the controller has published and what each data plane has in force. Data planes that serve some namespaces only are lower.",
    unit: "none",
    queries: [
      query(`max(airl_controller_config_revision{${PLACE}})`, "published"),
      query(`airl_config_revision{${PLACE}}`, "{{pod}}"),
    ],
  }),
  lines({
    title: "Revisions behind",
    description: "How many revisions a data plane lacks of what is published. Above 0 for a moment after each change.",
    unit: "none",
    queries: [
      query(
        `clamp_min(scalar(max(airl_controller_config_revision{${PLACE}})) - airl_config_revision{${PLACE}}, 0)`,
        "{{pod}}",
      ),
    ],
  }),
  lines({
    title: "Data planes by acknowledgement",
    description:
      "current: has in force what was published 10 to 20 seconds ago; behind: has not; silent: sends no heartbeat.",
    unit: "none",
    stack: true,
    queries: [query(`sum by (state) (airl_controller_data_planes{${PLACE}})`, "{{state}}")],
  }),
  lines({
    title: "Age of configuration",
    description:
      "Time since the configuration last changed on a data plane. Long is normal where nobody changes anything.",
    unit: "s",
    queries: [query(`time() - (airl_config_applied_timestamp_seconds{${PLACE}} > 0)`, "{{pod}}")],
  }),
  lines({
    title: "Last comparison with Redis",
    description: "Time since a data plane last found that all that Redis publishes is in force there.",
    unit: "s",
    queries: [query(checkedAgo, "{{pod}}")],
  }),
  lines({
    title: "From word of a change to in force",
    description: "On the data plane: from the message that something has changed until it is in force.",
    unit: "s",
    queries: quantiles("airl_config_follow_seconds"),
  }),
  lines({
    title: "Objects in force",
    description: "Compiled objects by kind, on the data plane that has the most.",
    unit: "none",
    queries: [query(`max by (kind) (airl_config_objects{${PLACE}})`, "{{kind}}")],
  }),
  lines({
    title: "Readings of configuration",
    description:
      "Readings of a namespace from Redis, in full or what has changed. Full ones again and again mean that changes are missed.",
    unit: "suffix: /s",
    queries: [query(rate("airl_config_reads_total", { by: ["kind"] }), "{{kind}}")],
  }),
  lines({
    title: "Not readable",
    description:
      "Published objects that were left out since the start, and namespaces in a schema that this version cannot read.",
    unit: "none",
    queries: [
      query(`airl_config_rejected_total{${PLACE}}`, "left out by {{pod}}"),
      query(`airl_config_schema_unknown{${PLACE}}`, "namespaces: {{pod}}"),
    ],
  }),
];

const controller = [
  lines({
    title: "Who leads",
    description: "1 for the controller that leads.",
    unit: "none",
    max: 1,
    queries: [query(`airl_controller_leader{${PLACE}}`, "{{pod}}")],
  }),
  lines({
    title: "Queues",
    description: "Objects that wait to be compiled, to be published, to have their status written.",
    unit: "none",
    queries: [query(`sum by (queue) (airl_controller_queue_depth{${PLACE}})`, "{{queue}}")],
  }),
  lines({
    title: "Publishing to Redis, p99",
    description:
      "Time of a write by its result. behind: Redis has lost what was published, and gets all of it anew; fenced: another controller leads.",
    unit: "s",
    queries: [query(quantile(0.99, "airl_controller_publish_duration_seconds", { by: ["result"] }), "{{result}}")],
  }),
  lines({
    title: "Writes to Redis",
    description: "Writes of configuration by their result.",
    unit: "suffix: /s",
    queries: [query(rate("airl_controller_publish_duration_seconds_count", { by: ["result"] }), "{{result}}")],
  }),
  lines({
    title: "Compiling",
    description: "From changed objects to what is to be published of them.",
    unit: "s",
    queries: quantiles("airl_controller_reconcile_duration_seconds"),
  }),
  lines({
    title: "Objects whose conditions are not True",
    description: "By kind, condition and status. kubectl get airlp,aicon,aibe,airt -A shows which.",
    unit: "none",
    queries: [
      query(
        `sum by (kind, condition, status) (airl_controller_objects{${PLACE}, status!="True"})`,
        "{{kind}} {{condition}} {{status}}",
      ),
    ],
  }),
  lines({
    title: "Findings",
    description: "What the compiler finds wrong at present, by code.",
    unit: "none",
    queries: [query(`sum by (code, severity) (airl_controller_findings{${PLACE}})`, "{{code}} ({{severity}})")],
  }),
  lines({
    title: "Status writes and reviews",
    description: "Writes of status to the API server, and answers of the admission webhook, by result.",
    unit: "suffix: /s",
    queries: [
      query(rate("airl_controller_status_writes_total", { by: ["result"] }), "status {{result}}"),
      query(rate("airl_controller_webhook_reviews_total", { by: ["result"] }), "review {{result}}"),
    ],
  }),
  lines({
    title: "Silence of watches",
    description: "Time since a watch told something last, by kind. API servers send a sign each minute.",
    unit: "s",
    queries: [query(`max by (kind) (time() - airl_controller_last_event_timestamp_seconds{${PLACE}})`, "{{kind}}")],
  }),
  lines({
    title: "Watches begun again",
    description: "Watches that failed and were begun again, and full lists after the first, by kind.",
    unit: "suffix: /s",
    queries: [
      query(rate("airl_controller_watch_restarts_total", { by: ["kind"] }), "again {{kind}}"),
      query(rate("airl_controller_relists_total", { by: ["kind"] }), "list {{kind}}"),
    ],
  }),
];

const processes = [
  lines({
    title: "Gateway overhead",
    description: "Time that the gateway itself adds to a forwarded request.",
    unit: "s",
    queries: quantiles("airl_gateway_overhead_seconds"),
  }),
  lines({
    title: "CPU",
    description: "Cores in use by process. A data plane uses one core at most: add data planes before it is full.",
    unit: "none",
    queries: [query(`rate(process_cpu_seconds_total{${PLACE}}[${RATE}]) ${own}`, "{{pod}}")],
  }),
  lines({
    title: "Memory",
    description: "Resident memory by process.",
    unit: "bytes",
    queries: [query(`process_resident_memory_bytes{${PLACE}} ${own}`, "{{pod}}")],
  }),
  lines({
    title: "Event loop delay, p99",
    description: "How late timers of a process run since its start; high when it is out of CPU.",
    unit: "s",
    queries: [query(`nodejs_eventloop_lag_p99_seconds{${PLACE}} ${own}`, "{{pod}}")],
  }),
  lines({
    title: "Not identified",
    description: "Requests answered 401, by reason.",
    unit: "reqps",
    queries: [query(rate("airl_identification_failures_total", { by: ["reason"] }), "{{reason}}")],
  }),
  lines({
    title: "Clients gone, requests unreadable",
    description: "Clients that left before the end of their response, and what came on connections and was no request.",
    unit: "reqps",
    queries: [
      query(rate("airl_client_disconnects_total", { by: ["route"] }), "gone: {{route}}"),
      query(rate("airl_unreadable_requests_total", { by: ["reason"] }), "{{reason}}"),
    ],
  }),
];

export const operations = dashboard({
  uid: "airl-operations",
  title: "AI rate limit / Operations",
  description: "Redis, configuration and its way to every data plane, the controller, the processes.",
  variables: [variable(NAMESPACE)],
  rows: [
    row("Now", now),
    row("Redis", redis),
    row("Configuration", configuration),
    row("Controller", controller),
    row("Processes", processes),
  ],
});
