import { expect, onTestFinished, test } from "vitest";
import { createKubeClient } from "../../../controller/kube/kube-client.ts";
import { LEASES, WEBHOOK_CONFIGURATIONS } from "../../../controller/kube/resource.ts";
import { eventually } from "../../helpers/clock.ts";
import { startFakeKubeApi } from "../../helpers/fake-kube-api.ts";

test("[controller] a call of a bounded client ends with the signal although the server never answers", async () => {
  const fake = await startFakeKubeApi();
  const api = createKubeClient({ kubeconfig: fake.kubeconfig });
  onTestFinished(async () => {
    api.close();
    await fake.close();
  });
  const name = { namespace: "ai", name: "leader" };
  fake.fail(() => true, { kind: "silent" }, 2);
  const over = new AbortController();
  const bounded = api.until(over.signal);
  const calls = [bounded.get(LEASES, name), bounded.create(LEASES, "ai", { metadata: name })];
  const ended = Promise.allSettled(calls);
  await eventually("both have arrived", () => fake.requests.length === 2);
  over.abort();
  const reasons = (await ended).map((end) => (end.status === "rejected" ? String(end.reason) : "answered"));
  expect(reasons.map((text) => text.endsWith("Aborted"))).toEqual([true, true]);
  await expect(bounded.get(LEASES, name)).rejects.toMatchObject({ reason: "Aborted" });
  expect(await api.get(LEASES, name)).toBeUndefined();
});

test("[controller] a patch sets members of an object in no namespace, in the version that it names and in no other", async () => {
  const fake = await startFakeKubeApi();
  const api = createKubeClient({ kubeconfig: fake.kubeconfig });
  onTestFinished(async () => {
    api.close();
    await fake.close();
  });
  const plural = "validatingwebhookconfigurations";
  const put = () => fake.put(plural, { metadata: { name: "it", namespace: "" }, webhooks: [{ clientConfig: {} }] });
  const name = { namespace: "", name: "it" };
  const change = (version: string) => [
    { op: "add", path: "/metadata/resourceVersion", value: version } as const,
    { op: "add", path: "/webhooks/0/clientConfig/caBundle", value: "AAAA" } as const,
  ];
  const old = put().metadata.resourceVersion;
  const latest = put().metadata.resourceVersion;
  await expect(api.patch(WEBHOOK_CONFIGURATIONS, name, change(old))).rejects.toMatchObject({ status: 409 });
  expect(await api.patch(WEBHOOK_CONFIGURATIONS, name, change(latest))).toMatchObject({
    webhooks: [{ clientConfig: { caBundle: "AAAA" } }],
  });
  expect(fake.requests.map(({ path }) => path)).toEqual(
    Array.from({ length: 2 }, () => "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/it"),
  );
});
