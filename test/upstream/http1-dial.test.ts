// Where the HTTP/1.1 client connects to, and whom it trusts there: the egress rule, several addresses, TLS.

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TLSSocket } from "node:tls";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Resolve } from "../../dataplane/upstream/dial.ts";
import { createEgressPolicy } from "../../dataplane/upstream/egress.ts";
import { createHttp1Client } from "../../dataplane/upstream/http1-client.ts";
import { failureOf, record } from "./recorded-call.ts";
import { always, createTestBed, LOOPBACK, response } from "./test-bed.ts";

const bed = createTestBed();
afterEach(() => bed.close());

/** Answers every name with these addresses. */
function resolvesTo(...addresses: string[]): Resolve {
  return (_name, _options, done) =>
    process.nextTick(() => {
      done(
        null,
        addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 })),
      );
    });
}

describe("the egress rule", () => {
  test.for<{ name: string; origin: string; resolve?: Resolve; message: string }>([
    {
      name: "a loopback address",
      origin: "http://127.0.0.1:PORT",
      message: "http://127.0.0.1:PORT leads to 127.0.0.1, a loopback address",
    },
    {
      name: "a loopback address written as a number",
      origin: "http://2130706433:PORT",
      message: "http://2130706433:PORT leads to 127.0.0.1, a loopback address",
    },
    {
      name: "a mapped loopback address",
      origin: "http://[::ffff:127.0.0.1]:PORT",
      message: "leads to ::ffff:7f00:1, a loopback address",
    },
    {
      name: "a name that leads to loopback",
      origin: "http://upstream.test:PORT",
      resolve: resolvesTo("127.0.0.1"),
      message: "http://upstream.test:PORT leads to 127.0.0.1, a loopback address",
    },
    {
      name: "a name that leads to metadata",
      origin: "http://upstream.test:PORT",
      resolve: resolvesTo("169.254.169.254"),
      message: "leads to 169.254.169.254, a metadata address",
    },
    { name: "localhost by the system's own look-up", origin: "http://localhost:PORT", message: "a loopback address" },
  ])("[proxy] refuses $name and names class and setting", async ({ origin, resolve, message }) => {
    const server = await bed.server(always(response("ok")));
    const client = bed.client({ egress: createEgressPolicy([]), resolve });
    const put = (text: string): string => text.replace("PORT", String(server.port));
    const error = await failureOf(record(client, { target: { origin: put(origin) } }));
    expect(error.code).toBe("egress_denied");
    expect(error.message).toContain(put(message));
    expect(error.message).toContain("AIRL_EGRESS_ALLOW");
    expect(server.connections).toEqual([]);
  });

  test("[proxy] dials only the permitted ones of several addresses", async () => {
    const server = await bed.server(always(response("ok")));
    const client = bed.client({ egress: LOOPBACK, resolve: resolvesTo("169.254.169.254", "::1", "127.0.0.1") });
    const call = record(client, { target: { origin: `http://upstream.test:${server.port}`, connectMs: 2000 } });
    expect(await call.ended).toEqual({ kind: "end" });
  });

  test("[proxy] holds for each new connection: a name that changes its answer is refused then", async () => {
    const server = await bed.server(always(response("ok", "Connection: close\r\n")));
    const answers = ["127.0.0.1", "169.254.169.254"];
    const client = bed.client({
      resolve: (name, options, done) => resolvesTo(answers.shift() ?? "")(name, options, done),
    });
    const target = { origin: `http://upstream.test:${server.port}` };
    expect(await record(client, { target }).ended).toEqual({ kind: "end" });
    expect((await failureOf(record(client, { target }))).code).toBe("egress_denied");
  });
});

describe("names", () => {
  test("[proxy] the next address is tried when one refuses", async () => {
    const server = await bed.server(always(response("ok")));
    const client = bed.client({ resolve: resolvesTo("127.0.0.2", "127.0.0.1") });
    const call = record(client, { target: { origin: `http://upstream.test:${server.port}` } });
    expect(await call.ended).toEqual({ kind: "end" });
  });

  test("[proxy] when all addresses refuse, the error names each", async () => {
    const server = await bed.server(() => {});
    await server.close();
    const client = bed.client({ resolve: resolvesTo("127.0.0.2", "127.0.0.1") });
    const error = await failureOf(record(client, { target: { origin: `http://upstream.test:${server.port}` } }));
    expect(error.code).toBe("connect_failed");
    expect(error.message).toMatch(/ECONNREFUSED 127.0.0.2:\d+; connect ECONNREFUSED 127.0.0.1:\d+/);
  });

  test("[proxy] a name that is not found is connect_failed", async () => {
    const client = bed.client({
      resolve: (name, _options, done) => done(new Error(`getaddrinfo ENOTFOUND ${name}`), []),
    });
    const error = await failureOf(record(client, { target: { origin: "https://nowhere.test" } }));
    expect([error.code, error.message]).toEqual([
      "connect_failed",
      "cannot connect to https://nowhere.test: getaddrinfo ENOTFOUND nowhere.test",
    ]);
  });
});

