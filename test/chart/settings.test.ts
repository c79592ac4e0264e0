// The programs accept the environment that the chart gives them, and find in it what the values say. Files are those that
// the Pod mounts.

import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, onTestFinished } from "vitest";
import { z } from "zod";
import { type ControllerSettings, readControllerSettings } from "../../controller/settings.ts";
import { type DataPlaneSettings, readDataPlaneSettings } from "../../dataplane/settings.ts";
import type { Manifest } from "../compiler/manifest-builders.ts";
import { find, type Helm, manifestsOf, NAMESPACE, render, test } from "./helm.ts";

const SETS = readdirSync("test/chart/values").map((file) => file.replace(".yaml", ""));

const workload = z.looseObject({
  spec: z.looseObject({
    template: z.looseObject({
      spec: z.looseObject({
        containers: z.tuple([
          z.looseObject({
            env: z.array(
              z.object({
                name: z.string(),
                value: z.string().optional(),
                valueFrom: z
                  .object({
                    fieldRef: z.object({ fieldPath: z.string() }).optional(),
                    secretKeyRef: z.object({ name: z.string(), key: z.string() }).optional(),
                  })
                  .optional(),
              }),
            ),
            volumeMounts: z.array(z.looseObject({ name: z.string(), mountPath: z.string() })),
          }),
        ]),
        volumes: z.array(
          z.looseObject({
            name: z.string(),
            secret: z
              .object({
                secretName: z.string(),
                items: z.array(z.object({ key: z.string(), path: z.string() })).optional(),
              })
              .optional(),
          }),
        ),
      }),
    }),
  }),
});

/** What the kubelet would set. */
const FIELDS = new Map([
  ["metadata.name", "pod-0"],
  ["metadata.namespace", NAMESPACE],
  ["metadata.uid", "u-1"],
]);
const TLS_KEYS = ["tls.crt", "tls.key"];

