// What a limit looks at in a request, and what its counters are kept for. Descriptions are the user manual.

import { z } from "zod";
import { headerName, template, text, textSet } from "./meta.ts";
import { type Rule, withRules } from "./rule.ts";

const FACTS = [
  "Consumer",
  "ConsumerGroup",
  "Credential",
  "Model",
  "Provider",
  "Backend",
  "Route",
  "Service",
  "Path",
  "Method",
  "Header",
  "Query",
  "IP",
] as const;

const NAME = "Name of the request header (in any case) or of the query parameter, with types Header and Query only.";

/** Types that go with a name. */
const NAMED = new Set(["Header", "Query"]);
/** Types that a request may lack. */
const ABSENT = new Set(["Header", "Query", "Template"]);
/** Types whose values a client may choose. */
export const CHOSEN = new Set(["Header", "Query", "Path", "Template"]);

const needsName: Rule<{ readonly type: string; readonly name?: string | undefined }> = {
  cel: "(self.type in ['Header', 'Query']) == has(self.name)",
  message: "a name (of the request header or query parameter) with types Header and Query, and with no other type",
  field: "name",
  holds: (value) => NAMED.has(value.type) === (value.name !== undefined),
};

/** One of the things that a request must be for a limit to concern it. */
export const condition = withRules(
  z.strictObject({
    type: z
      .enum(FACTS)
      .describe(
        "What is looked at. Credential: the name of the consumer's credential that was presented. Model: the model that the " +
          "client asks for. Provider: the provider of the backend, in any case of letters. Service: service of the route. " +
          "Path: as sent, percent-encoded, without query. Method: in any case of letters. Query: a parameter of the query, " +
          "of several the first. IP: the client's address. Model, Provider and Backend concern only the requests that would " +
          "go there.",
      ),
    name: headerName().optional().describe(NAME),
    by: z
      .enum(["Name", "Username", "CustomID"])
      .optional()
      .describe(
        "With type Consumer only, and of the caller itself, not of whom it belongs to: Name compares metadata.name, Username " +
          "spec.username, CustomID spec.customID. Default Name.",
      ),
    match: z
      .enum(["Exact", "Prefix", "Glob"])
      .default("Exact")
      .describe(
        "How values are compared. Exact: equal. Prefix: starts with. Glob: * stands for any run of characters, ? for one. " +
          "Case matters, except for Provider and Method. Not with type IP. Default Exact.",
      ),
    values: textSet(text({ wanted: "a text of 1 to 256 characters", max: 256 }), 64)
      .default([])
      .describe(
        "Any of these must match; with type IP they are addresses or CIDR ranges, like 10.0.0.0/8. Default (none): the " +
          "request only has to have the thing at all.",
      ),
  }),
  [
    needsName,
    {
      cel: "self.type == 'Consumer' || !has(self.by)",
      message: "no by, which goes with type Consumer only",
      field: "by",
      holds: (value) => value.type === "Consumer" || value.by === undefined,
    },
    {
      cel: "self.type != 'IP' || self.match == 'Exact'",
      message: "no match with type IP: its values are addresses and CIDR ranges",
      field: "match",
      holds: (value) => value.type !== "IP" || value.match === "Exact",
    },
  ],
);

const keyPart = withRules(
  z.strictObject({
    type: z
      .enum([...FACTS, "Template", "Shared"])
      .describe(
        "One counter for each value of this. Consumer and Credential without a known one: the client's address. " +
          "ConsumerGroup: the group that a condition of this limit names, else the consumer's first by name. Service where " +
          "the route names none: the route. Template: the text of value with the variables of the request. Header and Query " +
          "that are absent, and a Template of which no variable is there: the client's address, or see skipIfMissing. " +
          "Shared: one counter for all.",
      ),
    name: headerName().optional().describe(NAME),
    value: template()
      .optional()
      .describe(
        "With type Template only: a text with variables, $name or ${name} or ${name ?? default}, where \\$ is the character " +
          "itself. The default is plain text and stands for a variable that is absent, not for one that is empty. Variables: " +
          "http_<header> (lower case, _ for -), arg_<query parameter>, cookie_<name>, remote_addr, consumer_name, " +
          "consumer_group_id, route_id, route_name, service_id, service_name, host, uri, request_uri, args, query_string, " +
          "request_method, request_llm_model.",
      ),
    skipIfMissing: z
      .boolean()
      .optional()
      .describe(
        "With types Header, Query and Template only. true: the limit does not concern requests without it; one that is " +
          "empty is there. Default false: without it the client's address counts in its place.",
      ),
  }),
  [
    needsName,
    {
      cel: "(self.type == 'Template') == has(self.value)",
      message: "a value (the template) with type Template, and with no other type",
      field: "value",
      holds: (part) => (part.type === "Template") === (part.value !== undefined),
    },
    {
      cel: "(self.type in ['Header', 'Query', 'Template']) || !has(self.skipIfMissing)",
      message: "no skipIfMissing, which goes with types Header, Query and Template only",
      field: "skipIfMissing",
      holds: (part) => ABSENT.has(part.type) || part.skipIfMissing === undefined,
    },
  ],
);

/** What a counter is kept for. */
export const per = withRules(z.array(keyPart).min(1).max(8), [
  {
    cel: "size(self) == 1 || self.all(part, part.type != 'Shared')",
    message: "type Shared alone in its list",
    holds: (parts) => parts.length === 1 || parts.every((part) => part.type !== "Shared"),
  },
]);
