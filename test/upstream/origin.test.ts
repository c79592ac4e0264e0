// Origins as text: which are read, and what the Host field says.

import { expect, test } from "vitest";
import { readOrigin } from "../../dataplane/upstream/origin.ts";

test.for<[string, { tls: boolean; host: string; port: number; hostHeader: string; isAddress: boolean }]>([
  [
    "https://api.openai.com",
    { tls: true, host: "api.openai.com", port: 443, hostHeader: "api.openai.com", isAddress: false },
  ],
  [
    "https://api.openai.com:443",
    { tls: true, host: "api.openai.com", port: 443, hostHeader: "api.openai.com", isAddress: false },
  ],
  ["http://vllm.ai:8000", { tls: false, host: "vllm.ai", port: 8000, hostHeader: "vllm.ai:8000", isAddress: false }],
  ["http://[::1]:80/", { tls: false, host: "::1", port: 80, hostHeader: "[::1]", isAddress: true }],
  ["http://2130706433:9", { tls: false, host: "127.0.0.1", port: 9, hostHeader: "127.0.0.1:9", isAddress: true }],
  ["http://0x7f.1", { tls: false, host: "127.0.0.1", port: 80, hostHeader: "127.0.0.1", isAddress: true }],
])("[unit] %s is read", ([text, expected]) => {
  expect(readOrigin(text)).toMatchObject(expected);
});

test.for([
  "",
  "api.openai.com",
  "ftp://a",
  "http://",
  "http://a/v1",
  "http://a?x",
  "http://a#x",
  "http://u:p@a",
  "http://a:99999",
  "http://a b",
])("[unit] '%s' is no origin", (text) => {
  expect(readOrigin(text)).toBeUndefined();
});
