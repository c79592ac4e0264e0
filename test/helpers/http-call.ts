// One HTTP call over node:http, with everything that a test may look at.

import { Agent, type IncomingHttpHeaders, request } from "node:http";

export interface CallResult {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
  readonly body: string;
  /** True when the connection broke before the response was complete. */
  readonly broken: boolean;
}

export interface CallOptions {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string | string[]>>;
  readonly body?: string | Buffer;
}

/** A fresh connection for each call unless an agent is given. */
export function call(
  origin: string,
  options: CallOptions = {},
  agent = new Agent({ keepAlive: false }),
): Promise<CallResult> {
  const { method = "POST", path = "/", headers = {}, body = "" } = options;
  return new Promise((resolve, reject) => {
    const req = request(`${origin}${path}`, { method, headers, agent }, (res) => {
      const pieces: Buffer[] = [];
      const finish = (broken: boolean): void => {
        const { statusCode: status = 0, headers: received, rawHeaders } = res;
        resolve({ status, headers: received, rawHeaders, body: Buffer.concat(pieces).toString("utf8"), broken });
      };
      res.on("data", (piece: Buffer) => pieces.push(piece));
      res.on("end", () => {
        finish(false);
      });
      res.on("error", () => {
        finish(true);
      });
    });
    req.on("error", reject);
    req.end(body);
  });
}

export const CHAT_BODY = JSON.stringify({
  model: "gpt-4o",
  messages: [{ role: "user", content: "Who is Jimi Hendrix?" }],
});

export const STREAM_BODY = JSON.stringify({
  model: "gpt-4o",
  stream: true,
  messages: [{ role: "user", content: "Who is Jimi Hendrix?" }],
});
