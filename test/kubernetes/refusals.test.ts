// What the API server refuses and what our own check refuses is the same, so that `validate` on a desk, the webhook and
// `kubectl apply` never contradict each other; and the words of the API server are those that we mean.

import type { ExpectStatic } from "vitest";
import { KINDS } from "../../crds/index.ts";
import { asRecord, compiled, type Manifest, withField } from "../compiler/manifest-builders.ts";
import { REFUSED_CASES } from "../compiler/refused-all.ts";
import { RULE_ROWS } from "../crds/rule-rows.ts";
import type { KubeCluster } from "../helpers/kube-cluster.ts";
import { test } from "./cluster-test.ts";
import { installCrds } from "./install-crds.ts";

interface Case {
  readonly name: string;
  readonly manifest: Manifest;
}

const refused: readonly Case[] = REFUSED_CASES;

const ruled = RULE_ROWS.flatMap(({ base, at, good, bad, message }) => {
  const named = (value: unknown): Case => ({
    name: `${String(base["kind"])} ${at}: ${shown(value)}`,
    manifest: withField(base, at, value),
  });
  return [
    ...good.map((value) => ({ ...named(value), message, isGood: true })),
    ...bad.map((value) => ({ ...named(value), message, isGood: false })),
  ];
});

/** What concerns more than the schema can say: the webhook and the controller refuse it, with the compiler's words. */
const COMPILER_ONLY =
  /a duration from (?:1|0s to 24h)|a valid host and port|counter cannot add up|an IP address or a CIDR range|a name that the IANA|a cycle|at character \d+, wanted|as default$|with unit Cost$|https:\/\/a:99999/;

function shown(value: unknown): string {
  return value === undefined ? "absent" : JSON.stringify(value).slice(0, 100);
}

/** The server's message when it refuses, undefined when it would store the object. Nothing is stored. */
async function serverMessage(cluster: KubeCluster, manifest: Manifest): Promise<string | undefined> {
  const plural = KINDS.find(({ kind }) => kind === manifest["kind"])?.plural ?? "";
  const path = `/apis/airatelimit.dev/v1alpha1/namespaces/default/${plural}?dryRun=All&fieldValidation=Strict`;
  const { status, body } = await cluster.call("POST", path, manifest);
  return status < 300 ? undefined : String(body["message"]);
}

function ownErrors(manifest: Manifest): string[] {
  const { findings } = compiled(manifest);
  const errors = findings.filter(({ severity }) => severity === "error");
  return errors.map(({ field, found, wanted }) => `${field}: found ${found}, wanted ${wanted}`);
}

test.for(refused)(
  "[kubernetes] refused by both, or left to the compiler: $name",
  async ({ manifest }, { cluster, expect }) => {
    await installCrds(cluster);
    const errors = ownErrors(manifest);
    expect(errors).not.toEqual([]);
    const leftToCompiler = errors.every((line) => COMPILER_ONLY.test(line));
    const message = await serverMessage(cluster, manifest);
    expect(message === undefined, message).toBe(leftToCompiler);
  },
);

test.for(ruled)("[kubernetes] $message: $name", async ({ manifest, message, isGood }, { cluster, expect }) => {
  await installCrds(cluster);
  const answer = await serverMessage(cluster, manifest);
  if (isGood) expect(answer ?? "").not.toContain(message);
  else expect(answer).toContain(message);
  expect(ownErrors(manifest).some((line) => line.endsWith(`wanted ${message}`))).toBe(!isGood);
});

test("[kubernetes] the server's words for each refusal are the golden ones", async ({ cluster, expect }) => {
  await installCrds(cluster);
  await expectGolden(cluster, expect);
});

async function expectGolden(cluster: KubeCluster, expect: ExpectStatic): Promise<void> {
  const sections: string[] = [];
  for (const { name, manifest } of [...refused, ...ruled.filter(({ isGood }) => !isGood)]) {
    const server = (await serverMessage(cluster, manifest)) ?? "(takes it)";
    sections.push([name, `  own    ${ownErrors(manifest).join("\n         ")}`, `  server ${server}`].join("\n"));
  }
  await expect(`${sections.join("\n\n")}\n`).toMatchFileSnapshot("../golden/kubernetes-refusals.txt");
}

test("[kubernetes] kubectl apply refuses a field that does not exist", async ({ cluster, expect }) => {
  await installCrds(cluster);
  const manifest = { ...asRecord(refused[0]?.manifest), apiVersion: "airatelimit.dev/v1alpha1" };
  const text = JSON.stringify({ ...manifest, spec: { group: ["gold"] } });
  await expect(cluster.kubectl(["apply", "--dry-run=server", "-f", "-"], text)).rejects.toThrow(
    'strict decoding error: unknown field "spec.group"',
  );
});
