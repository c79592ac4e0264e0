import { expect, test } from "vitest";
import { runCommand } from "../../cli/command.ts";
import { createFakePlatform } from "./fake-platform.ts";

async function execute(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const fake = createFakePlatform();
  const code = await runCommand(args, fake.platform);
  return { code, out: fake.out.all.join("\n"), err: fake.err.all.join("\n") };
}

test.for([["--version"], ["-V"], ["run", "--version"]])("[unit] %j prints the version alone", async (args) => {
  expect(await execute(...args)).toEqual({ code: 0, out: "1.2.3", err: "" });
});

test.for([["--help"], ["-h"], ["help"]])("[unit] %j lists every command", async (args) => {
  const { code, out, err } = await execute(...args);
  expect([code, err]).toEqual([0, ""]);
  expect(out).toMatch(/^ {2}run {7}\S/m);
  expect(out).toMatch(/^ {2}validate {2}\S/m);
  expect(out).toMatch(/^ {2}demo {6}\S/m);
});

test.for(["run", "validate", "demo"])(
  "[unit] the help of %s teaches: usage, defaults, examples, exit codes",
  async (verb) => {
    const { code, out } = await execute(verb, "--help");
    expect(code).toBe(0);
    for (const part of [
      "Usage:",
      "Options:",
      "-f, --file PATH",
      "Default: ",
      "Examples:",
      "Exit codes:",
      "-h, --help",
    ]) {
      expect(out).toContain(part);
    }
    expect(out).toBe((await execute("help", verb)).out);
    expect(Math.max(...out.split("\n").map((line) => line.length))).toBeLessThanOrEqual(120);
  },
);

test.for([
  { args: [], message: "say what to do: run, validate, demo" },
  { args: ["rnu"], message: 'unknown command "rnu"; did you mean run?' },
  { args: ["frobnicate"], message: 'unknown command "frobnicate"' },
  { args: ["--versoin"], message: "unknown option --versoin; did you mean --version?" },
  { args: ["run"], message: "say what to read: -f PATH" },
  { args: ["run", "a.yaml"], message: 'unexpected "a.yaml"; say what to read: -f a.yaml' },
  { args: ["run", "-f", "a.yaml", "--listn", "x"], message: "unknown option --listn; did you mean --listen?" },
  {
    args: ["run", "-f", "a.yaml", "--drain", "soon"],
    message: '--drain: found "soon", wanted a number and ms, s, m or h, at most 24h: for example 30s',
  },
  {
    args: ["run", "-f", "a.yaml", "--redis", "http://user:secret@x"],
    message: "--redis: wanted a URL such as redis://user:password@127.0.0.1:6379/0",
  },
  {
    args: ["run", "-f", "a.yaml", "--log-level", "loud"],
    message: '--log-level: found "loud", wanted one of trace, debug, info, warn, error, fatal, silent',
  },
  {
    args: ["validate", "-f", "a.yaml", "-o", "xml"],
    message: '--output: found "xml", wanted one of table, json, yaml',
  },
  { args: ["demo", "--admin", "9090"], message: "--admin needs a gateway: add -f PATH" },
  { args: ["demo", "--upstream", "9090"], message: "--upstream needs a gateway: add -f PATH" },
])("[unit] $args is a usage error: $message", async ({ args, message }) => {
  expect(await execute(...args)).toEqual({ code: 2, out: "", err: `error: ${message}\nsee: ai-rate-limit --help` });
});
