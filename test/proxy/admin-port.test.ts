// The admin port as the kubelet and Prometheus meet it.

import type { Server } from "node:http";
import { expect, onTestFinished, test } from "vitest";
import { createControllerMetrics } from "../../controller/metrics.ts";
import { type AdminDeps, createAdminServer } from "../../dataplane/admin.ts";
import { call } from "../helpers/http-call.ts";

async function start(changes: Partial<AdminDeps> = {}): Promise<string> {
  const metrics = createControllerMetrics();
  const server = await createAdminServer({
    notLive: () => undefined,
    notReady: () => undefined,
    metricsContentType: metrics.contentType,
    renderMetrics: () => metrics.render(),
    ...changes,
  })("127.0.0.1", 0);
  onTestFinished(() => {
    server.close();
  });
  return originOf(server);
}

function originOf(server: Server): string {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return `http://127.0.0.1:${String(address.port)}`;
}

test.for([
  { path: "/livez", changes: {}, status: 200, body: "ok\n" },
  {
    path: "/livez",
    changes: { notLive: () => "no event for 600 s" },
    status: 503,
    body: "not alive: no event for 600 s\n",
  },
  { path: "/livez", changes: { notReady: () => "x" }, status: 200, body: "ok\n" },
  { path: "/readyz", changes: {}, status: 200, body: "ok\n" },
  {
    path: "/readyz",
    changes: { notReady: () => "secrets are not listed" },
    status: 503,
    body: "not ready: secrets are not listed\n",
  },
  { path: "/", changes: {}, status: 404, body: "not found; this port has /livez, /readyz and /metrics\n" },
])("[unit] $path is answered $status", async ({ path, changes, status, body }) => {
  const answer = await call(await start(changes), { method: "GET", path });
  expect(answer).toMatchObject({ status, body });
});

test("[unit] /metrics is in Prometheus' text format, with those of the process", async () => {
  const answer = await call(await start(), { method: "GET", path: "/metrics" });
  expect(answer.headers["content-type"]).toBe("text/plain; version=0.0.4; charset=utf-8");
  expect(answer.body).toContain("# TYPE airl_controller_leader gauge\nairl_controller_leader 0\n");
  expect(answer.body).toContain("process_cpu_seconds_total");
});

test("[unit] a port that is taken is an error", async () => {
  const { port } = new URL(await start());
  const metrics = createControllerMetrics();
  const deps = {
    notLive: () => undefined,
    notReady: () => undefined,
    metricsContentType: "",
    renderMetrics: () => metrics.render(),
  };
  await expect(createAdminServer(deps)("127.0.0.1", Number(port))).rejects.toThrow("EADDRINUSE");
});
