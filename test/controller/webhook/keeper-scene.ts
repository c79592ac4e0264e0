// Replicas of the keeper before an API server in memory, with a clock that stands still until it is moved.

import { onTestFinished } from "vitest";
import type { KubeApi } from "../../../controller/kube/kube-api.ts";
import { type Resource, SECRETS, WEBHOOK_CONFIGURATIONS } from "../../../controller/kube/resource.ts";
import { createCertificateKeeper, type KeeperReport } from "../../../controller/webhook/certificate-keeper.ts";
import { webhookConfiguration } from "../../../controller/webhook/configuration.ts";
import type { TlsPair } from "../../../controller/webhook/tls-pair.ts";
import { createHandClock, type HandClock } from "../../helpers/hand-clock.ts";
import { MemoryKubeApi } from "../../helpers/memory-kube-api.ts";
import { bundleText, secretText } from "../../helpers/webhook-secret.ts";

export const SECRET = { namespace: "system", name: "webhook-cert" };
export const CONFIGURATION = { namespace: "", name: "webhook" };

export interface Replica {
  /** Served last. */
  pair(): TlsPair | undefined;
  readonly told: KeeperReport[];
  /** Calls of these get no answer from now on. */
  cut(resources: readonly Resource[]): void;
  stop(): Promise<void>;
}

export interface KeeperScene {
  readonly api: MemoryKubeApi;
  readonly clock: HandClock;
  /** Not yet done when it returns. */
  startReplica(names?: readonly string[], secretName?: string): Replica;
  /** A key's text in the Secret; "" without one. */
  text(key: string): string;
  /** PEM of the caBundle; "" also without a configuration. */
  bundle(): string;
  /** Sets keys of the Secret. */
  edit(texts: Readonly<Record<string, string>>): void;
  deleteSecret(): void;
  /** As it is after an install: without a caBundle. */
  wipeBundle(): void;
  /** Runs what waits for nothing but the event loop. */
  settle(): Promise<void>;
  /** Moves the clock, in steps, and settles after each. */
  pass(ms: number, stepMs?: number): Promise<void>;
}

export function startKeeperScene(): KeeperScene {
  const api = new MemoryKubeApi();
  const clock = createHandClock();
  const wipeBundle = (): void => {
    const service = { namespace: SECRET.namespace, name: "webhook", port: 443 };
    api.put(WEBHOOK_CONFIGURATIONS, webhookConfiguration({ name: CONFIGURATION.name, service }));
  };
  wipeBundle();
  const settle = (): Promise<void> => settled(api);
  return {
    api,
    clock,
    wipeBundle,
    settle,
    startReplica(names = ["webhook.system.svc"], secretName = SECRET.name) {
      const replica = startReplica({ api, clock, names, secretName });
      onTestFinished(() => replica.stop());
      return replica;
    },
    text(key) {
      const secret = api.find(SECRETS, SECRET);
      return secret === undefined ? "" : secretText(secret, key);
    },
    bundle() {
      const configuration = api.find(WEBHOOK_CONFIGURATIONS, CONFIGURATION);
      return configuration === undefined ? "" : bundleText(configuration);
    },
    edit(texts) {
      const secret = api.find(SECRETS, SECRET);
      const data = Object.entries(texts).map(([key, text]) => [key, Buffer.from(text).toString("base64")]);
      api.put(SECRETS, {
        metadata: SECRET,
        ...secret,
        data: { ...Object(secret?.["data"]), ...Object.fromEntries(data) },
      });
    },
    deleteSecret: () => {
      api.remove(SECRETS, SECRET);
    },
    async pass(ms, stepMs = ms) {
      for (let leftMs = ms; leftMs > 0; leftMs -= stepMs) {
        clock.advance(Math.min(stepMs, leftMs));
        await settle();
      }
    },
  };
}

interface ReplicaOptions {
  readonly api: MemoryKubeApi;
  readonly clock: HandClock;
  readonly names: readonly string[];
  readonly secretName: string;
}

function startReplica({ api, clock, names, secretName }: ReplicaOptions): Replica {
  const told: KeeperReport[] = [];
  let pair: TlsPair | undefined;
  let cut: readonly string[] = [];
  const client: Pick<KubeApi, "get" | "create" | "replace" | "patch" | "list" | "watch"> = api.client(
    (_verb, { plural }) => cut.includes(plural),
  );
  const keeper = createCertificateKeeper({
    api: client,
    clock,
    names,
    random: () => 0.5,
    secret: { ...SECRET, name: secretName },
    configuration: CONFIGURATION.name,
    use: (given) => {
      pair = given;
    },
    report: (report) => told.push(report),
  });
  keeper.start();
  return {
    pair: () => pair,
    told,
    cut: (resources) => {
      cut = resources.map(({ plural }) => plural);
    },
    stop: () => keeper.stop(),
  };
}

/** One look of a keeper takes two rounds of the event loop and some calls, and asks for another at once or not at all. */
const QUIET_ROUNDS = 6;

async function settled(api: MemoryKubeApi): Promise<void> {
  let rounds = 0;
  for (let calls = api.calls; rounds < QUIET_ROUNDS; rounds += 1) {
    await new Promise((resolve) => setImmediate(resolve));
    if (api.calls !== calls) rounds = 0;
    calls = api.calls;
  }
}
