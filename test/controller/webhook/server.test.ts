// The webhook as an API server meets it: over TLS, with certificates that are replaced while it runs.

import { execFile } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type PeerCertificate, type SecureVersion } from "node:tls";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { followCertificateFiles } from "../../../controller/webhook/certificate-files.ts";
import type { JudgeBeside } from "../../../controller/webhook/judge-object.ts";
import { startWebhookServer } from "../../../controller/webhook/server.ts";
import { aConsumer, aConsumerWithKey, aLimit, aPolicy } from "../../compiler/manifest-builders.ts";
import { eventually } from "../../helpers/clock.ts";
import { aReview, stored } from "./review-request.ts";

const run = promisify(execFile);
let folder = "";

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "airl-webhook-"));
  await Promise.all(["first", "second"].map(makePair));
  writeFileSync(join(folder, "empty.crt"), "");
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

async function makePair(name: string): Promise<void> {
  const files = ["-keyout", join(folder, `${name}.key`), "-out", join(folder, `${name}.crt`)];
  const subject = ["-subj", `/CN=${name}`, "-addext", "subjectAltName=IP:127.0.0.1"];
  await run("openssl", [
    "req",
    "-x509",
    "-newkey",
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:prime256v1",
    "-nodes",
    ...files,
    ...subject,
  ]);
}

interface Started {
  readonly port: number;
  readonly seen: string[];
  /** Puts files of the named pairs into place. */
  readonly use: (cert: string, key: string) => void;
}

async function start(judgeBeside?: JudgeBeside): Promise<Started> {
  const place = mkdtempSync(join(folder, "mounted-"));
  const use: Started["use"] = (cert, key) => {
    copyFileSync(join(folder, `${cert}.crt`), join(place, "tls.crt"));
    copyFileSync(join(folder, `${key}.key`), join(place, "tls.key"));
  };
  use("first", "first");
  const seen: string[] = [];
  const server = await startWebhookServer({
    host: "127.0.0.1",
    port: 0,
    systemNamespace: "default",
    judgeBeside,
    reviewed: (result) => seen.push(result),
    failed: (error) => seen.push(`error: ${String(error)}`),
  });
  onTestFinished(() => server.close());
  const files = await followCertificateFiles({
    certFile: join(place, "tls.crt"),
    keyFile: join(place, "tls.key"),
    rereadMs: 10,
    changed(pair) {
      server.use(pair);
      seen.push("changed");
    },
    refused: () => seen.push("certificate refused"),
  });
  onTestFinished(() => {
    files.stop();
  });
  server.use(files.first);
  return { port: server.port, seen, use };
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

interface Call {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Trusts the first certificate alone. */
function ask(
  port: number,
  body: string,
  { method = "POST", path = "/validate", headers = {} }: Call = {},
): Promise<Answer> {
  const ca = readFileSync(join(folder, "first.crt"));
  return new Promise((resolve, reject) => {
    const options = { host: "127.0.0.1", port, method, path, headers, ca, agent: false } as const;
    const req = request(options, (res) => {
      const pieces: Buffer[] = [];
      res.on("data", (piece: Buffer) => pieces.push(piece));
      res.on("end", () => resolve({ status: res.statusCode ?? 0, body: Buffer.concat(pieces).toString("utf8") }));
    });
    req.on("error", reject);
    req.end(body);
  });
}

/** Name on the certificate that a new connection gets. */
function nameOn(port: number, versions: { readonly maxVersion?: SecureVersion } = {}): Promise<string> {
  const old = { minVersion: "TLSv1", ciphers: "DEFAULT@SECLEVEL=0" } as const; // so that the server is who refuses
  return new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port, rejectUnauthorized: false, ...old, ...versions }, () => {
      const certificate: PeerCertificate = socket.getPeerCertificate();
      socket.destroy();
      resolve(String(certificate.subject.CN));
    });
    socket.on("error", reject);
  });
}

const json = { "content-type": "application/json" };
const send = (port: number, object: Parameters<typeof aReview>[0]): Promise<Answer> =>
  ask(port, JSON.stringify(aReview(object)), { headers: json });

test("[unit] answers a review under its uid", async () => {
  const { port, seen } = await start();
  const allowed = await send(port, stored(aConsumer()));
  expect(allowed.status).toBe(200);
  expect(JSON.parse(allowed.body)).toEqual({
    apiVersion: "admission.k8s.io/v1",
    kind: "AdmissionReview",
    response: { uid: "705ab4f5-6393-11e8-b7cc-42010a800002", allowed: true },
  });
  const refused = await send(port, stored(aPolicy({}, { limits: [aLimit({ window: { duration: "90x" } })] })));
  expect(JSON.parse(refused.body)).toMatchObject({
    response: {
      allowed: false,
      status: {
        code: 422,
        reason: "Invalid",
        message:
          "AIRateLimitPolicy ai/it is invalid:\n" +
          '- spec.limits[0].window.duration: found "90x", wanted a duration: a number and s, m, h or d, like 30s; or a template',
      },
    },
  });
  const warned = await send(port, stored(aConsumerWithKey({}, "sk-planted-4711")));
  expect(JSON.parse(warned.body)).toMatchObject({
    response: { allowed: true, warnings: [expect.stringContaining("found (hidden)")] },
  });
  expect(warned.body).not.toContain("planted");
  expect(seen).toEqual(["allowed", "refused", "warned"]);
});

