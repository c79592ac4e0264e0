// Two tenants on one controller and one data plane: neither sees, names or takes what is the other's, and no key or
// credential of theirs comes out anywhere.

import { createHash, randomBytes } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { headKey, objectsKey } from "../../dataplane/contract/published.ts";
import {
  aBackend,
  aConsumer,
  aLimit,
  aPolicy,
  aRoute,
  aSecret,
  asRecord,
  type Manifest,
} from "../compiler/manifest-builders.ts";
import { eventually } from "../helpers/clock.ts";
import { type CallResult, CHAT_BODY, call } from "../helpers/http-call.ts";
import { untilConditions } from "../helpers/object-status.ts";
import { leaksIn } from "../helpers/planted.ts";
import { type Product, type Running, type RunningGateway, startProduct } from "../helpers/product-under-test.ts";
import { answersChat, type ScriptedUpstream, startScriptedUpstream } from "../helpers/scripted-upstream.ts";
import { kubectlWords, makeCertificate, registerWebhook } from "../helpers/webhook-under-test.ts";

const TENANTS = ["red", "blue"] as const;
type Tenant = (typeof TENANTS)[number];

const plant = (): string => randomBytes(18).toString("base64url");
const planted = {
  red: { key: plant(), inline: plant(), hashed: plant(), provider: plant() },
  blue: { key: plant(), inline: plant(), hashed: plant(), provider: plant() },
};
const SECRETS = TENANTS.flatMap((tenant) => Object.values(planted[tenant]));
const LOG = { AIRL_LOG_LEVEL: "trace" };

let product: Product;
let controller: Running;
let gateway: RunningGateway;
let redis: Redis;
let upstream: ScriptedUpstream;
let elsewhere: ScriptedUpstream;
let folder = "";
/** Whatever somebody was told. */
const told: string[] = [];
const running: Running[] = [];

beforeAll(async () => {
  const started = await startProduct({ settings: ["--rdbcompression", "no"] });
  if ("missing" in started) throw new Error(`needs ${started.missing}`);
  product = started;
  redis = new Redis(product.redis.url);
  upstream = await startScriptedUpstream(answersChat());
  elsewhere = await startScriptedUpstream(answersChat());
  folder = await mkdtemp(join(tmpdir(), "airl-tenants-"));
  controller = await startController();
  gateway = await startGateway();
  for (const tenant of TENANTS) {
    await product.cluster.kubectl(["create", "namespace", tenant]);
    await product.apply(lines(objectsOf(tenant)));
  }
  for (const namespace of TENANTS) {
    await untilConditions(product.cluster, { what: "airlp/budget", namespace }, { Enforced: /^True/ });
  }
});
afterAll(async () => {
  redis.disconnect();
  await Promise.all([product.stop(), upstream.close(), elsewhere.close()]);
  await rm(folder, { recursive: true, force: true });
});

async function startController(): Promise<Running> {
  const pair = await makeCertificate(folder);
  const started = await product.startController({
    ...LOG,
    AIRL_WEBHOOK_LISTEN: "127.0.0.1:0",
    AIRL_WEBHOOK_CERT_FILE: pair.certFile,
    AIRL_WEBHOOK_KEY_FILE: pair.keyFile,
  });
  const [, port = ""] = await started.process.line(/"webhookPort":(\d+)/);
  await registerWebhook(product.cluster, Number(port), pair);
  running.push(started);
  return started;
}

async function startGateway(): Promise<RunningGateway> {
  const started = await product.startGateway(LOG);
  running.push(started);
  return started;
}

function objectsOf(namespace: Tenant): readonly Manifest[] {
  const { key, inline, hashed, provider } = planted[namespace];
  const keyHash = `sha256:${createHash("sha256").update(hashed).digest("hex")}`;
  const credentials = [
    { name: "secret", apiKey: { secretRef: { name: "keys", key: "user" } } },
    { name: "inline", apiKey: { value: inline } },
    { name: "hashed", apiKey: { keyHash } },
  ];
  const auth = { type: "APIKey", apiKey: { secretRef: { name: "keys", key: "provider" } } };
  const matches = [{ path: { type: "PathPrefix", value: "/" }, hostnames: [`${namespace}.example`] }];
  return [
    aSecret({ namespace, name: "keys" }, { user: key, provider }),
    aSecret({ namespace, name: `only-${namespace}` }, { k: plant() }),
    aConsumer({ namespace, name: "user" }, { credentials }),
    aConsumer({ namespace, name: `only-${namespace}` }),
    aBackend({ namespace, name: "llm" }, { provider: "OpenAICompatible", endpoint: upstream.origin, auth }),
    aRoute({ namespace, name: "chat" }, { matches, backendRefs: [{ name: "llm" }] }),
    aPolicy({ namespace, name: "budget" }, { limits: [aLimit({ limit: 100, window: { duration: "1h" } })] }),
  ];
}

