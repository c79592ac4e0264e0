// A newcomer's way on a cluster: the chart, the quickstart, the first request of README.md.

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { expect } from "vitest";
import { runReadmeCurl } from "../helpers/readme-curl.ts";
import { test } from "./cluster-test.ts";
import type { Cluster } from "./installed.ts";
import { providerEndpoint, providerManifest, SCENE_LABEL, untilReachable } from "./scene.ts";

const NAMESPACE = "e2e-quickstart";

test("[cluster] what is installed runs in twos, and helm test passes", async ({ cluster }) => {
  const { helm, namespace, release, pods } = cluster;
  expect([await pods("controller"), await pods("dataplane")].map((names) => names.length)).toEqual([2, 2]);
  expect(await helm(["test", release, "-n", namespace, "--timeout", "60s"])).toMatch(/Phase: +Succeeded/);
});

/** The gateway's Service on a port of this machine, as NOTES.txt tells; `use` is given its origin. */
async function withPortForward(cluster: Cluster, use: (origin: string) => Promise<void>): Promise<void> {
  const { programs, kubeconfig, namespace, fullname } = cluster;
  const args = ["port-forward", "-n", namespace, `service/${fullname}`, ":80"];
  const child = spawn(programs["kubectl"] ?? "kubectl", args, {
    env: { ...process.env, KUBECONFIG: kubeconfig },
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    const port = await new Promise<string>((resolve, reject) => {
      child.once("exit", (code) => reject(new Error(`port-forward ended with ${String(code)}`)));
      createInterface({ input: child.stdout }).on("line", (line) => {
        const [, found] = /127\.0\.0\.1:(\d+)/.exec(line) ?? [];
        if (found !== undefined) resolve(found);
      });
    });
    await use(`http://127.0.0.1:${port}`);
  } finally {
    child.kill();
  }
}

test("[cluster] the quickstart is enforced by both data planes, and the README's curl is limited through the Service", async ({
  cluster,
}) => {
  const { kubectl } = cluster;
  await kubectl(["create", "namespace", NAMESPACE]);
  await kubectl(["label", "namespace", NAMESPACE, SCENE_LABEL]);
  await kubectl(["apply", "-n", NAMESPACE, "-f", "examples/quickstart"]);
  // The quickstart's provider is on the reader's own machine; here it is a Pod.
  await kubectl(["apply", "-n", NAMESPACE, "-f", "-"], providerManifest(cluster.image));
  const spec = { endpoint: providerEndpoint(NAMESPACE), auth: { allowPlaintext: true } };
  await kubectl(["patch", "-n", NAMESPACE, "aibe/demo", "--type=merge", "-p", JSON.stringify({ spec })]);
  await kubectl(["rollout", "status", "-n", NAMESPACE, "deployment/provider", "--timeout=60s"]);
  await untilReachable(cluster, NAMESPACE);
  const generation = "jsonpath={.status.observedGeneration}=2";
  await kubectl(["wait", "-n", NAMESPACE, `--for=${generation}`, "aibe/demo", "--timeout=30s"]);
  await kubectl(["wait", "-n", NAMESPACE, "--for=condition=Programmed", "aibe/demo", "--timeout=30s"]);
  await kubectl(["wait", "-n", NAMESPACE, "--for=condition=Enforced", "airlp/tokens", "--timeout=30s"]);
  expect(await kubectl(["get", "-n", NAMESPACE, "airlp/tokens", "-o", "jsonpath={.status.proxies}"])).toBe("2/2");
  await withPortForward(cluster, async (origin) => {
    const [first, second, third] = [
      await runReadmeCurl(origin),
      await runReadmeCurl(origin),
      await runReadmeCurl(origin),
    ];
    expect(first).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(first).toContain("X-AI-RateLimit-Remaining-minute-budget: 100\r\n");
    expect(second).toContain("X-AI-RateLimit-Remaining-minute-budget: 50\r\n");
    expect(third).toMatch(/^HTTP\/1\.1 429 Too Many Requests\r\n/);
  });
});