describe("TLS", () => {
  let folder = "";
  let ours = { key: "", cert: "" };
  let theirs = { key: "", cert: "" };

  const make = (name: string): { key: string; cert: string } => {
    const key = join(folder, `${name}.key`);
    const cert = join(folder, `${name}.crt`);
    const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"];
    const subject = ["-subj", `/CN=${name}`, "-addext", `subjectAltName=DNS:${name}`];
    execFileSync(
      "openssl",
      ["req", "-x509", ...curve, "-nodes", "-days", "2", "-keyout", key, "-out", cert, ...subject],
      {
        stdio: "ignore",
      },
    );
    return { key: readFileSync(key, "utf8"), cert: readFileSync(cert, "utf8") };
  };

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "airl-tls-"));
    ours = make("upstream.test");
    theirs = make("other.test");
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  test("[proxy] a server whose certificate is signed by the given CA is called, with SNI and ALPN", async () => {
    const seen: unknown[] = [];
    const server = await bed.server(
      async (connection) => {
        await connection.readRequest();
        if (connection.socket instanceof TLSSocket)
          seen.push(Reflect.get(connection.socket, "servername"), connection.socket.alpnProtocol);
        await connection.write(response("secret"));
      },
      { ...ours, ALPNProtocols: ["http/1.1"] },
    );
    const client = bed.client({ ca: ours.cert, resolve: resolvesTo("127.0.0.1") });
    const call = record(client, { target: { origin: `https://upstream.test:${server.port}` } });
    expect(await call.ended).toEqual({ kind: "end" });
    expect(call.body().toString()).toBe("secret");
    expect(seen).toEqual(["upstream.test", "http/1.1"]);
  });

  test("[proxy] a later connection resumes the session, and a large body passes", async () => {
    const resumed: boolean[] = [];
    const server = await bed.server(async (connection) => {
      const { body } = await connection.readRequest();
      if (connection.socket instanceof TLSSocket) resumed.push(connection.socket.isSessionReused());
      await connection.write(response(String(body.length), "Connection: close\r\n"));
    }, ours);
    const client = bed.client({ ca: ours.cert, resolve: resolvesTo("127.0.0.1") });
    const target = { origin: `https://upstream.test:${server.port}` };
    const body = Buffer.alloc(1024 * 1024, "x");
    for (const index of [0, 1]) {
      const call = record(client, { target, request: { body: [body], bodyBytes: body.length } });
      await call.ended;
      expect(call.body().toString()).toBe("1048576");
      await server.connections[index]?.closed;
    }
    expect(resumed).toEqual([false, true]);
  });

  test.for<{ name: string; host: string; ca: () => string | undefined; reason: RegExp }>([
    { name: "signed by another CA", host: "upstream.test", ca: () => theirs.cert, reason: /self-signed certificate/ },
    { name: "signed by nobody known", host: "upstream.test", ca: () => undefined, reason: /self-signed certificate/ },
    {
      name: "for another name",
      host: "another.test",
      ca: () => ours.cert,
      reason: /does not match certificate's altnames/,
    },
    {
      name: "for a name, at an address",
      host: "127.0.0.1",
      ca: () => ours.cert,
      reason: /does not match certificate's altnames/,
    },
  ])("[proxy] a certificate $name is connect_failed, and no request is sent", async ({ host, ca, reason }) => {
    const requests: unknown[] = [];
    const server = await bed.server(async (connection) => {
      requests.push(await connection.readRequest());
    }, ours);
    const client = bed.client({ ca: ca(), resolve: resolvesTo("127.0.0.1") });
    const error = await failureOf(record(client, { target: { origin: `https://${host}:${server.port}` } }));
    expect(error.code).toBe("connect_failed");
    expect(error.message).toMatch(reason);
    expect(requests).toEqual([]);
  });

  test("[proxy] a server that speaks no TLS is connect_failed", async () => {
    const server = await bed.server((connection) => connection.write("HTTP/1.1 400 Bad Request\r\n\r\n"));
    const error = await failureOf(record(bed.client(), { target: { origin: `https://127.0.0.1:${server.port}` } }));
    expect(error.code).toBe("connect_failed");
  });

  test("[proxy] a server that hangs up within the handshake is connect_failed", async () => {
    const server = await bed.server((connection) => connection.reset());
    const error = await failureOf(record(bed.client(), { target: { origin: `https://127.0.0.1:${server.port}` } }));
    expect(error.code).toBe("connect_failed");
  });

  test("[unit] a CA that is not PEM is refused when the client is made", () => {
    expect(() => createHttp1Client({ egress: LOOPBACK, ca: "not a certificate" })).toThrow();
  });
});
