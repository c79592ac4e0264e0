// Every way to get `response` of a policy wrong that somebody will find, with the exact line that they are shown.

import { aLimit, aPolicy } from "./manifest-builders.ts";
import type { Refused, Row } from "./refused-fields.ts";

const FORMATS = "one of Window, Instance, Rule, IETF, IETFDraft03, OpenAI, Anthropic";
const STATUS = "an integer from 200 to 599";
const MAX_LIMITS = "an integer from 1 to 64";
const TEXT = "a text of at most 1024 characters";
const JITTER = "a duration: a number and ms, s, m or h, like 5s";

/** One field of `response`, and what is said of it. */
function row(field: string, to: unknown, said: string): Row {
  const [first = "", second] = field.split(".");
  const value = second === undefined ? { [first]: to } : { [first]: { [second]: to } };
  return { at: "spec.response", to: value, line: `spec.response.${said}` };
}

const responses: Row[] = [
  row("statusCode", 600, `statusCode: found 600, wanted ${STATUS}`),
  row("statusCode", 199, `statusCode: found 199, wanted ${STATUS}`),
  row("statusCode", 429.5, `statusCode: found 429.5, wanted ${STATUS}`),
  row("statusCode", "429", `statusCode: found "429", wanted ${STATUS}`),
  row("bodyFormat", "message", 'bodyFormat: found "message", wanted one of Dialect, Message, ErrorMsg'),
  row("bodyFormat", "Json", 'bodyFormat: found "Json", wanted one of Dialect, Message, ErrorMsg'),
  row("message", 5, `message: found 5, wanted ${TEXT}`),
  row("message", "m".repeat(1_025), `message: found "${"m".repeat(79)}..., wanted ${TEXT}`),
  row("hideDetails", "yes", 'hideDetails: found "yes", wanted true or false'),
  {
    at: "spec.response",
    to: { bodyFormat: "ErrorMsg", hideDetails: true },
    line: "spec.response.hideDetails: found true, wanted no hideDetails with bodyFormat ErrorMsg, which tells no details",
  },
  row("headers.formats", ["Window", "Kong"], `headers.formats[1]: found "Kong", wanted ${FORMATS}`),
  row("headers.formats", ["IETF", "IETF"], 'headers.formats[1]: found "IETF", wanted an entry unlike entry 0'),
  row("headers.formats", "Window", "headers.formats: found a string, wanted a list"),
  row("headers.hide", "none", 'headers.hide: found "none", wanted one of None, Quota, All'),
  row("headers.hide", true, "headers.hide: found true, wanted one of None, Quota, All"),
  row("headers.maxLimits", 0, `headers.maxLimits: found 0, wanted ${MAX_LIMITS}`),
  row("headers.maxLimits", 65, `headers.maxLimits: found 65, wanted ${MAX_LIMITS}`),
  row("headers.maxLimits", "all", `headers.maxLimits: found "all", wanted ${MAX_LIMITS}`),
  row(
    "headers.maxLimit",
    4,
    "headers.maxLimit: found an unknown field, wanted a known field; did you mean `maxLimits`?",
  ),
  row("retryAfterJitter", "5", `retryAfterJitter: found "5", wanted ${JITTER}`),
  row("retryAfterJitter", 5, `retryAfterJitter: found 5, wanted ${JITTER}`),
  row("retryAfterJitter", "-1s", `retryAfterJitter: found "-1s", wanted ${JITTER}`),
  row("retryAfterJitter", "1d", `retryAfterJitter: found "1d", wanted ${JITTER}`),
  row("retryAfterJitter", "24h1ms", 'retryAfterJitter: found "24h1ms", wanted a duration from 0s to 24h'),
];

export const REFUSED_RESPONSES: Refused = {
  title: "AIRateLimitPolicy",
  base: aPolicy({}, { limits: [aLimit()] }),
  rows: responses,
};
