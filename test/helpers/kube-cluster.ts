// A client of a control plane: kubectl as a user calls it, and plain HTTPS where a test asks for many things.

import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { Agent, request } from "node:https";
import { isRecord } from "../../compiler/is-record.ts";

/** All that is needed to reach a control plane, and to be handed from one process to another. */
export interface KubeAddress {
  readonly url: string;
  /** PEM. */
  readonly ca: string;
  /** Of a user in system:masters. */
  readonly token: string;
  /** Path of a kubeconfig with the above. */
  readonly kubeconfig: string;
  /** Name -> path of kubectl and helm. */
  readonly programs: Readonly<Record<string, string>>;
}

export interface KubeReply {
  readonly status: number;
  /** The object that was answered, or a Status. */
  readonly body: Record<string, unknown>;
}

export interface KubeCluster extends KubeAddress {
  /** Resolves with stdout; rejects with an Error whose message is stderr. */
  readonly kubectl: (args: readonly string[], input?: string) => Promise<string>;
  /** One call to the API server: `path` with its query; `body` as JSON, of a PATCH a merge patch. */
  call(method: string, path: string, body?: unknown): Promise<KubeReply>;
  /** Makes a namespace with a name of its own. */
  newNamespace(): Promise<string>;
  /** Closes connections; the control plane goes on. */
  close(): void;
}

const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;

export function connectCluster(address: KubeAddress): KubeCluster {
  const agent = new Agent({ keepAlive: true, ca: address.ca });
  const kubectl = (args: readonly string[], input = ""): Promise<string> => runKubectl(address, args, input);
  return {
    ...address,
    kubectl,
    call: (method, path, body) => callApi({ ...address, agent }, `${method} ${path}`, body),
    async newNamespace() {
      const name = `test-${randomBytes(6).toString("hex")}`;
      await kubectl(["create", "namespace", name]);
      return name;
    },
    close: () => {
      agent.destroy();
    },
  };
}

function runKubectl({ programs, kubeconfig }: KubeAddress, args: readonly string[], input: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const env = { PATH: "/usr/bin:/bin", HOME: `${kubeconfig}.home`, KUBECONFIG: kubeconfig };
    const child = execFile(
      programs["kubectl"] ?? "kubectl",
      args,
      { env, maxBuffer: MAX_OUTPUT_BYTES },
      (error, stdout, stderr) => {
        if (error) reject(new Error(stderr === "" ? error.message : stderr.trimEnd()));
        else resolve(stdout);
      },
    );
    child.stdin?.on("error", () => undefined); // it ended without reading all of it
    child.stdin?.end(input);
  });
}

function callApi(
  { url, token, agent }: KubeAddress & { readonly agent: Agent },
  line: string,
  body: unknown,
): Promise<KubeReply> {
  const [method = "", path = ""] = line.split(" ");
  const type = method === "PATCH" ? "application/merge-patch+json" : "application/json";
  const headers = { authorization: `Bearer ${token}`, "content-type": type, accept: "application/json" };
  return new Promise((resolve, reject) => {
    const req = request(`${url}${path}`, { method, agent, headers }, (res) => {
      const pieces: Buffer[] = [];
      res.on("data", (piece: Buffer) => pieces.push(piece));
      res.on("error", reject);
      res.on("end", () => {
        const answer: unknown = JSON.parse(Buffer.concat(pieces).toString("utf8"));
        resolve({ status: res.statusCode ?? 0, body: isRecord(answer) ? answer : {} });
      });
    });
    req.on("error", reject);
    req.end(body === undefined ? undefined : JSON.stringify(body));
  });
}
