// The Dockerfile, as far as it can be judged without an engine that builds it; its steps are run by runtime-tree.test.ts.

import { existsSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { buildContext } from "./image-tree.ts";

interface Instruction {
  readonly verb: string;
  readonly rest: string;
}

const instructions: readonly Instruction[] = readFileSync("Dockerfile", "utf8")
  .replaceAll(/\\\n/g, " ")
  .split("\n")
  .filter((line) => line !== "" && !line.startsWith("#"))
  .map((line) => {
    const [verb = "", ...rest] = line.split(" ");
    return { verb, rest: rest.join(" ").replaceAll(/ +/g, " ") };
  });

/** Instructions after each FROM, the FROM first; what is before the first one belongs to none. */
const stages = instructions.reduce<Instruction[][]>((found, instruction) => {
  if (instruction.verb === "FROM") return [...found, [instruction]];
  found.at(-1)?.push(instruction);
  return found;
}, []);

const last = stages.at(-1) ?? [];
const only = (verb: string): string[] => last.filter((found) => found.verb === verb).map(({ rest }) => rest);

test("[unit] the base is one exact release of Node 24, with few packages", () => {
  const bases = instructions.filter(({ verb, rest }) => verb === "ARG" && rest.startsWith("NODE_IMAGE="));
  expect(bases.map(({ rest }) => rest)).toEqual([
    expect.stringMatching(/^NODE_IMAGE=node:24\.\d+\.\d+-bookworm-slim$/),
  ]);
  for (const [from] of stages) expect(from?.rest).toMatch(/\$\{NODE_IMAGE\}|^scratch$/);
});

test("[unit] what is run runs on the platform that builds, so that other platforms need no emulator", () => {
  const run = stages.filter((stage) => stage.some(({ verb }) => verb === "RUN"));
  expect(run.map(([from]) => from?.rest)).toEqual([expect.stringMatching(/^--platform=\$BUILDPLATFORM /)]);
});

test("[unit] it runs as 65532, and not as anybody else", () => {
  expect(only("USER")).toEqual(["65532:65532"]);
});

test("[unit] the three programs are on the PATH, and the first argument chooses one", () => {
  const links = instructions.flatMap(({ rest }) =>
    [...rest.matchAll(/ln -s (\S+) \/image(\S+)/g)].map((match) => match.slice(1)),
  );
  expect(links).toEqual([
    ["/app/dist/controller/main.js", "/usr/local/bin/controller"],
    ["/app/dist/dataplane/main.js", "/usr/local/bin/dataplane"],
    ["/app/dist/cli/main.js", "/usr/local/bin/ai-rate-limit"],
  ]);
  expect(only("ENV").join(" ")).toContain("PATH=/usr/local/sbin:/usr/local/bin:");
  expect(only("ENTRYPOINT")).toEqual([]);
  expect(only("CMD")).toEqual(['["ai-rate-limit", "--help"]']);
});

test("[unit] it says what it is in the labels that the Open Container Initiative gave names to", () => {
  const [labels = ""] = only("LABEL");
  const names = [...labels.matchAll(/org\.opencontainers\.image\.([\w.]+)=/g)].map(([, name]) => name);
  const wanted = ["title", "description", "licenses", "version", "revision", "created", "base.name"];
  expect(names).toEqual(wanted);
});

test("[unit] what is let into the build is there, and is no more than the product", () => {
  expect(buildContext().filter((name) => !existsSync(name))).toEqual([]);
  for (const name of ["test", "docs", ".git", "node_modules", "dist", "charts"]) {
    expect(buildContext()).not.toContain(name);
  }
  const copied = instructions.flatMap(({ verb, rest }) =>
    verb === "COPY" && !rest.startsWith("--from") ? rest.split(" ").slice(0, -1) : [],
  );
  expect(copied.filter((name) => name !== "." && !buildContext().includes(name))).toEqual([]);
});
