// Statuses on a real API server, from kubectl apply to enforced and back: when they are written, and what they leave alone.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { aLimit, aPolicy, asRecord, type Manifest } from "../compiler/manifest-builders.ts";
import { eventually } from "../helpers/clock.ts";
import { CHAT_BODY, call } from "../helpers/http-call.ts";
import { conditionsOf, readObject, type ShownObject, untilConditions } from "../helpers/object-status.ts";
import { type Product, type Running, type RunningGateway, startProduct } from "../helpers/product-under-test.ts";

let product: Product;
let controller: Running;
let gateway: RunningGateway;
const namespace = "default";
/** Those that may stand beside each other in one namespace; the one of hierarchy limits money for all of its backends. */
const FILES = readdirSync("examples", { recursive: true, encoding: "utf8" }).filter(
  (file) => file.endsWith(".yaml") && !file.startsWith("hierarchy"),
);

beforeAll(async () => {
  const started = await startProduct();
  if ("missing" in started) throw new Error(`needs ${started.missing}`);
  product = started;
  controller = await product.startController();
});
afterAll(async () => {
  await product.stop();
});

function example(file: string): string {
  return readFileSync(join("examples", file), "utf8").replaceAll("http://127.0.0.1:9000", product.upstream.origin);
}

/** "kind/name" of every object of the examples. */
function exampleObjects(): readonly string[] {
  return FILES.flatMap((file) => parseAllDocuments(example(file)).map((document) => asRecord(document.toJS()))).map(
    ({ kind, metadata }) => `${String(kind)}/${String(asRecord(metadata)["name"])}`,
  );
}

async function all(): Promise<readonly ShownObject[]> {
  return await Promise.all(exampleObjects().map((what) => readObject(product.cluster, what, namespace)));
}

/** Lines of kubectl get with one space between columns, without ages. */
async function columns(kind: string): Promise<string> {
  const out = await product.cluster.kubectl(["get", kind, "-n", namespace]);
  return out
    .trimEnd()
    .replaceAll(/ {2,}/g, " | ")
    .replaceAll(/\| \d+[ms]+\d*s?$/gm, "| AGE");
}

describe("the examples", () => {
  test("[e2e] before a data plane runs, everything is True but Enforced", async () => {
    for (const file of FILES) await product.apply(example(file));
    for (const what of exampleObjects()) {
      const enforced = { Enforced: "False NoProxies: no data plane serves namespace default" };
      const rest = { Accepted: /^True/, ResolvedRefs: /^True/, Programmed: /^True Programmed/ };
      await untilConditions(
        product.cluster,
        { what, namespace },
        what.startsWith("AIRateLimitPolicy/") ? { ...rest, ...enforced } : rest,
      );
    }
  });

  test("[e2e] kubectl wait sees each policy enforced, and the columns say by how many", async () => {
    gateway = await product.startGateway();
    const waiting = ["wait", "--for=condition=Enforced", "airlp", "--all", "-n", namespace, "--timeout=30s"];
    expect((await product.cluster.kubectl(waiting)).trim().split("\n")).toHaveLength(3);
    for (const { status } of await all()) expect(status.conditions.every((each) => each.status === "True")).toBe(true);
    expect(await columns("airlp")).toMatchInlineSnapshot(`
      "NAME | MODE | CONSUMERS | GROUPS | ACCEPTED | ENFORCED | PROXIES | AGE
      tokens | Enforce | ["alice"] | True | True | 1/1 | AGE
      user1-tokens | Enforce | ["user1"] | True | True | 1/1 | AGE
      user2-tokens | Enforce | ["user2"] | True | True | 1/1 | AGE"
    `);
    expect(await columns("aicon")).toMatchInlineSnapshot(`
      "NAME | USERNAME | GROUP | ACCEPTED | PROGRAMMED | AGE
      alice | True | True | AGE
      user1 | True | True | AGE
      user2 | True | True | AGE"
    `);
    expect((await columns("aibe")).replaceAll(/127.0.0.1:\d+/g, "HOST")).toMatchInlineSnapshot(`
      "NAME | PROVIDER | ENDPOINT | ACCEPTED | PROGRAMMED | AGE
      bedrock | OpenAICompatible | http://HOST | True | True | AGE
      demo | OpenAICompatible | http://HOST | True | True | AGE"
    `);
    expect(await columns("airt")).toMatchInlineSnapshot(`
      "NAME | PATH | BACKEND | ACCEPTED | PROGRAMMED | AGE
      bedrock-route | /bedrock-route | bedrock | True | True | AGE
      chat | /v1 | demo | True | True | AGE"
    `);
  });

  test.for([
    { path: "/v1/chat/completions", apikey: "alice-key" },
    { path: "/bedrock-route", apikey: "123456" },
  ])("[e2e] the limits of $path hold", async ({ path, apikey }) => {
    const ask = () => call(gateway.origin, { path, headers: { apikey }, body: CHAT_BODY });
    expect((await ask()).status).toBe(200);
    await eventually("the budget is used up", async () => (await ask()).status === 429);
  });
});

