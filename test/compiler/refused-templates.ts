// Every way to get wrong what a limit takes from the request, with the exact line that its author is shown.

import { aLimit, aPolicy } from "./manifest-builders.ts";
import type { Refused, Row } from "./refused-fields.ts";

const policy = aPolicy({}, { limits: [aLimit({ per: [{ type: "Consumer" }] })] });

const LIMIT = "an integer from 1 to 9007199254740991";
const VARIABLES =
  "one of the variables http_<header>, arg_<parameter>, cookie_<name>, remote_addr, consumer_name, consumer_group_id, route_id, route_name, service_id, service_name, host, uri, request_uri, args, query_string, request_method, request_llm_model";

const asTemplate = (value: unknown): unknown => [{ type: "Template", value }];
const ofKey = (line: string): string => `spec.limits[0].per[0].value: ${line}`;
const bringing = (limit: unknown, more: object = {}): unknown => aLimit({ limit, ...more });

/** Limits that take something from the request. */
const templates: Row[] = [
  {
    at: "spec.limits[0].per",
    to: [{ type: "Template" }],
    line: ofKey("found nothing, wanted a value (the template) with type Template, and with no other type"),
  },
  {
    at: "spec.limits[0].per",
    to: [{ type: "Header", name: "x", value: "${http_x}" }],
    line: ofKey('found "${http_x}", wanted a value (the template) with type Template, and with no other type'),
  },
  {
    at: "spec.limits[0].per",
    to: asTemplate("tenant"),
    line: ofKey('found "tenant", wanted a template of at most 256 characters with a variable, like ${http_x_id}'),
  },
  {
    at: "spec.limits[0].per",
    to: asTemplate(`\${http_x}${"a".repeat(256)}`),
    line: ofKey(
      `found "\${http_x}${"a".repeat(70)}..., wanted a template of at most 256 characters with a variable, like \${http_x_id}`,
    ),
  },
  {
    at: "spec.limits[0].per",
    to: asTemplate("\\$5"),
    line: ofKey("found nothing at character 4, wanted a variable in it, like ${http_x_id}"),
  },
  {
    at: "spec.limits[0].per",
    to: asTemplate("${htp_x_id}"),
    line: ofKey(`found "htp_x_id" at character 3, wanted ${VARIABLES}; did you mean \`http_x_id\`?`),
  },
  {
    at: "spec.limits[0].per",
    to: asTemplate("$remote_adr"),
    line: ofKey(`found "remote_adr" at character 2, wanted ${VARIABLES}; did you mean \`remote_addr\`?`),
  },
  {
    at: "spec.limits[0].per",
    to: asTemplate("${upstream_addr}"),
    line: ofKey(`found "upstream_addr" at character 3, wanted ${VARIABLES}`),
  },
  {
    at: "spec.limits[0].per",
    to: asTemplate("a-${http_x"),
    line: ofKey('found "${http_x" at character 3, wanted a } behind the name'),
  },
  {
    at: "spec.limits[0].per",
    to: asTemplate("cost in $"),
    line: ofKey(
      'found "$" at character 9, wanted a name behind it, like ${http_x_id}; or \\$ for the character itself',
    ),
  },
  {
    at: "spec.limits[0].per",
    to: asTemplate("${http_x ?? $http_y}"),
    line: ofKey(
      'found "${http_x ?? $http_y}" at character 1, wanted one default, which is plain text without $ and ??',
    ),
  },
  {
    at: "spec.limits[0]",
    to: bringing("${http_x}"),
    line: "spec.limits[0].max: found nothing, wanted max with a limit that is a template, and with no other limit",
  },
  {
    at: "spec.limits[0]",
    to: bringing(500, { max: 1000 }),
    line: "spec.limits[0].max: found 1000, wanted max with a limit that is a template, and with no other limit",
  },
  {
    at: "spec.limits[0]",
    to: bringing("${http_x}", { max: 0 }),
    line: `spec.limits[0].max: found 0, wanted ${LIMIT}`,
  },
  {
    at: "spec.limits[0]",
    to: bringing("${http_x ?? 2000}", { max: 1000 }),
    line: 'spec.limits[0].limit: found "2000", wanted an integer from 1 to 1000 (max) as default',
  },
  {
    at: "spec.limits[0]",
    to: bringing("${http_x ?? }", { max: 1000 }),
    line: 'spec.limits[0].limit: found "", wanted an integer from 1 to 1000 (max) as default',
  },
  {
    at: "spec.limits[0]",
    to: bringing("${http_x ?? 0}", { max: 1000, unit: "Cost" }),
    line: 'spec.limits[0].limit: found "0", wanted an amount of money above 0, at most 1000 (max) as default',
  },
  {
    at: "spec.limits[0]",
    to: bringing("${http_x}", { max: 9_007_200, unit: "Cost" }),
    line: "spec.limits[0].max: found 9007200, wanted an integer from 1 to 9007199 with unit Cost",
  },
  {
    at: "spec.limits[0]",
    to: bringing("${htp_x}", { max: 10 }),
    line: `spec.limits[0].limit: found "htp_x" at character 3, wanted ${VARIABLES}; did you mean \`http_x\`?`,
  },
  {
    at: "spec.limits[0].window.duration",
    to: "${http_x ?? 367d}",
    line: 'spec.limits[0].window.duration: found "367d", wanted a duration from 1s to 366d as default',
  },
  {
    at: "spec.limits[0].window.duration",
    to: "${http_x ?? 0}",
    line: 'spec.limits[0].window.duration: found "0", wanted a duration from 1s to 366d as default',
  },
  {
    at: "spec.limits[0].window.duration",
    to: "$",
    line: 'spec.limits[0].window.duration: found "$" at character 1, wanted a name behind it, like ${http_x_id}; or \\$ for the character itself',
  },
  {
    at: "spec.limits[0].maxKeys",
    to: 100,
    line: "spec.limits[0].maxKeys: found 100, wanted no maxKeys, which goes with a Header, Query, Path or Template in per only",
  },
  {
    at: "spec.limits[0]",
    to: aLimit({ per: [{ type: "Path" }], maxKeys: 100_001 }),
    line: "spec.limits[0].maxKeys: found 100001, wanted an integer from 1 to 100000",
  },
  { at: "spec.limits[0].fallback", to: "yes", line: 'spec.limits[0].fallback: found "yes", wanted true or false' },
  {
    at: "spec.counters",
    to: { namespace: "My Team" },
    line: 'spec.counters.namespace: found "My Team", wanted nothing or a name: lower-case letters, digits and -, starting and ending with a letter or digit, at most 63',
  },
  {
    at: "spec.counters",
    to: { name: "team" },
    line: "spec.counters.name: found an unknown field, wanted one of namespace",
  },
];

export const REFUSED_TEMPLATES: Refused = { title: "AIRateLimitPolicy", base: policy, rows: templates };
