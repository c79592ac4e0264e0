// The webhook of a controller under test: its certificate, and an API server that asks it.

import { execFile } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { connect } from "node:tls";
import { promisify } from "node:util";
import { webhookConfiguration } from "../../controller/webhook/configuration.ts";
import { asRecord } from "../compiler/manifest-builders.ts";
import type { KubeCluster } from "./kube-cluster.ts";

const run = promisify(execFile);

export interface CertificatePair {
  readonly certFile: string;
  readonly keyFile: string;
}

/** Signed by itself, for 127.0.0.1. */
export async function makeCertificate(folder: string): Promise<CertificatePair> {
  const pair = { certFile: join(folder, "tls.crt"), keyFile: join(folder, "tls.key") };
  const files = ["-keyout", pair.keyFile, "-out", pair.certFile];
  const subject = ["-subj", "/CN=webhook", "-addext", "subjectAltName=IP:127.0.0.1"];
  const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  await run("openssl", ["req", "-x509", ...kind, ...files, ...subject]);
  return pair;
}

/** The product's own configuration, but for the address: without nodes there is no Service to reach. */
export async function registerWebhook(
  cluster: KubeCluster,
  port: number,
  { certFile }: CertificatePair,
): Promise<void> {
  const service = { namespace: "ai-rate-limit-system", name: "webhook", port: 443 };
  const caBundle = await readFile(certFile, "utf8");
  const configuration = webhookConfiguration({ name: "ai-rate-limit", service, caBundle });
  const webhooks: readonly unknown[] = Array.isArray(configuration["webhooks"]) ? configuration["webhooks"] : [];
  const moved = webhooks.map((webhook) => {
    const { clientConfig, ...rest } = asRecord(webhook);
    const url = `https://127.0.0.1:${String(port)}/validate`;
    return { ...rest, clientConfig: { url, caBundle: asRecord(clientConfig)["caBundle"] } };
  });
  await cluster.kubectl(["apply", "-f", "-"], JSON.stringify({ ...configuration, webhooks: moved }));
}

/**
 * A Service that leads to 127.0.0.1 without any node: for an ExternalName the API server dials the name itself, on the port
 * that the configuration names, and still asks for a certificate of the Service.
 */
export async function applyLocalService(cluster: KubeCluster, namespace: string, name: string): Promise<void> {
  const service = {
    apiVersion: "v1",
    kind: "Service",
    metadata: { namespace, name },
    spec: { type: "ExternalName", externalName: "localhost" },
  };
  await cluster.kubectl(["apply", "-f", "-"], JSON.stringify(service));
}

export interface Handshake {
  readonly port: number;
  /** All that the client trusts, PEM. */
  readonly ca: string;
  readonly servername: string;
}

/** PEM of the certificate that a client with this trust accepts; rejects when it does not. */
export async function certificateOf({ port, ca, servername }: Handshake): Promise<string> {
  const socket = connect({ host: "127.0.0.1", port, ca, servername });
  try {
    await once(socket, "secureConnect");
    return socket.getPeerX509Certificate()?.toString() ?? "";
  } finally {
    socket.destroy();
  }
}

/** What kubectl prints beside its result: warnings, or why it was refused. */
export async function kubectlWords(cluster: KubeCluster, args: readonly string[], input: string): Promise<string> {
  const { programs, kubeconfig } = cluster;
  const env = { PATH: "/usr/bin:/bin", HOME: `${kubeconfig}.home`, KUBECONFIG: kubeconfig };
  const running = run(programs["kubectl"] ?? "kubectl", [...args], { env });
  running.child.stdin?.end(input);
  return await running.then(
    ({ stderr }) => stderr,
    (error: unknown) => String(asRecord(error)["stderr"]),
  );
}
