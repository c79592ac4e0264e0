import { readFile, writeFile } from "node:fs/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { parse } from "yaml";
import { runCommand } from "../../cli/command.ts";
import { createFakePlatform, createTemporaryFolder, type TemporaryFolder } from "./fake-platform.ts";

let folder: TemporaryFolder;
beforeEach(async () => {
  folder = await createTemporaryFolder();
});
afterEach(() => folder.remove());

interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** The folder's path is cut out of the output. */
async function validate(args: readonly string[], stdin = ""): Promise<Outcome> {
  const fake = createFakePlatform({ stdin, env: { LIMIT: "many" } });
  const code = await runCommand(["validate", ...args], fake.platform);
  const cut = (lines: readonly string[]): string => lines.join("\n").replaceAll(`${folder.path}/`, "");
  return { code, out: cut(fake.out.all), err: cut(fake.err.all) };
}

const BACKEND = `apiVersion: airatelimit.dev/v1alpha1
kind: AIBackend
metadata: {name: main}
spec: {provider: OpenAICompatible, endpoint: "http://127.0.0.1:9000"}
`;

const ROUTE = `apiVersion: airatelimit.dev/v1alpha1
kind: AIRoute
metadata: {name: chat}
spec:
  matches:
  - path: {type: PathPrefix, value: /v1}
  authentication: {none: {}}
  backendRefs:
  - name: main
`;

const BROKEN = `apiVersion: airatelimit.dev/v1alpha1
kind: AIRateLimitPolicy
metadata: {name: gold}
spec:
  limits:
  - name: minute
    limit: 0
    window:
      duration: 90x
    unti: Requests
`;

test("[unit] valid files: exit code 0 and a count", async () => {
  await writeFile(folder.at("a.yaml"), BACKEND);
  await writeFile(folder.at("b.yaml"), ROUTE);
  expect(await validate(["-f", folder.path])).toEqual({ code: 0, out: "valid: 2 objects in 2 files", err: "" });
});

test("[unit] further paths may follow, and - is standard input", async () => {
  await writeFile(folder.at("a.yaml"), BACKEND);
  expect(await validate(["-f", folder.at("a.yaml"), "-"], ROUTE)).toMatchObject({
    code: 0,
    out: "valid: 2 objects in 2 files",
  });
});

test("[unit] every finding stands at its line", async () => {
  await writeFile(folder.at("a.yaml"), `${BACKEND}---\n${BROKEN}`);
  const { code, out } = await validate(["-f", folder.at("a.yaml"), "-o", "json"]);
  expect(code).toBe(1);
  const places = [...out.matchAll(/"line": (\d+),[^]*?"field": "([^"]+)"/g)].map(
    ([, line, field]) => `${line ?? ""} ${field ?? ""}`,
  );
  expect(places).toEqual(["12 spec.limits[0].limit", "14 spec.limits[0].window.duration", "15 spec.limits[0].unti"]);
});

test("[unit] objects without a name are told apart", async () => {
  const nameless = (line: string): string =>
    `apiVersion: airatelimit.dev/v1alpha1\nkind: AIBackend\nmetadata: {name: ${line}}\nspec: {provider: OpenAI}\n`;
  const { out } = await validate(
    ["-f", "-", "-o", "json"],
    [nameless("B_A_D"), nameless("ok"), nameless("A_A_D")].join("---\n"),
  );
  expect([...out.matchAll(/"line": (\d+)/g)].map(([, line]) => line)).toEqual(["3", "13"]);
});

test("[unit] a second object of a name is reported where it stands", async () => {
  const { code, out } = await validate(["-f", "-", "-o", "json"], `${BACKEND}---\n${BACKEND}`);
  expect(code).toBe(1);
  expect(parse(out)).toMatchObject({
    findings: [{ code: "Duplicate", file: "<stdin>", line: 8, field: "metadata.name" }],
  });
});

test("[unit] while a document cannot be read, nothing is said of what refers to it", async () => {
  const { code, out } = await validate(
    ["-f", "-", "-o", "json"],
    `${ROUTE}---\nkind: AIBackend\nmetadata: {name: main\n`,
  );
  expect(code).toBe(1);
  expect(parse(out)).toMatchObject({ errors: 1, findings: [{ code: "Syntax" }] });
});

test("[unit] a variable is filled in before anything is judged", async () => {
  const { out } = await validate(["-f", "-", "-o", "json"], BROKEN.replace("limit: 0", "limit: ${LIMIT}"));
  expect(out).toContain('"found": "\\"many\\""');
});

test("[unit] a path that does not exist is a finding", async () => {
  const { code, out } = await validate(["-f", folder.at("gone.yaml")]);
  expect(code).toBe(1);
  expect(out).toContain(
    "error     gone.yaml  -       -      no such file or folder  a UTF-8 YAML file of at most 64 MiB, or a folder of them",
  );
  expect(out).toContain("not valid: 1 error in 0 files");
});

test.for(["table", "json", "yaml"])("[unit] the output as %s is the golden one, errors first", async (format) => {
  const { code, out, err } = await validate(["-f", "test/cli/fixtures/findings", "-o", format]);
  expect([code, err]).toEqual([1, ""]);
  await expect(`${out}\n`).toMatchFileSnapshot(`golden/validate.${format === "table" ? "txt" : format}`);
});

test("[unit] JSON and YAML output say the same", async () => {
  const json: unknown = JSON.parse((await validate(["-f", "-", "-o", "json"], BROKEN)).out);
  expect(parse((await validate(["-f", "-", "-o", "yaml"], BROKEN)).out)).toEqual(json);
});

test("[unit] a hostile file writes no control characters to the terminal", async () => {
  const { out } = await validate(
    ["-f", "-"],
    'kind: "\\e[31mred\\u009b"\nmetadata: {name: "\\e]0;x\\a"}\nspec: *\u001b[2J\n',
  );
  expect(out.replaceAll("\n", "")).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
});

test.for(["quickstart", "workshop"])("[unit] the example %s is valid", async (name) => {
  const { code, out } = await validate(["-f", `examples/${name}`, "-o", "json"]);
  expect([code, parse(out)]).toMatchObject([0, { errors: 0 }]);
  expect(out).not.toMatch(/"code": "(?!InlineSecret)/);
});

test("[unit] the quickstart is one file of at most 40 lines, its policy of at most six under spec", async () => {
  const lines = (await readFile("examples/quickstart/quickstart.yaml", "utf8")).trimEnd().split("\n");
  expect(lines.length).toBeLessThanOrEqual(40);
  expect(lines.length - lines.lastIndexOf("spec:") - 1).toBeLessThanOrEqual(6);
});