/** The environment of the container, with the files of its Secrets: each holds its Secret's name and key. */
function environmentOf(manifest: Manifest): Record<string, string> {
  const root = mkdtempSync(join(tmpdir(), "airl-pod-"));
  onTestFinished(() => {
    rmSync(root, { recursive: true });
  });
  const {
    containers: [container],
    volumes,
  } = workload.parse(manifest).spec.template.spec;
  for (const { name, mountPath } of container.volumeMounts) {
    const secret = volumes.find((volume) => volume.name === name)?.secret;
    if (secret === undefined) continue;
    const items = secret.items ?? TLS_KEYS.map((key) => ({ key, path: key }));
    for (const { key, path } of items) {
      const file = join(root, mountPath, path);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, `${secret.secretName}/${key}\n`);
    }
  }
  return Object.fromEntries(
    container.env.map(({ name, value, valueFrom }) => {
      const { fieldRef, secretKeyRef } = valueFrom ?? {};
      if (secretKeyRef !== undefined) return [name, `redis://from-${secretKeyRef.name}-${secretKeyRef.key}`];
      const given = value ?? FIELDS.get(fieldRef?.fieldPath ?? "") ?? "";
      return [name, given.replace(/^\/etc\/ai-rate-limit\//, `${root}/etc/ai-rate-limit/`)];
    }),
  );
}

interface Programs {
  readonly controller: ControllerSettings;
  readonly dataplane: DataPlaneSettings;
}

async function programsOf(helm: Helm, name: string): Promise<Programs> {
  const manifests = manifestsOf(await render(helm, ["--values", `test/chart/values/${name}.yaml`]));
  const fullname = name === "names" ? "gateway" : "airl-ai-rate-limit";
  return {
    controller: readControllerSettings(environmentOf(find(manifests, `Deployment/${fullname}-controller`))),
    dataplane: readDataPlaneSettings(environmentOf(find(manifests, `Deployment/${fullname}-dataplane`))),
  };
}

test.for(SETS)("[unit] both programs take the settings of the chart with %s", async (name, { helm }) => {
  const { controller, dataplane } = await programsOf(helm, name);
  expect(controller.systemNamespace).toBe(dataplane.systemNamespace);
  expect(controller.namespaces).toEqual(dataplane.namespaces);
  expect(controller.keyPrefix).toBe(dataplane.keyPrefix);
  expect(controller.redis.url).toBe(dataplane.configRedis.url);
  expect(controller.lease.namespace).toBe(NAMESPACE);
  expect(dataplane.pod).toEqual({ name: "pod-0", namespace: NAMESPACE, uid: "u-1" });
});

test("[unit] the trial Redis is reached with its password", async ({ helm }) => {
  const { dataplane } = await programsOf(helm, "trial");
  expect(dataplane.redis).toMatchObject({
    url: "redis://airl-ai-rate-limit-redis:6379",
    password: "airl-ai-rate-limit-redis/password",
    cluster: false,
    tls: undefined,
  });
  expect(dataplane.configRedis).toEqual(dataplane.redis);
});

test("[unit] certificates, database and users of Redis arrive, the controller's own too", async ({ helm }) => {
  const { controller, dataplane } = await programsOf(helm, "redis");
  const tls = {
    ca: "redis-tls/ca.crt",
    cert: "redis-tls/tls.crt",
    key: "redis-tls/tls.key",
    servername: "redis.internal",
  };
  const shared = { url: "rediss://redis.example:6379", db: 0, tls };
  expect(dataplane.redis).toMatchObject({ ...shared, username: "dataplane", password: "redis-users/password" });
  expect(controller.redis).toMatchObject({
    ...shared,
    username: "controller",
    password: "redis-users/controller-password",
  });
});

test("[unit] an URL may come from a Secret", async ({ helm }) => {
  const { controller, dataplane } = await programsOf(helm, "redis-url-in-secret");
  for (const redis of [controller.redis, dataplane.redis]) {
    expect(redis).toMatchObject({ url: "redis://from-redis-url", password: undefined });
  }
});

test("[unit] sentinels are named with their master and password", async ({ helm }) => {
  const { dataplane } = await programsOf(helm, "sentinel");
  expect(dataplane.redis).toMatchObject({
    url: "redis://s1:26379,redis://s2:26379,redis://s3:26379",
    sentinelMaster: "mymaster",
    sentinelPassword: "redis/sentinel",
    password: "redis/password",
  });
});

test("[unit] with a Redis of its own for the configuration the controller does not know that of the counters", async ({
  helm,
}) => {
  const { controller, dataplane } = await programsOf(helm, "cluster-and-config");
  expect(dataplane.redis).toMatchObject({
    url: "redis://n1:6379,redis://n2:6379",
    cluster: true,
    password: "counters/password",
  });
  const config = { url: "redis://config:6379", cluster: false, db: 3, tls: { ca: "config-ca/ca.crt" } };
  expect(dataplane.configRedis).toMatchObject({ ...config, username: "reader", password: "config/password" });
  expect(controller.redis).toMatchObject({ ...config, username: "writer", password: "config/writer-password" });
  const manifests = manifestsOf(await render(helm, ["--values", "test/chart/values/cluster-and-config.yaml"]));
  expect(JSON.stringify(find(manifests, "Deployment/airl-ai-rate-limit-controller"))).not.toContain("counters");
});

test("[unit] the webhook's certificates are made by the controller, or lie in files", async ({ helm }) => {
  const namespace = NAMESPACE;
  const { controller } = await programsOf(helm, "trial");
  expect(controller.webhook?.certificate).toEqual({
    secret: { namespace, name: "airl-ai-rate-limit-webhook-cert" },
    service: { namespace, name: "airl-ai-rate-limit-webhook" },
    configuration: "airl-ai-rate-limit-webhook",
  });
  const given = await programsOf(helm, "own-certificate");
  expect(JSON.stringify(given.controller.webhook?.certificate)).toMatch(
    /"certFile":"[^"]*\/webhook\/tls\.crt","keyFile":"[^"]*\/webhook\/tls\.key"/,
  );
  expect((await programsOf(helm, "bare")).controller.webhook).toBeUndefined();
});

test("[unit] what is said of data planes and controllers arrives", async ({ helm }) => {
  const { controller, dataplane } = await programsOf(helm, "autoscaled");
  expect(controller.logLevel).toBe("warn");
  expect(dataplane).toMatchObject({
    logLevel: "error",
    drainMs: 1_800_000,
    maxBodyBytes: 8 * 1024 * 1024,
    trustedProxies: ["10.0.0.0/8", "fd00::/8"],
    egressAllow: ["169.254.169.254"],
  });
  const other = await programsOf(helm, "notifications");
  expect(other.controller).toMatchObject({ leaseMs: 30_000, watchSilenceMs: 60_000, keyPrefix: "team-a:" });
  expect((await programsOf(helm, "namespaces")).controller).toMatchObject({
    namespaces: ["ai", "batch"],
    systemNamespace: "ai",
  });
});
