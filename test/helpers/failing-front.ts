// An HTTP server in front of an API server that passes everything on, until it is told to answer with an error instead.

import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { request } from "node:https";
import type { KubeAddress } from "./kube-cluster.ts";

export interface FailingFront {
  readonly url: string;
  /** From now on each call is answered with this status, and what is under way is cut; undefined: passes on again. */
  fail(status: number | undefined): void;
  /** Calls that were answered with an error. */
  failed(): number;
  stop(): Promise<void>;
}

export async function startFailingFront({ url, ca }: Pick<KubeAddress, "url" | "ca">): Promise<FailingFront> {
  let failing: number | undefined;
  let failed = 0;
  const pass = (req: IncomingMessage, res: ServerResponse): void => {
    const { method = "GET", headers } = req;
    const onward = request(`${url}${req.url ?? ""}`, { method, headers, ca }, (answer) => {
      res.writeHead(answer.statusCode ?? 502, answer.headers);
      res.flushHeaders();
      answer.pipe(res);
      answer.on("close", () => {
        if (!answer.complete) res.destroy();
      });
    });
    onward.on("error", () => res.destroy());
    res.on("close", () => onward.destroy());
    req.pipe(onward);
  };
  const server = createServer((req, res) => {
    if (failing === undefined) {
      pass(req, res);
      return;
    }
    failed += 1;
    req.resume();
    const status = { kind: "Status", apiVersion: "v1", status: "Failure", reason: "InternalError", code: failing };
    res.writeHead(failing, { "content-type": "application/json" });
    res.end(JSON.stringify(status));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}`,
    fail(status) {
      failing = status;
      if (status !== undefined) server.closeAllConnections();
    },
    failed: () => failed,
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
