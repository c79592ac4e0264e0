// A request and its response without a connection: what is written goes nowhere.

import { ClientRequest } from "../../dataplane/downstream/client-request.ts";
import { type AnswerCarrier, ClientResponse } from "../../dataplane/downstream/client-response.ts";
import type { RequestHead } from "../../dataplane/downstream/request-reader.ts";

const NOWHERE: AnswerCarrier = {
  tails: { date: () => "", keepAlive: "\r\n" },
  write: () => true,
  writeAround: () => true,
  finished: () => {},
  destroy: () => {},
};

export function aClientExchange(head: Partial<RequestHead> = {}): { req: ClientRequest; res: ClientResponse } {
  const whole: RequestHead = { method: "POST", target: "/", version: "1.1", rawHeaders: [], keepsAlive: true, ...head };
  const req = new ClientRequest(whole, "127.0.0.1");
  return { req, res: new ClientResponse(NOWHERE, req) };
}
