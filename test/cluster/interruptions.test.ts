// Data planes come and go under load: no request fails, and what Redis has counted is what the provider has charged.

import { expect } from "vitest";
import { eventually } from "../helpers/clock.ts";
import { test } from "./cluster-test.ts";
import type { Cluster } from "./installed.ts";
import { type Load, startLoad } from "./load.ts";
import { makeScene, type Scene } from "./scene.ts";

/** So long that no window ends, so large that nothing is refused. */
const LIMIT = "{name: total, limit: 9000000000, window: {duration: 365d, algorithm: Fixed}, per: [{type: Shared}]}";
const SECONDS = 1_000;
/** Draining takes the delay and the longest stream: about 10 s. */
const GONE_TIMEOUT = "--timeout=100s";

async function openStreams(cluster: Cluster, pod: string): Promise<number> {
  const source = 'console.log(await (await fetch("http://127.0.0.1:9090/metrics")).text());';
  const page = await cluster.script({ pod, namespace: cluster.namespace }, source);
  return Number(/^airl_open_streams(?:\{.*\})? (\d+)$/m.exec(page)?.[1]);
}

async function untilStreaming(cluster: Cluster, pod: string): Promise<void> {
  await eventually(`${pod} has open streams`, async () => (await openStreams(cluster, pod)) > 0);
}

/** Everything that was asked is answered, and charged once. */
async function expectNothingLost(load: Load, scene: Scene): Promise<void> {
  const { failed, failures, answered, streamed, tokens } = await load.finish();
  expect({ failed, failures }).toEqual({ failed: 0, failures: [] });
  expect(streamed).toBeGreaterThan(8);
  const { requests, prompt_tokens: prompt, completion_tokens: completion } = await scene.charged();
  expect({ requests, tokens: prompt + completion }).toEqual({ requests: answered, tokens });
  expect(await scene.counted()).toBe(tokens);
}

test("[cluster] a data plane that is deleted under load loses nothing", { timeout: 180 * SECONDS }, async ({
  cluster,
}) => {
  const { kubectl, namespace } = cluster;
  const scene = await makeScene(cluster, LIMIT);
  const load = await startLoad(cluster, scene);
  const [pod = ""] = await cluster.pods("dataplane");
  await untilStreaming(cluster, pod);
  await kubectl(["delete", "-n", namespace, pod, GONE_TIMEOUT]);
  await kubectl(["rollout", "status", "-n", namespace, `deployment/${cluster.fullname}-dataplane`, "--timeout=60s"]);
  await expectNothingLost(load, scene);
});

test("[cluster] a rolling update under load fails no request and loses no charge; then the new ones enforce", {
  timeout: 240 * SECONDS,
}, async ({ cluster }) => {
  const { kubectl, helm, namespace, fullname } = cluster;
  const scene = await makeScene(cluster, LIMIT);
  const load = await startLoad(cluster, scene);
  const old = await cluster.pods("dataplane");
  for (const pod of old) await untilStreaming(cluster, pod);
  const change = ["--reuse-values", "--set-string", "dataplane.podAnnotations.e2e=updated"];
  await helm(["upgrade", cluster.release, "charts/ai-rate-limit", "-n", namespace, ...change]);
  await kubectl(["rollout", "status", "-n", namespace, `deployment/${fullname}-dataplane`, GONE_TIMEOUT]);
  await kubectl(["wait", "-n", namespace, "--for=delete", ...old, GONE_TIMEOUT]);
  const now = await cluster.pods("dataplane");
  expect(now).toHaveLength(2);
  expect(now.filter((pod) => old.includes(pod))).toEqual([]);
  for (const pod of now) await untilStreaming(cluster, pod);
  await expectNothingLost(load, scene);
  // Counts in a status are written every 10 s at most.
  await kubectl([
    "wait",
    "-n",
    scene.namespace,
    "--for=jsonpath={.status.proxies}=2/2",
    "airlp/scene",
    "--timeout=30s",
  ]);
  await kubectl(["wait", "-n", scene.namespace, "--for=condition=Enforced", "airlp/scene", "--timeout=30s"]);
});
