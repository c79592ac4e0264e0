// The keeper over HTTP, before an API server that loses answers and is slow to say who was first.

import { expect, onTestFinished, test } from "vitest";
import { createKubeClient } from "../../../controller/kube/kube-client.ts";
import { createCertificateKeeper } from "../../../controller/webhook/certificate-keeper.ts";
import { webhookConfiguration } from "../../../controller/webhook/configuration.ts";
import { eventually } from "../../helpers/clock.ts";
import { type FakeKubeApi, type Fault, type SeenRequest, startFakeKubeApi } from "../../helpers/fake-kube-api.ts";
import { createHandClock, type HandClock } from "../../helpers/hand-clock.ts";
import { bundleText, secretText } from "../../helpers/webhook-secret.ts";

const PLACE = { namespace: "system", name: "cert" };
const CONFIGURATIONS = "validatingwebhookconfigurations";

interface Started {
  readonly fake: FakeKubeApi;
  readonly clock: HandClock;
  /** Certificates in use, by replica. */
  readonly served: readonly string[];
}

async function start(
  replicas: number,
  fault?: { matches: (request: SeenRequest) => boolean; fault: Fault },
): Promise<Started> {
  const fake = await startFakeKubeApi();
  const clock = createHandClock();
  const api = createKubeClient({ kubeconfig: fake.kubeconfig, clock });
  wipe(fake);
  if (fault !== undefined) fake.fail(fault.matches, fault.fault);
  const served = Array.from({ length: replicas }, () => "");
  const keepers = served.map((_, index) =>
    createCertificateKeeper({
      api,
      clock,
      random: () => 0.5,
      secret: PLACE,
      configuration: "hook",
      names: ["webhook.system.svc"],
      use: ({ cert }) => {
        served[index] = cert;
      },
      report: () => undefined,
    }),
  );
  onTestFinished(async () => {
    const stopped = keepers.map((keeper) => keeper.stop());
    await fake.close();
    await Promise.all(stopped);
    api.close();
  });
  for (const keeper of keepers) keeper.start();
  return { fake, clock, served };
}

function wipe(fake: FakeKubeApi): void {
  const service = { namespace: PLACE.namespace, name: "webhook", port: 443 };
  const { webhooks } = webhookConfiguration({ name: "hook", service });
  fake.put(CONFIGURATIONS, { metadata: { name: "hook", namespace: "" }, webhooks });
}

function textOf(fake: FakeKubeApi, key: string): string {
  const secret = fake.find("secrets", PLACE.namespace, PLACE.name);
  return secret === undefined ? "" : secretText(secret, key);
}

const isSettled = ({ fake, served }: Started): boolean =>
  served.every((cert) => cert !== "" && cert === textOf(fake, "tls.crt")) &&
  bundleText(fake.find(CONFIGURATIONS, "", "hook")) === textOf(fake, "ca.crt");

const isCreate = ({ method }: SeenRequest): boolean => method === "POST";
const isPatch = ({ method }: SeenRequest): boolean => method === "PATCH";

test.for<{ name: string; matches: (request: SeenRequest) => boolean; fault: Fault }>([
  { name: "loses the answer to the Secret's creation", matches: isCreate, fault: { kind: "answer-lost" } },
  { name: "resets it", matches: isCreate, fault: { kind: "reset" } },
  { name: "loses the answer to the patch", matches: isPatch, fault: { kind: "answer-lost" } },
  { name: "refuses the patch", matches: isPatch, fault: { kind: "status", code: 403, reason: "Forbidden" } },
])("[controller] two replicas agree, although the API server $name", async ({ matches, fault }) => {
  const started = await start(2, { matches, fault });
  await eventually("agreement", () => {
    started.clock.advance(50); // for the pause after a failure
    return isSettled(started);
  });
  expect(new Set(started.served).size).toBe(1);
});

test("[controller] a caBundle that is wiped is set again when the watch tells", async () => {
  const started = await start(2);
  await eventually("agreement", () => isSettled(started));
  wipe(started.fake);
  expect(isSettled(started)).toBe(false);
  await eventually("the caBundle again", () => isSettled(started));
});
