// The reader of clients' requests: any cut gives the same, and what passes is safe to write to an upstream.

import { readRequests } from "../../downstream/read-requests.ts";
import { law, sameForAll } from "../laws.ts";
import { waysToCut } from "../split.ts";
import type { FuzzTarget } from "../target.ts";

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const FIELD_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

export const target: FuzzTarget = {
  name: "request-reader",
  shape: "bytes",
  seeds: [
    "POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\napikey: k\r\nContent-Length: 2\r\n\r\n{}",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\n{}\r\n0\r\nX-T: 1\r\n\r\nGET / HTTP/1.1\r\n\r\n",
    "GET / HTTP/1.0\r\nConnection: keep-alive\r\nX-Empty:\r\n\r\n",
    "GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\nPRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n",
  ],
  tokens: [
    "\r\n",
    "\r\n\r\n",
    "POST / HTTP/1.1\r\n",
    "Content-Length: ",
    "Transfer-Encoding: chunked\r\n",
    "Connection: close\r\n",
    "Connection: upgrade\r\nUpgrade: x\r\n",
    "Expect: 100-continue\r\n",
    "0\r\n\r\n",
    "5\r\n",
    ";",
    "\n",
    "\r",
    " ",
    "\t",
    ":",
    ", chunked",
    "ffffffffffffffff",
    "-1",
    "0x5",
    " HTTP/1.0",
  ],
  // Within the bounds of what is no body, which a read that brings a request's end does not come to.
  maxBytes: 16_000,
  run(input, random) {
    const kinds = [false, true].map((eof) => {
      const { requests, fault } = sameForAll(
        waysToCut(input, random),
        (pieces) => {
          const { requests: read, fault: why } = readRequests(pieces, { eof });
          // What a fault is called, and how much of a body came before it, depends on the cut; that there is one does not.
          const shown = why === "" ? read : read.map((request) => ({ ...request, body: "", complete: false }));
          return { requests: shown, fault: why === "" ? "" : "refused" };
        },
        "another cut gives another outcome",
      );
      for (const { method, target: path, rawHeaders } of requests) {
        law(TOKEN.test(method) && !/[\0-\x20\x7f]/.test(path), "a request line is three words", [method, path]);
        law(rawHeaders.length % 2 === 0, "names and values go in pairs");
        rawHeaders.forEach((text, i) => {
          law((i % 2 === 0 ? TOKEN : FIELD_VALUE).test(text), "a header is one line", text);
        });
      }
      return `${String(Math.min(requests.length, 3))} ${fault} ${String(requests.at(-1)?.keepsAlive)}`;
    });
    return kinds.join(", ");
  },
};
