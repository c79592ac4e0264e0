// How a refusal of a policy's limits looks, and what the headers of answers say of them.

import { z } from "zod";
import { integer, text, textSet, timeoutDuration } from "./meta.ts";
import { withRules } from "./rule.ts";

const FORMATS = ["Window", "Instance", "Rule", "IETF", "IETFDraft03", "OpenAI", "Anthropic"] as const;

const headers = z.strictObject({
  formats: textSet(z.enum(FORMATS), FORMATS.length)
    .default(["Window", "IETF"])
    .describe(
      "How the limits of this policy are shown in the headers of answers, in all of these formats. Window: " +
        "X-AI-RateLimit-Limit-minute-<label>, -Remaining-, and on refusals -Reset- and -Retry-After-. Instance: " +
        "X-AI-RateLimit-Limit-<label>, -Remaining- and -Reset-. Rule: X-AI-<label>-RateLimit-Limit, -Remaining and -Reset. " +
        'IETF: RateLimit-Policy and RateLimit of draft-ietf-httpapi-ratelimit-headers-10, with qu="tokens" where tokens are ' +
        "counted, and t as the seconds until r rises if nothing more is used. IETFDraft03: RateLimit-Limit, " +
        "RateLimit-Remaining and RateLimit-Reset of the limit with the least share remaining. OpenAI: " +
        "x-ratelimit-limit-requests, x-ratelimit-limit-tokens and their -remaining- and -reset-. Anthropic: " +
        "anthropic-ratelimit-requests-limit and its relatives. These two show what this gateway limits, in place of what the " +
        "provider says under the same names. Empty: no limit headers; Retry-After on refusals comes in any case. Default " +
        "Window and IETF.",
    ),
  hide: z
    .enum(["None", "Quota", "All"])
    .default("None")
    .describe(
      "None: all that the formats say. Quota: neither limits nor what remains of them nor what a request costs; refusals " +
        "still tell resets and waits. All: none of these headers, and no X-AIRL-Would-Refuse. Retry-After on refusals comes " +
        "in any case. Default None.",
    ),
  maxLimits: integer(1, 64)
    .default(4)
    .describe(
      "How many limits of a request each format shows, those with the least share remaining. A limit of this policy is shown " +
        "where fewer limits than this, of any policy, have less left. IETFDraft03, OpenAI and Anthropic show one limit for " +
        "each name in any case. All limit headers of an answer have at most 12288 bytes; beyond that fewer limits are shown. " +
        "1 to 64. Default 4.",
    ),
});

const responseFields = z.strictObject({
  statusCode: integer(200, 599)
    .default(429)
    .describe(
      "HTTP status of a refusal, 200 to 599. Below 400 it looks like an answer, and has no Retry-After. Default 429.",
    ),
  bodyFormat: z
    .enum(["Dialect", "Message", "ErrorMsg"])
    .default("Dialect")
    .describe(
      "Body of a refusal. Dialect: the error shape of the API that the client speaks, so that its SDK understands. " +
        'Message: {"message": ...} with the labels of the exhausted limits. ErrorMsg: {"error_msg": ...} with message, and ' +
        "without one the words of the status as plain text, like Too Many Requests. Default Dialect.",
    ),
  message: text({ wanted: "a text of at most 1024 characters", min: 0, max: 1024 })
    .default("")
    .describe(
      "Text of a refusal. With Message the labels of the exhausted limits follow it. Default (empty): with Dialect a " +
        'sentence that names the limit and the wait, with Message "AI token rate limit exceeded for provider(s): ".',
    ),
  hideDetails: z
    .boolean()
    .default(false)
    .describe(
      "True: the body has the text alone. With Message no labels follow it; with Dialect a text of its own stands as it " +
        "is, and without one neither limit, policy nor usage is named. Default false.",
    ),
  headers: headers.prefault({}).describe("Which headers tell of the limits of this policy, on answers and refusals."),
  retryAfterJitter: timeoutDuration()
    .default("0s")
    .describe(
      "Up to this is added to Retry-After, and to the Retry-After headers of the Window format, drawn anew for each refusal, " +
        "so that clients do not come back all at once. Resets are told without it. 0s to 24h. Default 0s.",
    ),
});

export const response = withRules(responseFields, [
  {
    cel: "!self.hideDetails || self.bodyFormat != 'ErrorMsg'",
    message: "no hideDetails with bodyFormat ErrorMsg, which tells no details",
    field: "hideDetails",
    holds: (value) => !value.hideDetails || value.bodyFormat !== "ErrorMsg",
  },
]);
