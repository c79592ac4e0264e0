// etcd and kube-apiserver of the test's own on 127.0.0.1, with files in a temporary folder. No node and no controllers:
// objects are stored, checked and watched, and nothing else happens to them.

import { generateKeyPairSync, randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { connectCluster, type KubeCluster } from "./kube-cluster.ts";
import { type KubeProcess, startKubeProcess } from "./kube-process.ts";

export interface KubeControlPlane extends KubeCluster {
  readonly etcd: KubeProcess;
  /** For clients, over plain http. */
  readonly etcdUrl: string;
  readonly apiServer: KubeProcess;
  /** Ends both and removes their files. */
  readonly stop: () => Promise<void>;
}

// Below the ports that the kernel hands out to clients, and beside those of test/helpers/redis-server.ts.
const FIRST_PORT = 22_000;
const PORTS = 10_000;
const ATTEMPTS = 5;
const POLL_MS = 50;

function somePort(): number {
  return FIRST_PORT + Math.floor(Math.random() * PORTS);
}

/** `programs`: name -> path, of scripts/control-plane.sh. */
export async function startControlPlane(programs: ReadonlyMap<string, string>): Promise<KubeControlPlane> {
  const dir = await mkdtemp(join(tmpdir(), "airl-kube-"));
  const started: KubeProcess[] = [];
  const stop = async (): Promise<void> => {
    for (const process of started.toReversed()) await process.kill();
    await rm(dir, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    const etcd = await onFreePorts(() => startEtcd(pathOf(programs, "etcd"), dir));
    started.push(etcd.process);
    const token = randomBytes(16).toString("hex");
    await writeServerFiles(dir, token);
    const server = await onFreePorts(() =>
      startApiServer({ program: pathOf(programs, "kube-apiserver"), dir, etcdUrl: etcd.url, token }),
    );
    started.push(server.process);
    const ca = await readFile(certificateFile(dir), "utf8");
    const kubeconfig = await writeKubeconfig(dir, { url: server.url, ca, token });
    const clients = { kubectl: pathOf(programs, "kubectl"), helm: pathOf(programs, "helm") };
    const cluster = connectCluster({ url: server.url, ca, token, kubeconfig, programs: clients });
    return { ...cluster, etcd: etcd.process, etcdUrl: etcd.url, apiServer: server.process, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function pathOf(programs: ReadonlyMap<string, string>, name: string): string {
  const path = programs.get(name);
  if (path === undefined) throw new Error(`no ${name} among the programs given`);
  return path;
}

/** A port may be taken by the time that the server wants it; then it ends at once. */
async function onFreePorts<T>(start: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await start();
    } catch (error) {
      const isPortTaken = error instanceof Error && error.message.includes("address already in use");
      if (!isPortTaken || attempt === ATTEMPTS) throw error;
    }
  }
}

interface Server {
  readonly process: KubeProcess;
  readonly url: string;
}

async function startEtcd(program: string, dir: string): Promise<Server> {
  const url = `http://127.0.0.1:${String(somePort())}`;
  const peerUrl = `http://127.0.0.1:${String(somePort())}`;
  const args = [
    `--data-dir=${join(dir, "etcd")}`,
    "--name=test",
    `--listen-client-urls=${url}`,
    `--advertise-client-urls=${url}`,
    `--listen-peer-urls=${peerUrl}`,
    `--initial-advertise-peer-urls=${peerUrl}`,
    `--initial-cluster=test=${peerUrl}`,
    "--unsafe-no-fsync", // what is lost with the machine is not missed
  ];
  const process = await startKubeProcess({
    program,
    args,
    // Its own words, not an answer on the port: that might be another's.
    ready: ({ line }) => line(/ready to serve client requests/),
  });
  return { process, url };
}

interface ApiServerOptions {
  readonly program: string;
  readonly dir: string;
  readonly etcdUrl: string;
  readonly token: string;
}

async function startApiServer({ program, dir, etcdUrl, token }: ApiServerOptions): Promise<Server> {
  const port = somePort();
  const url = `https://127.0.0.1:${String(port)}`;
  const args = [
    `--etcd-servers=${etcdUrl}`,
    "--bind-address=127.0.0.1",
    `--secure-port=${String(port)}`,
    `--cert-dir=${dir}`, // where it makes its own certificate
    `--token-auth-file=${join(dir, "tokens.csv")}`,
    "--authorization-mode=RBAC",
    "--service-account-issuer=https://kubernetes.default.svc",
    `--service-account-key-file=${join(dir, "service-account.key")}`,
    `--service-account-signing-key-file=${join(dir, "service-account.key")}`,
    "--disable-admission-plugins=ServiceAccount", // nobody makes the default ones
    "--service-cluster-ip-range=198.18.0.0/24",
    "--endpoint-reconciler-type=none",
    "--allow-privileged=true",
    "--profiling=false",
  ];
  const ready = async (_: unknown, signal: AbortSignal): Promise<void> => {
    while (!signal.aborted && !(await isReady(url, { token, dir }))) await delay(POLL_MS);
  };
  return { process: await startKubeProcess({ program, args, ready }), url };
}

function certificateFile(dir: string): string {
  return join(dir, "apiserver.crt");
}

/** Only the server that made the certificate and knows the token can be meant. */
async function isReady(url: string, { token, dir }: { token: string; dir: string }): Promise<boolean> {
  const ca = await readFile(certificateFile(dir), "utf8").catch(() => undefined);
  if (ca === undefined) return false;
  return new Promise((resolve) => {
    const req = request(`${url}/readyz`, { ca, headers: { authorization: `Bearer ${token}` } }, (res) => {
      res.resume();
      resolve(res.statusCode === 200);
    });
    req.on("error", () => {
      resolve(false);
    });
    req.end();
  });
}

async function writeServerFiles(dir: string, token: string): Promise<void> {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  await writeFile(join(dir, "service-account.key"), privateKey.export({ type: "pkcs8", format: "pem" }));
  await writeFile(join(dir, "tokens.csv"), `${token},admin,admin,"system:masters"\n`);
}

async function writeKubeconfig(
  dir: string,
  { url, ca, token }: { url: string; ca: string; token: string },
): Promise<string> {
  const path = join(dir, "kubeconfig");
  const name = "test";
  const certificate = Buffer.from(ca).toString("base64");
  const config = {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name, cluster: { server: url, "certificate-authority-data": certificate } }],
    users: [{ name, user: { token } }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    "current-context": name,
  };
  await writeFile(path, JSON.stringify(config));
  return path;
}
