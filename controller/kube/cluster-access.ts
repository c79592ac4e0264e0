// Where the API server is and how to be let in: a kubeconfig, or the Pod's ServiceAccount. The only file that imports
// @kubernetes/client-node, for what it knows of clusters: token files, exec plugins, OIDC, proxies. Its HTTP is not used,
// because it makes a new agent, and so a new TLS connection, for each request. config.js alone loads twice as fast as the
// whole package.

import { Agent as HttpAgent, type OutgoingHttpHeaders } from "node:http";
import { Agent as HttpsAgent, type RequestOptions } from "node:https";
import { delimiter } from "node:path";
import { KubeConfig } from "@kubernetes/client-node/dist/config.js";
import { KubeError, REASONS } from "./kube-error.ts";

export interface AuthorizedOptions extends RequestOptions {
  headers: OutgoingHttpHeaders;
}

export interface ClusterAccess {
  /** Base of every call; may have a path of its own. */
  readonly server: URL;
  /** Headers, certificates and agent for the next call; tokens are renewed on the way. Rejects with KubeError. */
  authorize(call: string): Promise<AuthorizedOptions>;
  close(): void;
}

/**
 * `kubeconfig` is one path or several, as in KUBECONFIG; undefined means the Pod's own ServiceAccount. Throws KubeError when
 * there is no usable cluster.
 */
export function openClusterAccess(kubeconfig: string | undefined): ClusterAccess {
  const config = load(kubeconfig);
  const cluster = config.getCurrentCluster();
  if (cluster === null || !URL.canParse(cluster.server)) throw unavailable("load the kubeconfig");
  const server = new URL(cluster.server);
  const pooled = { keepAlive: true, keepAliveMsecs: 30_000 };
  const agent = server.protocol === "https:" ? new HttpsAgent(pooled) : new HttpAgent(pooled);
  return {
    server,
    async authorize(call) {
      const options: AuthorizedOptions = { headers: {} };
      try {
        await config.applyToHTTPSOptions(options);
      } catch {
        // What a plugin printed may hold a token.
        throw unavailable(call);
      }
      // Certificates stand in the options of each call, so that a renewed one is used; the agent pools by them.
      return cluster.proxyUrl === undefined ? { ...options, agent } : options;
    },
    close() {
      agent.destroy();
    },
  };
}

function load(kubeconfig: string | undefined): KubeConfig {
  const config = new KubeConfig();
  try {
    if (kubeconfig === undefined) {
      config.loadFromCluster();
      return config;
    }
    const [first = "", ...others] = kubeconfig.split(delimiter).filter((path) => path !== "");
    config.loadFromFile(first);
    for (const path of others) {
      const other = new KubeConfig();
      other.loadFromFile(path);
      config.mergeConfig(other, true);
    }
    return config;
  } catch {
    throw unavailable("load the kubeconfig");
  }
}

function unavailable(call: string): KubeError {
  return new KubeError({ status: 0, reason: REASONS.credentials, call });
}
