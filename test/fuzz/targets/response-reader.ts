// The reader of upstream responses: any cut gives the same, and framing is never guessed.

import { readResponse } from "../../upstream/read-response.ts";
import { kindOf, law, sameForAll } from "../laws.ts";
import { waysToCut } from "../split.ts";
import type { FuzzTarget } from "../target.ts";

export const target: FuzzTarget = {
  name: "response-reader",
  shape: "bytes",
  seeds: [
    'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 14\r\n\r\n{"usage":null}',
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\ndata: \r\nA;x=y\r\n0123456789\r\n0\r\nX-T: 1\r\n\r\n",
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 429 Too Many Requests\r\nContent-Length: 2, 2\r\n\r\n{}",
    "HTTP/1.0 200 OK\r\nServer: x\r\n\r\nuntil the close",
    "HTTP/1.1 204 No Content\r\nKeep-Alive: timeout=5\r\nConnection: close\r\n\r\n",
  ],
  tokens: [
    "\r\n",
    "\r\n\r\n",
    "HTTP/1.1 200 OK\r\n",
    "Content-Length: ",
    "Transfer-Encoding: chunked\r\n",
    "Transfer-Encoding: gzip, chunked\r\n",
    "Connection: close\r\n",
    "0\r\n\r\n",
    "5\r\n",
    ";",
    "\n",
    "\r",
    " ",
    "\t",
    ":",
    "ffffffffffffffff",
    "-1",
    "+5",
    "0x5",
    "HTTP/1.0 ",
  ],
  run(input, random) {
    const kinds = [false, true].map((eof) => {
      const { fault, ...outcome } = sameForAll(
        waysToCut(input, random),
        (pieces) => {
          // How much of a head was read when it failed depends on the cut; that it failed does not.
          const { fault: why, surplus: _surplus, ...others } = readResponse(pieces, { eof });
          return { ...others, fault: why === "" ? "" : "failed" };
        },
        "another cut gives another outcome",
      );
      law(outcome.body.length <= input.length, "a body is part of the input");
      law(outcome.state !== "failed" || fault !== "", "a failure says why");
      return `${outcome.state} ${String(Math.floor((outcome.status ?? 0) / 100))} ${String(outcome.keepAlive)}`;
    });
    return `${kinds.join(", ")} ${kindOf(readResponse([input], { eof: true }).fault)}`;
  },
};
