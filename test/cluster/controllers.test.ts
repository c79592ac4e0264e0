// Two controllers: the one that leads is killed, and the other goes on.

import { expect } from "vitest";
import { test } from "./cluster-test.ts";
import type { Cluster } from "./installed.ts";
import { makeScene } from "./scene.ts";

const SECONDS = 1_000;
const KILLER = "killer";

interface Leader {
  /** "ai-rate-limit-controller-1-2"; "" when nobody has the lease. */
  readonly pod: string;
  /** Rises whenever the lease is taken. */
  readonly transitions: number;
}

async function leader({ kubectl, namespace, fullname }: Cluster): Promise<Leader> {
  const fields = "jsonpath={.spec.leaseTransitions} {.spec.holderIdentity}";
  const text = await kubectl(["get", "lease", `${fullname}-controller`, "-n", namespace, "-o", fields]);
  const [transitions = "", pod = ""] = text.split(/[ _]/);
  return { pod, transitions: Number(transitions) };
}

/**
 * Kills a Pod's program from outside: SIGTERM comes before every end that Kubernetes brings about itself. Twice, because
 * the first time the kubelet starts it again at once, and it would wait for its own old lease beside the other one.
 */
async function kill(cluster: Cluster, { pod, namespace }: { pod: string; namespace: string }): Promise<void> {
  const { kubectl, image } = cluster;
  const node = ["get", "pod", pod, "-n", cluster.namespace, "-o", "jsonpath={.spec.nodeName}"];
  const source = `
    import { readdirSync, readFileSync } from "node:fs";
    const read = (pid, file) => { try { return readFileSync("/proc/" + pid + "/" + file, "utf8"); } catch { return ""; } };
    const isIts = (pid) => read(pid, "environ").split("\\0").includes("HOSTNAME=" + process.argv[1])
      && read(pid, "cmdline").includes("controller/main.js");
    const killed = new Set();
    while (killed.size < 2) {
      for (const pid of readdirSync("/proc").filter((name) => /^\\d+$/.test(name) && isIts(name))) {
        if (killed.has(pid)) continue;
        process.kill(Number(pid), "SIGKILL");
        killed.add(pid);
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    console.log(killed.size);`;
  const manifest = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: KILLER },
    spec: {
      nodeName: await kubectl(node),
      hostPID: true,
      restartPolicy: "Never",
      containers: [
        {
          name: KILLER,
          image,
          command: ["node", "--input-type=module", "-e", source, pod],
          securityContext: { privileged: true, runAsUser: 0 },
        },
      ],
    },
  };
  await kubectl(["apply", "-n", namespace, "-f", "-"], JSON.stringify(manifest));
  const over = ["--for=jsonpath={.status.phase}=Succeeded", "--timeout=60s"];
  await kubectl(["wait", "-n", namespace, `pod/${KILLER}`, ...over]);
  expect(await kubectl(["logs", "-n", namespace, KILLER])).toBe("2\n");
}

test("[cluster] the leader is killed: the other controller leads, and a changed policy is enforced", {
  timeout: 120 * SECONDS,
}, async ({ cluster }) => {
  const scene = await makeScene(
    cluster,
    "{name: calls, unit: Requests, limit: 1, window: {duration: 365d, algorithm: Fixed}}",
  );
  expect([(await scene.ask()).status, (await scene.ask()).status]).toEqual([200, 429]);
  const killed = await leader(cluster);
  expect(killed.pod).not.toBe("");
  await kill(cluster, { pod: killed.pod, namespace: scene.namespace });

  const { kubectl, namespace, fullname } = cluster;
  const wait = (place: string, what: string, wanted: string): Promise<string> =>
    kubectl(["wait", "-n", place, what, `--for=${wanted}`, "--timeout=60s"]);
  const patch = JSON.stringify([{ op: "replace", path: "/spec/limits/0/limit", value: 3 }]);
  await kubectl(["patch", "-n", scene.namespace, "airlp/scene", "--type=json", "-p", patch]);
  const taken = `jsonpath={.spec.leaseTransitions}=${String(killed.transitions + 1)}`;
  await wait(namespace, `lease/${fullname}-controller`, taken);
  expect([killed.pod, ""]).not.toContain((await leader(cluster)).pod);
  await wait(scene.namespace, "airlp/scene", "jsonpath={.status.observedGeneration}=2");
  await wait(scene.namespace, "airlp/scene", "condition=Enforced");
  expect(await kubectl(["get", "-n", scene.namespace, "airlp/scene", "-o", "jsonpath={.status.proxies}"])).toBe("2/2");
  const statuses = [await scene.ask(), await scene.ask(), await scene.ask()].map((answer) => answer.status);
  expect(statuses).toEqual([200, 200, 429]);
});