test("[unit] an object of 2.9 MB is looked at", async () => {
  const { port } = await start();
  const answer = await send(port, stored(aConsumer({}, { username: "x".repeat(2_900_000) })));
  expect(answer.status).toBe(200);
  expect(answer.body).toContain('"allowed":false');
  expect(answer.body.length).toBeLessThan(2_000);
});

test.for([
  { name: "no JSON", body: '{"value": "sk-planted-4711', headers: json, status: 400, text: "the body is not JSON\n" },
  { name: "an empty body", body: "", headers: json, status: 400, text: /^not an AdmissionReview/ },
  {
    name: "JSON that is no review",
    body: '{"value": "sk-planted-4711"}',
    headers: json,
    status: 400,
    text: /^not an AdmissionReview of admission\.k8s\.io\/v1: wanted /,
  },
  {
    name: "a body that is too long",
    body: `"${"x".repeat(3 * 1024 * 1024)}"`,
    headers: json,
    status: 413,
    text: "the body is longer than 3145728 bytes\n",
  },
  {
    name: "a compressed body",
    body: "x",
    headers: { ...json, "content-encoding": "gzip" },
    status: 415,
    text: "wanted JSON in UTF-8, not compressed\n",
  },
  {
    name: "a body in another character set",
    body: "{}",
    headers: { "content-type": "application/json; charset=planted" },
    status: 415,
    text: "wanted JSON in UTF-8, not compressed\n",
  },
])("[unit] $name is answered $status", async ({ body, headers, status, text }) => {
  const { port, seen } = await start();
  const answer = await ask(port, body, { headers });
  expect(answer.status).toBe(status);
  if (typeof text === "string") expect(answer.body).toBe(text);
  else expect(answer.body).toMatch(text);
  expect(answer.body).not.toContain("planted");
  expect(seen).toEqual(["malformed"]);
});

test("[unit] what the neighbourhood throws costs the warnings alone", async () => {
  const { port, seen } = await start(() => {
    throw new Error("not synced");
  });
  expect((await send(port, stored(aConsumer()))).body).toContain('"allowed":true');
  expect(seen).toEqual(["error: Error: not synced", "allowed"]);
});

test("[unit] /livez answers, and anything else is not there", async () => {
  const { port } = await start();
  expect(await ask(port, "", { method: "GET", path: "/livez" })).toEqual({ status: 200, body: "ok\n" });
  expect((await ask(port, "", { method: "GET", path: "/validate" })).status).toBe(404);
  expect((await ask(port, "", { path: "/mutate" })).status).toBe(404);
});

test("[unit] a new certificate is used without a restart", async () => {
  const { port, seen, use } = await start();
  expect(await nameOn(port)).toBe("first");
  use("second", "second");
  await eventually("the second certificate", async () => (await nameOn(port)) === "second");
  expect(seen.at(-1)).toBe("changed");
  use("first", "first");
  await eventually("the first certificate again", async () => (await nameOn(port)) === "first");
  expect((await send(port, stored(aConsumer()))).status).toBe(200);
});

test("[unit] a certificate without its key is not used, until the key is there", async () => {
  const { port, seen, use } = await start();
  use("second", "first");
  await eventually("a refusal", () => seen.includes("certificate refused"));
  expect(await nameOn(port)).toBe("first");
  use("empty", "first");
  await eventually("another refusal", () => seen.filter((line) => line === "certificate refused").length === 2);
  expect(await nameOn(port)).toBe("first");
  use("second", "second");
  await eventually("the second certificate", async () => (await nameOn(port)) === "second");
});

test("[unit] files without a usable certificate are refused at the start", async () => {
  const nothing = (): void => {};
  const options = {
    certFile: join(folder, "empty.crt"),
    keyFile: join(folder, "first.key"),
    rereadMs: 10,
    changed: nothing,
    refused: nothing,
  };
  await expect(followCertificateFiles(options)).rejects.toThrow();
  await expect(followCertificateFiles({ ...options, certFile: join(folder, "absent.crt") })).rejects.toThrow("ENOENT");
  await expect(followCertificateFiles({ ...options, certFile: join(folder, "second.crt") })).rejects.toThrow(
    "not one of this key",
  );
});

test("[unit] a server answers nobody before it has a certificate, and keeps the last one that fits its key", async () => {
  const nothing = (): void => {};
  const options = { host: "127.0.0.1", port: 0, systemNamespace: "default", reviewed: nothing, failed: nothing };
  const server = await startWebhookServer(options);
  onTestFinished(() => server.close());
  const pair = (cert: string, key: string) => ({
    cert: readFileSync(join(folder, `${cert}.crt`), "utf8"),
    key: readFileSync(join(folder, `${key}.key`), "utf8"),
  });
  await expect(nameOn(server.port)).rejects.toThrow();
  server.use(pair("first", "first"));
  expect(await nameOn(server.port)).toBe("first");
  expect(() => {
    server.use(pair("second", "first"));
  }).toThrow("not one of this key");
  expect(await nameOn(server.port)).toBe("first");
});

test("[unit] TLS before 1.2 is refused, also after a change of certificates", async () => {
  const { port, seen, use } = await start();
  await expect(nameOn(port, { maxVersion: "TLSv1.1" })).rejects.toThrow();
  use("second", "second");
  await eventually("the change", () => seen.includes("changed"));
  await expect(nameOn(port, { maxVersion: "TLSv1.1" })).rejects.toThrow();
  expect(await nameOn(port, { maxVersion: "TLSv1.2" })).toBe("second");
});