describe("writing", () => {
  test("[e2e] nothing is written while nothing changes, nor by a controller that starts anew", async () => {
    const versions = async (): Promise<readonly string[]> =>
      (await all()).map(({ metadata }) => `${metadata.name} ${metadata.resourceVersion}`);
    const before = await versions();
    await controller.process.stop();
    controller = await product.startController();
    await controller.process.line(/"kind":"leading"/);
    // The next change is written, so whatever the start gave reason to write has been written before.
    const probe = aPolicy({ name: "probe", namespace }, { appliesTo: { routes: ["chat"] } });
    await product.apply(JSON.stringify(probe));
    await untilConditions(product.cluster, { what: "airlp/probe", namespace }, { Enforced: /^True/ });
    expect(await versions()).toEqual(before);
  });

  test("[e2e] conditions of others stay, and so do their fields", async () => {
    const audited = {
      type: "Audited",
      status: "True",
      reason: "Looked",
      message: "by somebody else",
      lastTransitionTime: "2026-01-01T00:00:00Z",
    };
    const theirs = { ...aPolicy({ name: "probe", namespace }), spec: undefined, status: { conditions: [audited] } };
    const as = ["--server-side", "--subresource=status", "--field-manager=auditor"];
    await product.cluster.kubectl(["apply", ...as, "-f", "-"], JSON.stringify(theirs));
    await product.apply(JSON.stringify(policy({ limit: 600 })));
    const after = await untilConditions(
      product.cluster,
      { what: "airlp/probe", namespace },
      { Audited: "True Looked: by somebody else", Enforced: /revision \d+$/ },
    );
    expect(Object.keys(conditionsOf(after)).sort()).toEqual([
      "Accepted",
      "Audited",
      "Enforced",
      "Programmed",
      "ResolvedRefs",
    ]);
  });
});

function policy(limit: Manifest): Manifest {
  return aPolicy({ name: "probe", namespace }, { appliesTo: { routes: ["chat"] }, limits: [aLimit(limit)] });
}

describe("generations", () => {
  test("[e2e] observedGeneration follows, in the status and in each condition", async () => {
    await product.apply(JSON.stringify(policy({ limit: 700 })));
    const { generation } = (await readObject(product.cluster, "airlp/probe", namespace)).metadata;
    await eventually("it is observed", async () => {
      const { status } = await readObject(product.cluster, "airlp/probe", namespace);
      const own = status.conditions.filter(({ type }) => type !== "Audited");
      const observed = own.map(({ observedGeneration }) => observedGeneration);
      return [status.observedGeneration, ...observed].every((each) => each === generation) && own.length === 4;
    });
  });

  test("[e2e] an invalid update leaves the last good version in force and says which", async () => {
    const before = (await readObject(product.cluster, "airlp/probe", namespace)).metadata.generation;
    await product.apply(JSON.stringify(policy({ limit: 1, window: { duration: "0s" } })));
    const stays = `generation ${String(before)} stays in force`;
    const said = `generation ${String(before + 1)} is not in force; ${stays}`;
    const wanted = 'spec.limits[0].window.duration: found "0s", wanted a duration from 1s to 366d';
    const conditions = {
      Accepted: `False Invalid: ${wanted}; ${stays}`,
      ResolvedRefs: "Unknown Invalid: not looked at: the spec is not accepted",
      Programmed: `False Invalid: ${said}`,
      Enforced: `False Invalid: ${said}`,
    };
    await untilConditions(product.cluster, { what: "airlp/probe", namespace }, conditions);
    // The next leader knows no more than what is published.
    await controller.process.stop();
    controller = await product.startController();
    await controller.process.line(/"kind":"leading"/);
    await product.apply(JSON.stringify(aPolicy({ name: "other", namespace }, { appliesTo: { routes: ["chat"] } })));
    await untilConditions(product.cluster, { what: "airlp/other", namespace }, { Enforced: /^True/ });
    expect(conditionsOf(await readObject(product.cluster, "airlp/probe", namespace))).toMatchObject(conditions);
    await product.apply(JSON.stringify(policy({ limit: 800 })));
    await untilConditions(product.cluster, { what: "airlp/probe", namespace }, { Enforced: /^True/ });
  });
});

describe("data planes", () => {
  test("[e2e] as they come and go, a change waits for each that is there", async () => {
    const probe = { what: "airlp/probe", namespace };
    const change = (limit: number): Promise<string> => product.apply(JSON.stringify(policy({ limit })));
    const second = await product.startGateway();
    await change(850);
    await untilConditions(product.cluster, probe, { Enforced: /^True Enforced: 2\/2 data planes have revision \d+$/ });
    second.process.signal("SIGSTOP");
    try {
      await change(900);
      await untilConditions(product.cluster, probe, {
        Enforced: /^False Pending: 1\/2 data planes have revision \d+; waiting for \S+$/,
      });
    } finally {
      second.process.signal("SIGCONT");
    }
    const wait = ["wait", "--for=condition=Enforced", "airlp/probe", "-n", namespace, "--timeout=30s"];
    await product.cluster.kubectl(wait);
    expect((await readObject(product.cluster, "airlp/probe", namespace)).status.proxies).toBe("2/2");
    await second.process.stop();
    await change(950);
    await untilConditions(product.cluster, probe, { Enforced: /^True Enforced: 1\/1 / });
  });
});
