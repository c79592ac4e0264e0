// The admin port of every program: /livez, /readyz, /metrics. For the cluster and Prometheus, never for clients.

import type { Server } from "node:http";
import express, { type Response } from "express";

export interface AdminDeps {
  /** Undefined when alive, else what is stuck: the container is started again. Left out: alive as long as it answers. */
  notLive?(): string | undefined;
  /** Undefined when ready, else what is missing. */
  notReady(): string | undefined;
  readonly metricsContentType: string;
  renderMetrics(): Promise<string>;
}

/** Resolves when it listens; rejects when the port is taken. Port 0 takes any free one. */
export function createAdminServer(deps: AdminDeps): (host: string, port: number) => Promise<Server> {
  const app = express();
  app.disable("x-powered-by");
  app.disable("etag");
  app.get("/livez", (_req, res) => {
    sendProblem(res, "not alive", deps.notLive?.());
  });
  app.get("/readyz", (_req, res) => {
    sendProblem(res, "not ready", deps.notReady());
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

function sendProblem(res: Response, title: string, problem: string | undefined): void {
  res
    .status(problem === undefined ? 200 : 503)
    .type("text/plain")
    .send(problem === undefined ? "ok\n" : `${title}: ${problem}\n`);
}
