// A client and scripted servers for one test, all closed when the test is over.

import { createEgressPolicy } from "../../dataplane/upstream/egress.ts";
import { createHttp1Client, type Http1ClientOptions } from "../../dataplane/upstream/http1-client.ts";
import type { Upstream } from "../../dataplane/upstream/upstream.ts";
import { type RawScript, type RawUpstream, startRawUpstream } from "../helpers/raw-upstream.ts";

export const LOOPBACK = createEgressPolicy(["127.0.0.0/8"]);

export interface TestBed {
  client(options?: Partial<Http1ClientOptions>): Upstream;
  server(script: RawScript, tls?: Parameters<typeof startRawUpstream>[1]): Promise<RawUpstream>;
  close(): Promise<void>;
}

export function createTestBed(): TestBed {
  const clients: Upstream[] = [];
  const servers: RawUpstream[] = [];
  return {
    client(options = {}) {
      const client = createHttp1Client({ egress: LOOPBACK, ...options });
      clients.push(client);
      return client;
    },
    async server(script, tls) {
      const server = await startRawUpstream(script, tls);
      servers.push(server);
      return server;
    },
    async close() {
      for (const client of clients.splice(0)) client.close();
      await Promise.all(servers.splice(0).map((server) => server.close()));
    },
  };
}

/** A whole response with this body. */
export function response(body: string, head = ""): string {
  return `HTTP/1.1 200 OK\r\n${head}Content-Length: ${body.length}\r\n\r\n${body}`;
}

/** Answers every request on a connection with the same text. */
export function always(text: string): RawScript {
  return async (connection) => {
    for (;;) {
      await connection.readRequest();
      await connection.write(text);
    }
  };
}
