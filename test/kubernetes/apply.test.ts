// kubectl apply to enforced: the whole product on a real API server.

import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect } from "vitest";
import { z } from "zod";
import { eventually } from "../helpers/clock.ts";
import { CHAT_BODY, call } from "../helpers/http-call.ts";
import { type Product, type RunningGateway, startProduct } from "../helpers/product-under-test.ts";
import { test } from "./cluster-test.ts";

let product: Product;
let gateways: readonly RunningGateway[] = [];

beforeAll(async () => {
  const started = await startProduct();
  if ("missing" in started) return;
  product = started;
  await product.startController();
  gateways = [await product.startGateway(), await product.startGateway()];
});
afterAll(async () => {
  await product.stop();
});

const statusSchema = z.object({
  status: z.object({
    conditions: z.array(z.object({ type: z.string(), status: z.string(), reason: z.string(), message: z.string() })),
    proxies: z.string().optional(),
  }),
});

async function statusOf(resource: string, name: string, namespace: string) {
  const text = await product.cluster.kubectl(["get", resource, name, "-n", namespace, "-o", "json"]);
  const read = statusSchema.safeParse(JSON.parse(text));
  return read.success ? read.data.status : undefined;
}

describe("the quickstart", () => {
  test("[e2e] every condition of every object becomes True, and the limit holds", async ({ cluster: _ }) => {
    const yaml = await readFile("examples/quickstart/quickstart.yaml", "utf8");
    const namespace = "default";
    await product.apply(yaml.replace("http://127.0.0.1:9000", product.upstream.origin));
    for (const [resource, name] of [
      ["aicon", "alice"],
      ["aibe", "demo"],
      ["airt", "chat"],
      ["airlp", "tokens"],
    ] as const) {
      await eventually(`${resource} ${name} has its conditions`, async () => {
        const status = await statusOf(resource, name, namespace);
        return status?.conditions.every((condition) => condition.status === "True") ?? false;
      });
    }
    expect((await statusOf("airlp", "tokens", namespace))?.proxies).toBe("2/2");
    for (const { origin } of gateways) {
      const answer = await call(origin, {
        path: "/v1/chat/completions",
        headers: { apikey: "alice-key" },
        body: CHAT_BODY,
      });
      expect(answer.status).toBe(200);
    }
  });
});
