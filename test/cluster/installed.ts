// The product as Helm has installed it on some cluster, and the commands that reach it.

import { execFile } from "node:child_process";

/** All that is needed to reach it, and to be handed from one process to another. */
export interface Installed {
  readonly kubeconfig: string;
  /** Name -> path of kubectl and helm. */
  readonly programs: Readonly<Record<string, string>>;
  readonly namespace: string;
  readonly release: string;
  /** What the names of its resources begin with. */
  readonly fullname: string;
  /** Of controller and data planes; the tests' own Pods run it too. */
  readonly image: string;
}

export interface Cluster extends Installed {
  /** Resolves with stdout; rejects with an Error whose message is stderr. */
  readonly kubectl: (args: readonly string[], input?: string) => Promise<string>;
  readonly helm: (args: readonly string[]) => Promise<string>;
  /** Names of the Pods of a component, those that are about to end included. */
  readonly pods: (component: "controller" | "dataplane") => Promise<string[]>;
  /** Runs JavaScript in a Pod ("deploy/NAME" for some Pod of it), in the namespace given; resolves with what it prints. */
  readonly script: (where: PodPlace, source: string, args?: readonly string[]) => Promise<string>;
}

export interface PodPlace {
  readonly pod: string;
  readonly namespace: string;
}

const MAX_OUTPUT_BYTES = 16 * 1024 * 1024;

export function reach(installed: Installed): Cluster {
  const { namespace, release } = installed;
  const kubectl = (args: readonly string[], input = ""): Promise<string> => run(installed, ["kubectl", ...args], input);
  return {
    ...installed,
    kubectl,
    helm: (args) => run(installed, ["helm", ...args], ""),
    pods: async (component) => {
      const selector = `app.kubernetes.io/instance=${release},app.kubernetes.io/component=${component}`;
      const names = await kubectl(["get", "pods", "-n", namespace, "-l", selector, "-o", "name"]);
      return names.split("\n").filter(Boolean);
    },
    script: (where, source, args = []) =>
      kubectl(["exec", "-n", where.namespace, where.pod, "--", "node", "--input-type=module", "-e", source, ...args]),
  };
}

function run(
  { programs, kubeconfig }: Pick<Installed, "programs" | "kubeconfig">,
  [name = "", ...args]: readonly string[],
  input: string,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, KUBECONFIG: kubeconfig };
    const child = execFile(
      programs[name] ?? name,
      args,
      { env, maxBuffer: MAX_OUTPUT_BYTES },
      (error, stdout, stderr) => {
        if (error) reject(new Error(`${name} ${args.slice(0, 4).join(" ")}: ${stderr.trimEnd() || error.message}`));
        else resolve(stdout);
      },
    );
    child.stdin?.on("error", () => undefined); // it ended without reading all of it
    child.stdin?.end(input);
  });
}
