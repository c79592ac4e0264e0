// The admin port: /livez, /readyz, /metrics. For the cluster and Prometheus, never for clients.

import type { Server } from "node:http";
import express from "express";

export interface AdminDeps {
  /** Undefined when ready, else what is missing. */
  notReady(): string | undefined;
  readonly metricsContentType: string;
  renderMetrics(): Promise<string>;
}

export function createAdminServer(deps: AdminDeps): (host: string, port: number) => Promise<Server> {
  const app = express();
  app.disable("x-powered-by");
  app.disable("etag");
  app.get("/livez", (_req, res) => {
    res.type("text/plain").send("ok\n");
  });
  app.get("/readyz", (_req, res) => {
    const missing = deps.notReady();
    res
      .status(missing === undefined ? 200 : 503)
      .type("text/plain")
      .send(missing === undefined ? "ok\n" : `not ready: ${missing}\n`);
  });
  app.get("/metrics", async (_req, res) => {
    const text = await deps.renderMetrics();
    res.set("Content-Type", deps.metricsContentType).send(text);
  });
  app.use((_req, res) => {
    res.status(404).type("text/plain").send("not found; this port has /livez, /readyz and /metrics\n");
  });
  return (host, port) =>
    new Promise((resolve, reject) => {
      const server = app.listen(port, host, (error?: Error) => {
        if (error) reject(error);
        else resolve(server);
      });
    });
}
