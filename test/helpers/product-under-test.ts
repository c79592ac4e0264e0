// The whole product on a control plane of the test's own: Redis, a fake provider, controllers with exactly the rights that
// the product asks for, and data planes, each a process of its own.

import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "./clock.ts";
import { type CommandProcess, startProgram } from "./command-process.ts";
import { type FakeUpstream, startFakeUpstream } from "./fake-upstream.ts";
import { type KubeControlPlane, startControlPlane } from "./kube-control-plane.ts";
import { findKubePrograms } from "./kube-programs.ts";
import { type RedisServer, startRedis } from "./redis-server.ts";

export const SYSTEM = "ai-rate-limit-system";
const ACCOUNT = "ai-rate-limit-controller";

export interface Running {
  readonly process: CommandProcess;
  readonly admin: string;
}

export interface RunningGateway extends Running {
  readonly origin: string;
}

export interface Product {
  readonly cluster: KubeControlPlane;
  readonly redis: RedisServer;
  readonly upstream: FakeUpstream;
  readonly master: Buffer;
  /** Path of the key ring file of all processes. */
  readonly keyRing: string;
  /** Path of the kubeconfig of the controllers. */
  readonly kubeconfig: string;
  startController(env?: Readonly<Record<string, string>>): Promise<Running>;
  /** Resolves when it is ready. */
  startGateway(env?: Readonly<Record<string, string>>): Promise<RunningGateway>;
  apply(yaml: string): Promise<string>;
  stop(): Promise<void>;
}

export interface ProductOptions {
  readonly settings?: readonly string[];
}

/** Undefined where there is no control plane; says then what is missing. */
export async function startProduct(options: ProductOptions = {}): Promise<Product | { readonly missing: string }> {
  const found = findKubePrograms("control-plane");
  if ("missing" in found) return found;
  const folder = await mkdtemp(join(tmpdir(), "airl-product-"));
  const [cluster, redis, upstream] = await Promise.all([
    startControlPlane(found.paths),
    startRedis({ aof: true, settings: options.settings ?? [] }),
    startFakeUpstream({ requireKey: true }),
  ]);
  const master = randomBytes(32);
  const keyRing = join(folder, "keyring");
  await writeFile(keyRing, `${master.toString("base64")}\n`);
  await install(cluster);
  const kubeconfig = await controllersKubeconfig(cluster, folder);
  const running: CommandProcess[] = [];
  const start = (main: string, env: Readonly<Record<string, string>>): CommandProcess => {
    const started = startProgram(main, [], {
      AIRL_REDIS_URL: redis.url,
      AIRL_KEYRING_FILE: keyRing,
      AIRL_ADMIN_LISTEN: "127.0.0.1:0",
      ...env,
    });
    running.push(started);
    return started;
  };
  return {
    cluster,
    redis,
    upstream,
    master,
    keyRing,
    kubeconfig,
    async startController(env = {}) {
      const started = start("dist/controller/main.js", {
        KUBECONFIG: kubeconfig,
        AIRL_POD_NAMESPACE: SYSTEM,
        AIRL_LEASE_DURATION: "4s",
        ...env,
      });
      const [, port = ""] = await started.line(/"admin":\{"host":"127.0.0.1","port":(\d+)\}/);
      return { process: started, admin: `http://127.0.0.1:${port}` };
    },
    async startGateway(env = {}) {
      const started = start("dist/dataplane/main.js", {
        AIRL_LISTEN: "127.0.0.1:0",
        AIRL_EGRESS_ALLOW: "127.0.0.0/8",
        AIRL_DRAIN_DELAY: "0s",
        ...env,
      });
      const [, traffic = "", port = ""] = await started.line(
        /"traffic":\{"host":"127.0.0.1","port":(\d+)\},"admin":\{"host":"127.0.0.1","port":(\d+)\}/,
      );
      const admin = `http://127.0.0.1:${port}`;
      await eventually("the data plane is ready", async () => (await fetch(`${admin}/readyz`)).status === 200);
      return { process: started, admin, origin: `http://127.0.0.1:${traffic}` };
    },
    apply: (yaml) => cluster.kubectl(["apply", "-f", "-"], yaml),
    async stop() {
      for (const each of running) each.signal("SIGCONT"); // a paused process takes no SIGTERM
      await Promise.all(running.map((each) => each.stop()));
      await Promise.all([upstream.stop(), redis.stop(), cluster.stop()]);
      cluster.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function install({ kubectl }: KubeControlPlane): Promise<void> {
  await kubectl(["apply", "--server-side", "-f", "crds/"]);
  await kubectl(["wait", "--for=condition=Established", "--timeout=30s", "-f", "crds/"]);
  await kubectl(["create", "namespace", SYSTEM]);
  await kubectl(["apply", "-f", "controller/rbac.yaml"]);
}

/** Of the controller's own account: what the roles above do not grant fails in every test. */
async function controllersKubeconfig(cluster: KubeControlPlane, folder: string): Promise<string> {
  const token = await cluster.kubectl(["create", "token", "-n", SYSTEM, ACCOUNT, "--duration=1h"]);
  const ca = Buffer.from(cluster.ca).toString("base64");
  const path = join(folder, "controller.kubeconfig");
  const config = {
    apiVersion: "v1",
    kind: "Config",
    "current-context": "it",
    clusters: [{ name: "it", cluster: { server: cluster.url, "certificate-authority-data": ca } }],
    users: [{ name: "it", user: { token: token.trim() } }],
    contexts: [{ name: "it", context: { cluster: "it", user: "it" } }],
  };
  await writeFile(path, JSON.stringify(config));
  return path;
}
