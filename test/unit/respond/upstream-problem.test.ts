// What a client hears of its upstream's failure: which backend and what happened, nothing of addresses.

import { expect, test } from "vitest";
import { statusOf } from "../../../dataplane/respond/gateway-errors.ts";
import { upstreamProblem } from "../../../dataplane/respond/upstream-problem.ts";

test.for([
  { code: "connect_failed", status: 502, words: "could not be reached" },
  { code: "connect_timeout", status: 504, words: "did not accept a connection in time" },
  { code: "egress_denied", status: 502, words: "has an address that may not be dialled" },
  { code: "first_byte_timeout", status: 504, words: "did not begin to answer in time" },
  { code: "stream_idle_timeout", status: 504, words: "stopped answering" },
  { code: "connection_lost", status: 502, words: "closed the connection before it answered" },
  { code: "protocol_error", status: 502, words: "answered with something that is not HTTP" },
  { code: "aborted", status: 502, words: "was given up" },
] as const)("[unit] $code is $status", ({ code, status, words }) => {
  const problem = upstreamProblem(code, "openai");
  expect(problem.message).toBe(`The upstream of AIBackend openai ${words}.`);
  expect(statusOf(problem.code)).toBe(status);
});
