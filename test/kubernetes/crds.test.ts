// The CRDs on a real API server: they are established, tidy to look at, and every manifest that is shown to users is taken.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { ExpectStatic } from "vitest";
import { parseAllDocuments } from "yaml";
import { KINDS } from "../../crds/index.ts";
import { asRecord } from "../compiler/manifest-builders.ts";
import type { KubeCluster } from "../helpers/kube-cluster.ts";
import { test } from "./cluster-test.ts";
import { installCrds } from "./install-crds.ts";

const NAMES = KINDS.map(({ plural }) => `${plural}.airatelimit.dev`);

test("[kubernetes] every CRD is established and has nothing that the server complains of", async ({
  cluster,
  expect,
}) => {
  await installCrds(cluster);
  for (const name of NAMES) {
    const path = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${name}`;
    const { body } = await cluster.call("GET", path);
    // NonStructuralSchema and the like appear only when they are true.
    expect(body["status"], name).toMatchObject({
      conditions: [
        { type: "NamesAccepted", status: "True" },
        { type: "Established", status: "True" },
      ],
    });
  }
});

test("[kubernetes] kubectl apply of the folder works again and again, by either way", async ({ cluster, expect }) => {
  await installCrds(cluster);
  for (const flags of [[], ["--server-side"]]) {
    const out = await cluster.kubectl(["apply", ...flags, "--validate=strict", "--dry-run=server", "-f", "crds/"]);
    expect(out.trim().split("\n")).toHaveLength(KINDS.length);
  }
});

test("[kubernetes] kubectl get prints what tells objects apart", async ({ cluster, expect }) => {
  await installCrds(cluster);
  const namespace = await cluster.newNamespace();
  await cluster.kubectl(["apply", "-n", namespace, "-f", "examples/quickstart"]);
  const lines = async (kind: string): Promise<string> => {
    const out = await cluster.kubectl(["get", "-n", namespace, kind, "-o", "wide"]);
    return out
      .trimEnd()
      .replaceAll(/ {2,}/g, " | ")
      .replaceAll(/\| \d+m?s$/gm, "| AGE");
  };
  expect(await lines("aicon")).toMatchInlineSnapshot(`
    "NAME | USERNAME | GROUP | ACCEPTED | PROGRAMMED | RESOLVED | AGE
    alice | AGE"
  `);
  expect(await lines("aibe")).toMatchInlineSnapshot(`
    "NAME | PROVIDER | ENDPOINT | AUTH | ACCEPTED | PROGRAMMED | RESOLVED | AGE
    demo | OpenAICompatible | http://127.0.0.1:9000 | APIKey | AGE"
  `);
  expect(await lines("airt")).toMatchInlineSnapshot(`
    "NAME | PATH | BACKEND | ACCEPTED | PROGRAMMED | RESOLVED | AGE
    chat | /v1 | demo | AGE"
  `);
  expect(await lines("airlp")).toMatchInlineSnapshot(`
    "NAME | MODE | CONSUMERS | GROUPS | LIMIT | ACCEPTED | PROGRAMMED | RESOLVED | ENFORCED | PROXIES | AGE
    tokens | Enforce | ["alice"] | budget | AGE"
  `);
  const all = await cluster.kubectl(["get", "-n", namespace, "ai", "-o", "name"]);
  expect(all.trim().split("\n").toSorted()).toEqual([
    "aibackend.airatelimit.dev/demo",
    "airatelimitpolicy.airatelimit.dev/tokens",
    "airoute.airatelimit.dev/chat",
    "consumer.airatelimit.dev/alice",
  ]);
});

test("[kubernetes] kubectl explain shows the descriptions", async ({ cluster, expect }) => {
  await installCrds(cluster);
  const explain = async (field: string): Promise<string> =>
    (await cluster.kubectl(["explain", field])).replaceAll(/\s+/g, " ");
  for (const { plural, description } of KINDS) expect(await explain(plural)).toContain(description);
  expect(await explain("airlp.spec.limits.window.algorithm")).toContain("Sliding: what was used in the last duration");
  expect(await explain("airlp.spec.limits.limit")).toContain("How much of unit may be used per window.");
});

test("[kubernetes] two field managers each own their entries of a list with names", async ({ cluster, expect }) => {
  await installCrds(cluster);
  const namespace = await cluster.newNamespace();
  const apply = (manager: string, name: string, limit: number): Promise<string> =>
    cluster.kubectl(
      ["apply", "--server-side", `--field-manager=${manager}`, "-n", namespace, "-f", "-"],
      JSON.stringify({
        apiVersion: "airatelimit.dev/v1alpha1",
        kind: "AIRateLimitPolicy",
        metadata: { name: "shared" },
        spec: { limits: [{ name, limit, window: { duration: "1m" } }] },
      }),
    );
  const limits = (): Promise<string> =>
    cluster.kubectl([
      "get",
      "-n",
      namespace,
      "airlp/shared",
      "-o",
      "jsonpath={range .spec.limits[*]}{.name}={.limit} {end}",
    ]);
  await apply("platform", "minute", 100);
  await apply("team", "hour", 1000);
  expect(await limits()).toBe("minute=100 hour=1000 ");
  await apply("platform", "minute", 200);
  expect(await limits()).toBe("minute=200 hour=1000 ");
  await expect(apply("team", "minute", 5)).rejects.toThrow(
    'conflict with "platform": .spec.limits[name="minute"].limit',
  );
});

const SHOWN = ["examples", "test/fixtures/crds"].flatMap((folder) =>
  readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".yaml") && !file.includes("invalid"))
    .map((file) => join(folder, file)),
);

test.for(SHOWN)(
  "[kubernetes] the server takes %s, and fills in what our own schema fills in",
  async (file, { cluster, expect }) => {
    await installCrds(cluster);
    const namespace = await cluster.newNamespace();
    const documents = parseAllDocuments(readFileSync(file, "utf8")).map((document) => asRecord(document.toJS()));
    expect(documents.length).toBeGreaterThan(0);
    for (const document of documents) {
      // A status is written by controllers only; the server passes over it here.
      const manifest = { ...document, metadata: { ...asRecord(document["metadata"]), namespace }, status: undefined };
      await cluster.kubectl(["apply", "--validate=strict", "-f", "-"], JSON.stringify(manifest));
      await expectSameDefaults({ cluster, namespace, document }, expect);
    }
  },
);

interface Applied {
  readonly cluster: KubeCluster;
  readonly namespace: string;
  readonly document: Record<string, unknown>;
}

async function expectSameDefaults({ cluster, namespace, document }: Applied, expect: ExpectStatic): Promise<void> {
  const { kind, metadata, spec } = document;
  const known = KINDS.find((candidate) => candidate.kind === kind);
  if (known === undefined) return; // a Secret beside them
  const name = String(asRecord(metadata)["name"]);
  const { body } = await cluster.call(
    "GET",
    `/apis/airatelimit.dev/v1alpha1/namespaces/${namespace}/${known.plural}/${name}`,
  );
  expect(body["spec"], `${known.kind} ${name}`).toEqual(known.spec.parse(spec));
}
