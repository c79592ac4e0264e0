// Laws of the response reader over random splits, random bytes and broken responses.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ResponseReader } from "../../dataplane/upstream/response-reader.ts";
import { type ReadOptions, readResponse } from "./read-response.ts";

const SAMPLES: readonly { readonly bytes: string; readonly options?: ReadOptions }[] = [
  { bytes: 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 14\r\n\r\n{"usage":null}' },
  {
    bytes:
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\ndata: \r\n17;x=y\r\n{"a":1}\n\ndata: [DONE]\n\n\r\n0\r\nX-T: 1\r\n\r\n',
  },
  {
    bytes:
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nContent-Length: 2, 2\r\n\r\n{}",
  },
  { bytes: "HTTP/1.0 200 OK\r\nServer: x\r\n\r\nuntil the close", options: { eof: true } },
  { bytes: "HTTP/1.1 204 No Content\r\n\r\n" },
  { bytes: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", options: { method: "HEAD" } },
  { bytes: "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcdef" },
];

/** Positions at which bytes are cut. */
function cut(bytes: Buffer, at: readonly number[]): Buffer[] {
  const marks = [...new Set(at.map((n) => n % (bytes.length + 1)))].sort((a, b) => a - b);
  const bounds = [0, ...marks, bytes.length];
  return bounds.slice(1).map((end, i) => bytes.subarray(bounds[i], end));
}

const cuts = fc.array(fc.nat({ max: 100_000 }), { maxLength: 12 });
const sample = fc.constantFrom(...SAMPLES);

/** One change somewhere in the bytes. */
const mutation = fc.oneof(
  fc.record({
    kind: fc.constant("set"),
    at: fc.nat(),
    byte: fc.constantFrom(0, 9, 10, 13, 32, 48, 58, 59, 97, 127, 255),
  }),
  fc.record({
    kind: fc.constant("insert"),
    at: fc.nat(),
    byte: fc.constantFrom(0, 9, 10, 13, 32, 44, 48, 58, 70, 255),
  }),
  fc.record({ kind: fc.constant("delete"), at: fc.nat(), byte: fc.constant(0) }),
  fc.record({ kind: fc.constant("repeat"), at: fc.nat(), byte: fc.constantFrom(1, 2, 8, 40) }),
);

function mutate(bytes: Buffer, mutations: readonly { kind: string; at: number; byte: number }[]): Buffer {
  return mutations.reduce((now, { kind, at, byte }) => {
    const place = at % (now.length + 1);
    const before = now.subarray(0, place);
    if (kind === "insert") return Buffer.concat([before, Buffer.from([byte]), now.subarray(place)]);
    if (kind === "delete") return Buffer.concat([before, now.subarray(place + 1)]);
    if (kind === "repeat") return Buffer.concat([before, now.subarray(place, place + byte), now.subarray(place)]);
    return Buffer.concat([before, Buffer.from([byte]), now.subarray(place + 1)]);
  }, bytes);
}

describe("laws", () => {
  test("[unit] any split of a response gives the same outcome", () => {
    fc.assert(
      fc.property(sample, cuts, ({ bytes, options }, at) => {
        const whole = Buffer.from(bytes, "latin1");
        expect(readResponse(cut(whole, at), options)).toEqual(readResponse([whole], options));
      }),
      { numRuns: 500 },
    );
  });

  test.for(SAMPLES)("[unit] byte by byte gives the same outcome as at once (%#)", ({ bytes, options }) => {
    const whole = Buffer.from(bytes, "latin1");
    const single = [...whole].map((byte) => Buffer.from([byte]));
    const outcome = readResponse(single, options);
    expect(outcome.state).toBe("complete");
    expect(outcome).toEqual(readResponse([whole], options));
  });

  test("[unit] any split of a broken response gives the same outcome, and it never throws", () => {
    fc.assert(
      fc.property(
        sample,
        fc.array(mutation, { minLength: 1, maxLength: 4 }),
        cuts,
        ({ bytes, options }, changes, at) => {
          const broken = mutate(Buffer.from(bytes, "latin1"), changes);
          const { fault: _whole, ...whole } = readResponse([broken], options);
          const { fault: _split, ...split } = readResponse(cut(broken, at), options);
          expect(["head", "body", "complete", "failed"]).toContain(whole.state);
          expect(split).toEqual(whole);
        },
      ),
      { numRuns: 3000 },
    );
  });

  test("[unit] random bytes never throw", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 64 }), { maxLength: 8 }), fc.boolean(), (pieces, inBody) => {
        const start = inBody ? [Buffer.from("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")] : [];
        const { state } = readResponse([...start, ...pieces], { eof: true });
        expect(["complete", "failed"]).toContain(state);
      }),
    );
  });

  test("[unit] a body in random chunks comes out as it went in", () => {
    const chunk = fc.uint8Array({ minLength: 1, maxLength: 600 }).map((bytes) => Buffer.from(bytes));
    fc.assert(
      fc.property(fc.array(chunk, { maxLength: 20 }), cuts, (chunks, at) => {
        const framed = chunks.map((c) =>
          Buffer.concat([Buffer.from(`${c.length.toString(16)}\r\n`), c, Buffer.from("\r\n")]),
        );
        const head = Buffer.from("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        const outcome = readResponse(cut(Buffer.concat([head, ...framed, Buffer.from("0\r\n\r\n")]), at));
        expect(outcome.state).toBe("complete");
        expect(outcome.body).toBe(Buffer.concat(chunks).toString("latin1"));
      }),
    );
  });
});

/** Prefix, and what is then repeated without end. */
const ENDLESS: readonly (readonly [string, string, string])[] = [
  ["status line", "", "HTTP/1.1 200 "],
  ["header value", "HTTP/1.1 200 OK\r\nX: ", "aaaaaaaaaaaaaaaaaaaaaaaa"],
  ["header list", "HTTP/1.1 200 OK\r\n", "X: a\r\n"],
  ["informational heads", "", "HTTP/1.1 100 Continue\r\n\r\n"],
  ["chunk size", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "0"],
  ["chunk extension", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5", ";a=bbbbbbbbbb"],
  ["trailers", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", "X: a\r\n"],
];

test.for(ENDLESS)("[unit] an endless %s is refused within 32 KiB", ([, prefix, repeated]) => {
  const reader = new ResponseReader(4096);
  reader.begin("POST");
  if (prefix !== "") reader.push(Buffer.from(prefix));
  let bytes = 0;
  while (reader.state !== "failed" && bytes <= 32 * 1024) {
    reader.push(Buffer.from(repeated));
    expect(reader.data).toBeUndefined();
    bytes += repeated.length;
  }
  expect(reader.state).toBe("failed");
});
