import { expect, test } from "vitest";
import { formatAddress, readAddress, readCidr, readDuration, readEndpoint, readSize } from "../../cli/option-values.ts";
import { type OptionSpec, parseOptions } from "../../cli/options.ts";

const SPECS: readonly OptionSpec[] = [
  { name: "file", short: "f", value: "PATH", multiple: true, text: "" },
  { name: "listen", value: "HOST:PORT", fallback: "127.0.0.1:8080", text: "" },
  { name: "help", short: "h", text: "" },
];

test.for([
  { name: "short, long and inline values", args: ["-f", "a", "--file=b", "-fc"], files: ["a", "b", "c"], rest: [] },
  { name: "positionals beside options", args: ["-f", "a", "b", "--help", "c"], files: ["a"], rest: ["b", "c"] },
  { name: "a dash as a value", args: ["-f", "-"], files: ["-"], rest: [] },
  { name: "what follows -- as positionals", args: ["--", "-f"], files: [], rest: ["-f"] },
])("[unit] reads $name", ({ args, files, rest }) => {
  const options = parseOptions(SPECS, args);
  expect([options.all("file"), options.positionals]).toEqual([files, rest]);
});

test("[unit] an option that is absent has its default, and counts as not given", () => {
  const options = parseOptions(SPECS, []);
  expect([options.one("listen"), options.has("listen"), options.has("help")]).toEqual(["127.0.0.1:8080", false, false]);
});

test.for([
  { args: ["--lisen", "x"], message: "unknown option --lisen; did you mean --listen?" },
  { args: ["--quux"], message: "unknown option --quux" },
  { args: ["-x"], message: "unknown option -x" },
  { args: ["--listen"], message: "--listen needs a value: --listen HOST:PORT" },
  { args: ["--listen", "--help"], message: "--listen needs a value: --listen HOST:PORT" },
  { args: ["--listen="], message: "--listen needs a value: --listen HOST:PORT" },
  { args: ["--help=yes"], message: '--help takes no value, found "yes"' },
  { args: ["--listen", "a:1", "--listen", "b:2"], message: "--listen is given twice; it takes one value" },
])("[unit] refuses $args", ({ args, message }) => {
  expect(() => parseOptions(SPECS, args)).toThrow(expect.objectContaining({ message, exitCode: 2 }));
});

test.for([
  { text: "127.0.0.1:8080", address: { host: "127.0.0.1", port: 8080 } },
  { text: "0.0.0.0:0", address: { host: "0.0.0.0", port: 0 } },
  { text: "localhost:1", address: { host: "localhost", port: 1 } },
  { text: "[::1]:65535", address: { host: "::1", port: 65_535 } },
])("[unit] reads the address $text and prints it back", ({ text, address }) => {
  expect(readAddress("listen", text)).toEqual(address);
  expect(formatAddress(address)).toBe(text);
});

test("[unit] a port alone is on loopback", () => {
  expect(readAddress("listen", "9000")).toEqual({ host: "127.0.0.1", port: 9000 });
});

test.for(["", ":8080", "host", "host:", "host:65536", "::1:80", "[::1]", "[x]:80", "a:b:80", "host:-1", "host:8e3"])(
  "[unit] refuses the address %j",
  (text) => {
    expect(() => readAddress("listen", text)).toThrow(`--listen: found "${text}", wanted HOST:PORT`);
  },
);

test.for([
  { text: "500ms", ms: 500 },
  { text: "30s", ms: 30_000 },
  { text: "1m30s", ms: 90_000 },
  { text: "24h", ms: 86_400_000 },
  { text: "0s", ms: 0 },
])("[unit] reads the duration $text", ({ text, ms }) => {
  expect(readDuration("drain", text)).toBe(ms);
});

test.for(["", "30", "s", "-1s", "1.5s", "25h", "30 s", "2w"])("[unit] refuses the duration %j", (text) => {
  expect(() => readDuration("drain", text)).toThrow(`--drain: found "${text}", wanted a number and ms, s, m or h`);
});

test.for([
  { text: "1048576", bytes: 1_048_576 },
  { text: "32MiB", bytes: 33_554_432 },
  { text: "10MB", bytes: 10_000_000 },
  { text: "64kib", bytes: 65_536 },
  { text: "1024MiB", bytes: 1_073_741_824 },
])("[unit] reads the size $text", ({ text, bytes }) => {
  expect(readSize("max-body", text)).toBe(bytes);
});

test.for(["", "0", "-5", "1.5MB", "10M", "2048MiB", "MiB"])("[unit] refuses the size %j", (text) => {
  expect(() => readSize("max-body", text)).toThrow(`--max-body: found "${text}", wanted a number of bytes`);
});

test.for(["10.0.0.0/8", "192.0.2.7", "::1", "2001:db8::/32"])("[unit] reads the address range %s", (text) => {
  expect(readCidr("trusted-proxy", text)).toBe(text);
});

test.for(["", "10.0.0.0/33", "10.0.0/8", "host", "::1/129", "10.0.0.0/8/8"])(
  "[unit] refuses the address range %j",
  (text) => {
    expect(() => readCidr("trusted-proxy", text)).toThrow(`--trusted-proxy: found "${text}", wanted an address range`);
  },
);

test("[unit] reads an endpoint, the URL with a path and an equals sign kept", () => {
  expect(readEndpoint("endpoint", "openai=http://127.0.0.1:9000/v1/a=b")).toEqual({
    name: "openai",
    url: "http://127.0.0.1:9000/v1/a=b",
  });
});

test.for([
  "openai",
  "=http://x",
  "openai=",
  "openai=ftp://x",
  "openai=http://u:p@x",
  "openai=http://x?q=1",
  "openai=http://x#f",
])("[unit] refuses the endpoint %j", (text) => {
  expect(() => readEndpoint("endpoint", text)).toThrow(`--endpoint: found "${text}", wanted NAME=URL`);
});
