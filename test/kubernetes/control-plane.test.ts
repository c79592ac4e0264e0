// The control plane itself, as fault tests use it: its parts die and come back, and what was stored is still there.

import { inject, onTestFinished, test } from "vitest";
import { startControlPlane } from "../helpers/kube-control-plane.ts";
import { findKubePrograms } from "../helpers/kube-programs.ts";

test("[kubernetes] objects outlive the death of kube-apiserver and of etcd", { timeout: 60_000 }, async ({
  expect,
  skip,
}) => {
  const shared = inject("kubernetes");
  const found = findKubePrograms("control-plane");
  if ("missing" in shared || "missing" in found) return skip("needs the control-plane programs of Kubernetes");
  const plane = await startControlPlane(found.paths);
  onTestFinished(plane.stop);
  expect(plane.url).not.toBe(shared.url);
  const namespace = await plane.newNamespace();
  const read = (): Promise<{ status: number }> => plane.call("GET", `/api/v1/namespaces/${namespace}`);
  expect(await read()).toMatchObject({ status: 200 });

  await plane.apiServer.kill();
  await expect(read()).rejects.toThrow("ECONNREFUSED");
  expect(plane.apiServer.pid).toBe(0);
  await plane.apiServer.start();
  expect(await read()).toMatchObject({ status: 200 });

  await plane.etcd.kill();
  await plane.etcd.start();
  await expect.poll(async () => (await read()).status, { timeout: 30_000 }).toBe(200);
});
