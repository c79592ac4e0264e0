// Objects as an API server shows them, and how to wait for what a controller says of them.

import { z } from "zod";
import { eventually } from "./clock.ts";
import type { KubeCluster } from "./kube-cluster.ts";

const condition = z.object({
  type: z.string(),
  status: z.string(),
  reason: z.string(),
  message: z.string(),
  observedGeneration: z.number().optional(),
});

const shownObject = z.object({
  metadata: z.object({ name: z.string(), generation: z.number(), resourceVersion: z.string() }),
  status: z
    .object({
      conditions: z.array(condition).default([]),
      observedGeneration: z.number().optional(),
      proxies: z.string().optional(),
    })
    .default({ conditions: [] }),
});

export type ShownObject = z.output<typeof shownObject>;

/** `what` as kubectl takes it: "airlp/tokens". */
export async function readObject({ kubectl }: KubeCluster, what: string, namespace: string): Promise<ShownObject> {
  return shownObject.parse(JSON.parse(await kubectl(["get", what, "-n", namespace, "-o", "json"])));
}

/** By type: "False Invalid: spec.mode: found ...". */
export function conditionsOf({ status }: ShownObject): Record<string, string> {
  return Object.fromEntries(
    status.conditions.map((each) => [each.type, `${each.status} ${each.reason}: ${each.message}`]),
  );
}

/** Resolves with the object as soon as every condition that is named reads as given: a text, or how it begins. */
export async function untilConditions(
  cluster: KubeCluster,
  { what, namespace }: { readonly what: string; readonly namespace: string },
  wanted: Readonly<Record<string, string | RegExp>>,
): Promise<ShownObject> {
  let last: ShownObject | undefined;
  const isMet = async (): Promise<boolean> => {
    last = await readObject(cluster, what, namespace);
    const conditions = conditionsOf(last);
    return Object.entries(wanted).every(([type, text]) => {
      const said = conditions[type] ?? "";
      return typeof text === "string" ? said === text : text.test(said);
    });
  };
  await eventually(`${what} says ${JSON.stringify(wanted)}`, isMet).catch((error: unknown) => {
    const said = last && JSON.stringify(conditionsOf(last), undefined, 2);
    throw new Error(`${String(error)}; it says ${String(said)}`);
  });
  if (last === undefined) throw new Error("unreachable");
  return last;
}