function lines(manifests: readonly Manifest[]): string {
  return manifests.map((manifest) => JSON.stringify(manifest)).join("\n---\n");
}

async function ask(host: Tenant, apikey: string, origin = gateway.origin): Promise<CallResult> {
  const headers = { host: `${host}.example`, apikey };
  const answer = await call(origin, { path: "/v1/chat/completions", headers, body: CHAT_BODY });
  told.push(JSON.stringify(answer.headers), answer.body);
  return answer;
}

async function kubectl(manifest: Manifest): Promise<string> {
  const words = await kubectlWords(product.cluster, ["apply", "-f", "-"], JSON.stringify(manifest));
  told.push(words);
  return words;
}

/** Statuses and events of the namespace. */
async function saidIn(namespace: string): Promise<string> {
  const shown = ["-n", namespace, "-o", "jsonpath={range .items[*]}{.status}{.note}{end}"];
  return await product.cluster.kubectl(["get", "ai,events.events.k8s.io", ...shown]);
}

describe("tenants", () => {
  test.for(["key", "inline", "hashed"] as const)(
    "[e2e] a key (%s) opens its own tenant's routes only",
    async (which) => {
      for (const [own, other] of [
        ["red", "blue"],
        ["blue", "red"],
      ] as const) {
        expect((await ask(own, planted[own][which])).status).toBe(200);
        expect(upstream.received.at(-1)?.headers.authorization).toBe(`Bearer ${planted[own].provider}`);
        const refused = await ask(other, planted[own][which]);
        expect([refused.status, JSON.parse(refused.body)]).toMatchObject([
          401,
          { error: { code: "credential_unknown" } },
        ]);
      }
    },
  );

  test("[e2e] counters of the same names are apart", async () => {
    await eventually("red's budget is used up", async () => (await ask("red", planted.red.key)).status === 429);
    expect((await ask("blue", planted.blue.key)).status).toBe(200);
  });

  test("[e2e] a Secret of the other tenant cannot be named", async () => {
    const secretRef = { name: "only-red", key: "k" };
    const thief = (ref: Manifest): Manifest =>
      aConsumer({ namespace: "blue", name: "thief" }, { credentials: [{ name: "main", apiKey: { secretRef: ref } }] });
    expect(await kubectl(thief({ ...secretRef, namespace: "red" }))).toContain('unknown field "spec');
    expect(await kubectl(thief({ ...secretRef, name: "red/only-red" }))).toContain("Invalid value");
    await kubectl(thief(secretRef));
    const wanted = 'spec.credentials[0].apiKey.secretRef.name: found "only-red", wanted a Secret of this namespace';
    const conditions = { ResolvedRefs: `False SecretNotFound: ${wanted}` };
    await untilConditions(product.cluster, { what: "aicon/thief", namespace: "blue" }, conditions);
  });

  test("[e2e] the other tenant's consumers, routes and backends cannot be named", async () => {
    const appliesTo = { consumers: ["only-red"] };
    const words = await kubectl(aPolicy({ namespace: "blue", name: "reach" }, { appliesTo }));
    const wanted = 'spec.appliesTo.consumers[0]: found "only-red", wanted a Consumer of this namespace';
    // The own consumer of a similar name may be suggested.
    expect(words).toContain(wanted);
    const conditions = { ResolvedRefs: /^False TargetNotFound: warning: spec\.appliesTo\.consumers\[0\]/ };
    await untilConditions(product.cluster, { what: "airlp/reach", namespace: "blue" }, conditions);
  });

  test("[e2e] the other tenant's host names cannot be taken", async () => {
    const matches = [{ path: { type: "Exact", value: "/v1/chat/completions" }, hostnames: ["blue.example"] }];
    const route = aRoute({ namespace: "red", name: "grab" }, { matches, backendRefs: [{ name: "llm" }] });
    expect(await kubectl(route)).toContain("wanted a host name whose requests no other namespace takes");
    await untilConditions(
      product.cluster,
      { what: "airt/grab", namespace: "red" },
      { Accepted: /^False HostnameTaken/ },
    );
    expect((await ask("blue", planted.blue.key)).status).toBe(200);
    expect(upstream.received.at(-1)?.headers.authorization).toBe(`Bearer ${planted.blue.provider}`);
  });

  test("[e2e] nothing that is said to a tenant names the other", async () => {
    // What the tenant has typed itself is repeated to it.
    expect((await saidIn("blue")).replaceAll('"only-red"', "").replaceAll('\\"only-red\\"', "")).not.toContain("red/");
    expect(await saidIn("red")).not.toContain("blue/");
    expect(await saidIn("red")).not.toMatch(/Consumer only-blue|namespace blue/);
  });
});

