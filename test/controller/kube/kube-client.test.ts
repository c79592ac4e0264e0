import { expect, onTestFinished, test } from "vitest";
import { createKubeClient } from "../../../controller/kube/kube-client.ts";
import { LEASES } from "../../../controller/kube/resource.ts";
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
