// Load on a scene from a Pod of its own, through the Service.

import { readFile } from "node:fs/promises";
import { z } from "zod";
import { eventually } from "../helpers/clock.ts";
import type { Cluster } from "./installed.ts";
import { KEY, type Scene } from "./scene.ts";

const outcome = z.object({
  done: z.literal(true),
  answered: z.number(),
  streamed: z.number(),
  /** As the answers tell it. */
  tokens: z.number(),
  failed: z.number(),
  /** The first of them. */
  failures: z.array(z.record(z.string(), z.unknown())),
});
type Outcome = z.output<typeof outcome>;

export interface Load {
  /** Lets every request end that has begun. */
  finish(): Promise<Outcome>;
}

const POD = "load";
/** Of each kind, see load-client.mjs. A stream has 150 tokens and takes 3 s. */
const WORKERS = { streams: 8, kept: 4, fresh: 4 };

/** Resolves when requests are answered. */
export async function startLoad({ kubectl, script, image }: Cluster, scene: Scene): Promise<Load> {
  const { namespace, gateway, host } = scene;
  const source = await readFile("test/cluster/load-client.mjs", "utf8");
  const args = [gateway, host, KEY, ...Object.values(WORKERS).map(String)];
  const pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: POD },
    spec: {
      restartPolicy: "Never",
      terminationGracePeriodSeconds: 1,
      containers: [{ name: POD, image, command: ["node", "--input-type=module", "-e", source, ...args] }],
    },
  };
  await kubectl(["apply", "-n", namespace, "-f", "-"], JSON.stringify(pod));
  await kubectl(["wait", "-n", namespace, `pod/${POD}`, "--for=condition=Ready", "--timeout=60s"]);
  const lines = (): Promise<string> => kubectl(["logs", "-n", namespace, POD, "--tail=1"]);
  await eventually("load is answered", async () => /"answered":[1-9]/.test(await lines()));
  return {
    async finish() {
      await script({ pod: POD, namespace }, 'process.kill(1, "SIGUSR2")');
      await kubectl([
        ...["wait", "-n", namespace, `pod/${POD}`],
        ...["--for=jsonpath={.status.phase}=Succeeded", "--timeout=90s"],
      ]);
      return outcome.parse(JSON.parse(await lines()));
    },
  };
}
