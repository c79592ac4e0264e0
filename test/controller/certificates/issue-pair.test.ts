// The certificates that are made here, as others read them: OpenSSL, and Node's TLS.

import { execFile } from "node:child_process";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, createServer } from "node:tls";
import { promisify } from "node:util";
import fc from "fast-check";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { integer, oid, tagged, time } from "../../../controller/certificates/der.ts";
import { type IssuedPair, issuePair } from "../../../controller/certificates/issue-pair.ts";

const run = promisify(execFile);
const NAMES = ["webhook.system.svc", "webhook.system.svc.cluster.local", "webhook.system", "webhook"];
const START_MS = Date.UTC(2026, 0, 1, 12, 30, 15);
const END_MS = Date.UTC(2026, 3, 1);
const ISSUED = issuePair({ names: NAMES, notBeforeMs: START_MS, notAfterMs: END_MS });
let folder = "";

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "airl-certificates-"));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

function fileOf(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

async function verified(
  { cert, authority }: Pick<IssuedPair, "cert" | "authority">,
  ...options: string[]
): Promise<string> {
  const files = ["-CAfile", fileOf("ca.crt", authority), ...options, fileOf("tls.crt", cert)];
  const words = await run("openssl", ["verify", "-x509_strict", "-no-CApath", ...files]).catch(
    (error: unknown) => error,
  );
  return JSON.stringify(words);
}

test.for(NAMES)("[unit] openssl verifies the chain strictly, for a server named %s", async (name) => {
  const at = ["-attime", String(START_MS / 1000 + 60)];
  expect(await verified(ISSUED, ...at, "-purpose", "sslserver", "-verify_hostname", name)).toContain("tls.crt: OK");
});

test.for([
  { name: "another name", options: ["-verify_hostname", "other.system.svc"], reason: "hostname mismatch" },
  { name: "a client's certificate", options: ["-purpose", "sslclient"], reason: "unsuitable certificate purpose" },
  { name: "the second before", options: ["-attime", String(START_MS / 1000 - 1)], reason: "not yet valid" },
  { name: "the second after", options: ["-attime", String(END_MS / 1000 + 1)], reason: "has expired" },
])("[unit] openssl refuses $name", async ({ options, reason }) => {
  const at = options.includes("-attime") ? [] : ["-attime", String(START_MS / 1000 + 60)];
  expect(await verified(ISSUED, ...at, ...options)).toContain(reason);
});

test("[unit] openssl refuses it under another authority of ours", async () => {
  const other = issuePair({ names: NAMES, notBeforeMs: START_MS, notAfterMs: END_MS });
  const at = ["-attime", String(START_MS / 1000 + 60)];
  expect(await verified({ cert: ISSUED.cert, authority: other.authority }, ...at)).toContain(
    "unable to get local issuer certificate",
  );
});

test("[unit] it says what it was asked to say and nothing else", async () => {
  const { stdout } = await run("openssl", ["x509", "-noout", "-text", "-in", fileOf("tls.crt", ISSUED.cert)]);
  const certificate = new X509Certificate(ISSUED.cert);
  expect(certificate.subjectAltName).toBe(NAMES.map((name) => `DNS:${name}`).join(", "));
  expect([Date.parse(certificate.validFrom), Date.parse(certificate.validTo)]).toEqual([START_MS, END_MS]);
  expect(certificate.checkPrivateKey(createPrivateKey(ISSUED.key))).toBe(true);
  for (const line of ["ASN1 OID: prime256v1", "ecdsa-with-SHA256", "CA:FALSE", "TLS Web Server Authentication"]) {
    expect(stdout).toContain(line);
  }
  expect(stdout).toMatch(/Key Usage: critical\n\s+Digital Signature\n/);
});

test("[unit] the authority may sign servers and no other authority", async () => {
  const { stdout } = await run("openssl", ["x509", "-noout", "-text", "-in", fileOf("ca.crt", ISSUED.authority)]);
  expect(stdout).toMatch(/Basic Constraints: critical\n\s+CA:TRUE, pathlen:0\n/);
  expect(stdout).toMatch(/Key Usage: critical\n\s+Certificate Sign, CRL Sign\n/);
});

test("[unit] a TLS client that trusts the authority accepts the server by its Service's name, and by no other", async () => {
  const nowMs = Date.now();
  const { cert, key, authority } = issuePair({ names: NAMES, notBeforeMs: nowMs - 1000, notAfterMs: nowMs + 60_000 });
  const server = createServer({ cert, key }, (socket) => socket.end());
  server.on("tlsClientError", () => undefined);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const dial = async (servername: string): Promise<unknown> => {
    const socket = connect({ host: "127.0.0.1", port, ca: authority, servername });
    await once(socket, "secureConnect");
    socket.destroy();
    return "accepted";
  };
  expect(await dial("webhook.system.svc")).toBe("accepted");
  await expect(dial("other.system.svc")).rejects.toThrow("does not match certificate's altnames");
});

test("[unit] serials and issuers are never the same twice", () => {
  const pairs = Array.from({ length: 8 }, () => issuePair({ names: NAMES, notBeforeMs: START_MS, notAfterMs: END_MS }));
  const certificates = pairs.flatMap(({ cert, authority }) => [
    new X509Certificate(cert),
    new X509Certificate(authority),
  ]);
  expect(new Set(certificates.map(({ serialNumber }) => serialNumber)).size).toBe(16);
  expect(new Set(certificates.map(({ issuer }) => issuer)).size).toBe(8);
});

test.for([
  { name: "a short length", written: tagged(0x04, Buffer.alloc(127)).subarray(0, 2), wanted: "047f" },
  { name: "a length of 128", written: tagged(0x04, Buffer.alloc(128)).subarray(0, 3), wanted: "048180" },
  { name: "a length of 65,536", written: tagged(0x04, Buffer.alloc(65_536)).subarray(0, 5), wanted: "0483010000" },
  { name: "zero", written: integer(Buffer.from([0, 0])), wanted: "020100" },
  { name: "a number with its high bit set", written: integer(Buffer.from([0x80])), wanted: "02020080" },
  { name: "a number with zeros in front", written: integer(Buffer.from([0, 0, 0x7f])), wanted: "02017f" },
  { name: "an object identifier", written: oid("1.2.840.113549"), wanted: "06062a864886f70d" },
  {
    name: "a time of 2049",
    written: time(Date.UTC(2049, 11, 31, 23, 59, 59)),
    wanted: "170d3439313233313233353935395a",
  },
  { name: "a time of 2050", written: time(Date.UTC(2050, 0, 1)), wanted: "180f32303530303130313030303030305a" },
])("[unit] DER writes $name as X.690 has it", ({ written, wanted }) => {
  expect(written.toString("hex")).toBe(wanted);
});

test("[unit] whatever names and times are asked for, OpenSSL reads them back", () => {
  const label = fc.stringMatching(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/);
  const moment = fc.integer({ min: Date.UTC(2020, 0, 1) / 1000, max: Date.UTC(2090, 0, 1) / 1000 });
  fc.assert(
    fc.property(fc.array(label, { minLength: 1, maxLength: 6 }), moment, moment, (names, from, to) => {
      const { cert } = issuePair({ names, notBeforeMs: from * 1000, notAfterMs: to * 1000 });
      const { subjectAltName, validFrom, validTo } = new X509Certificate(cert);
      expect(subjectAltName).toBe(names.map((name) => `DNS:${name}`).join(", "));
      expect([Date.parse(validFrom), Date.parse(validTo)]).toEqual([from * 1000, to * 1000]);
    }),
    { numRuns: 100 },
  );
});
