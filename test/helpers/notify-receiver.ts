// A receiver of CloudEvents as operators run one: it keeps what it takes, and answers as it is told.

import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import { z } from "zod";

const posted = z.looseObject({ id: z.string(), type: z.string(), data: z.looseObject({ percent: z.number() }) });

export interface NotifyReceiver {
  readonly url: string;
  /** Every post, also those that were not taken. */
  readonly posts: {
    readonly headers: IncomingHttpHeaders;
    readonly event: z.output<typeof posted>;
    readonly text: string;
  }[];
  /** Ids of those that were taken, in order. */
  readonly taken: string[];
  /** Of the next answers: a status with headers, or "cut", or "silent". Default 204. */
  answer: (post: number) => Answer;
  close(): Promise<void>;
}

export type Answer = { readonly status: number; readonly headers?: Record<string, string> } | "cut" | "silent";

export async function startNotifyReceiver(): Promise<NotifyReceiver> {
  const server = createServer((req, res) => {
    const pieces: Buffer[] = [];
    req.on("data", (piece: Buffer) => pieces.push(piece));
    req.on("end", () => {
      const text = Buffer.concat(pieces).toString("utf8");
      const event = posted.parse(JSON.parse(text));
      receiver.posts.push({ headers: req.headers, event, text });
      const answer = receiver.answer(receiver.posts.length);
      if (answer === "cut") req.socket.destroy();
      if (typeof answer === "string") return;
      if (answer.status < 300) receiver.taken.push(event.id);
      res.writeHead(answer.status, answer.headers).end();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" ? (address?.port ?? 0) : 0;
  const receiver: NotifyReceiver = {
    url: `http://127.0.0.1:${String(port)}/hook?token=url-secret`,
    posts: [],
    taken: [],
    answer: () => ({ status: 204 }),
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
  return receiver;
}
