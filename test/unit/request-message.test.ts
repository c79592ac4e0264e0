// The fields of a request that node:http and the reader of bodies go by, looked up in the raw headers.

import { Socket } from "node:net";
import { expect, test } from "vitest";
import { RequestMessage } from "../../dataplane/request-message.ts";

function request(...raw: readonly string[]): RequestMessage {
  const message = new RequestMessage(new Socket());
  message.rawHeaders = [...raw];
  return message;
}

test.for([
  { name: "Host", value: "a.example", field: "host" },
  { name: "EXPECT", value: "100-continue", field: "expect" },
  { name: "content-length", value: "12", field: "content-length" },
  { name: "Transfer-Encoding", value: "chunked", field: "transfer-encoding" },
])("[unit] $name is found whatever its case, and its first value when it comes twice", ({ name, value, field }) => {
  const { headers } = request("X-Other", "host", name, value, name.toLowerCase(), "second");
  expect(headers[field]).toBe(value);
});

test("[unit] what did not come is undefined, as is a field whose value has the name", () => {
  const { headers } = request("X-Host", "b", "Accept", "expect");
  expect([headers.host, headers.expect, headers["content-length"], headers["transfer-encoding"]]).toEqual([
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
});