describe("a backend that is changed in Redis by hand", () => {
  test("[e2e] gets no credential, and the next leader puts it right", async () => {
    const generation = (await redis.hget(headKey("airl:", "blue"), "generation")) ?? "";
    const objects = objectsKey("airl:", "blue", generation);
    const before = (await redis.hget(objects, "AIBackend/llm")) ?? "";
    expect(before).toContain(upstream.origin);
    await redis.hset(objects, "AIBackend/llm", before.replace(upstream.origin, elsewhere.origin));
    const misled = await startGateway();
    const answer = await ask("blue", planted.blue.key, misled.origin);
    expect([answer.status, JSON.parse(answer.body)]).toMatchObject([503, { error: { code: "backend_locked" } }]);
    expect(elsewhere.received).toEqual([]);
    await controller.process.stop();
    controller = await startController();
    await eventually("it is put right", async () => {
      return (await ask("blue", planted.blue.key, misled.origin)).status === 200;
    });
    expect(elsewhere.received).toEqual([]);
    expect(asRecord(JSON.parse((await redis.hget(objects, "AIBackend/llm")) ?? "{}"))["object"]).toEqual(
      asRecord(JSON.parse(before))["object"],
    );
  });
});

describe("secrets", () => {
  test("[e2e] are not in what kubectl is told of objects that hold them", async () => {
    const apiKey = { value: planted.red.inline };
    const named = { namespace: "red", name: "told" };
    const words = [
      await kubectl(aConsumer(named, { groups: 1, credentials: [{ name: "main", apiKey }] })),
      await kubectl(aBackend(named, { endpoint: "http://far.example", auth: { type: "APIKey", apiKey } })),
      await kubectl(aConsumer(named, { credentials: [{ name: "main", apiKey }] })),
    ];
    expect(words[1]).toContain("denied the request");
    expect(words[2]).toContain("Consumer user has this one");
  });

  test("[e2e] are in no dump of Redis, in no log, status, event, metric or answer", async () => {
    await redis.save();
    const [, dir = ""] = z.array(z.string()).parse(await redis.config("GET", "dir"));
    const dump = filesIn(dir).map((file) => readFileSync(file, "latin1"));
    expect(dump.join("")).toContain("AIBackend/llm");
    const places: Record<string, string> = {
      redis: dump.join("\n"),
      logs: running.flatMap(({ process }) => process.lines).join("\n"),
      said: (await Promise.all(TENANTS.map(saidIn))).join("\n"),
      told: told.join("\n"),
      metrics: (await Promise.all(live().map(async ({ admin }) => (await fetch(`${admin}/metrics`)).text()))).join(
        "\n",
      ),
    };
    for (const [place, text] of Object.entries(places)) {
      expect(text.length, place).toBeGreaterThan(1_000);
      expect(leaksIn(text, SECRETS), place).toEqual([]);
    }
    // The search finds what is there.
    expect(leaksIn(`x ${Buffer.from(planted.red.key).toString("base64")}`, SECRETS)).toEqual([planted.red.key]);
  });
});

function live(): readonly Running[] {
  return [controller, gateway];
}

function filesIn(dir: string): readonly string[] {
  const all = readdirSync(dir, { recursive: true, encoding: "utf8" }).map((file) => join(dir, file));
  return all.filter((file) => statSync(file).isFile());
}
