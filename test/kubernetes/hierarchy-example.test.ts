// examples/hierarchy on a real API server: consumers below consumers become True, and every level's budget is enforced.

import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { asRecord } from "../compiler/manifest-builders.ts";
import { CHAT_BODY, call } from "../helpers/http-call.ts";
import { untilConditions } from "../helpers/object-status.ts";
import { type Product, startProduct } from "../helpers/product-under-test.ts";

let product: Product;

beforeAll(async () => {
  const started = await startProduct();
  if ("missing" in started) throw new Error(`needs ${started.missing}`);
  product = started;
  await product.startController();
});
afterAll(async () => {
  await product.stop();
});

test("[e2e] examples/hierarchy is True in every condition, and answers tell of all three levels", async () => {
  const yaml = readFileSync("examples/hierarchy/hierarchy.yaml", "utf8").replaceAll(
    "http://127.0.0.1:9000",
    product.upstream.origin,
  );
  await product.apply(yaml);
  const gateway = await product.startGateway();
  for (const { kind, metadata } of parseAllDocuments(yaml).map((document) => asRecord(document.toJS()))) {
    const what = `${String(kind)}/${String(asRecord(metadata)["name"])}`;
    const enforced = kind === "AIRateLimitPolicy" ? { Enforced: /^True/ } : {};
    const rest = { Accepted: /^True/, ResolvedRefs: /^True/, Programmed: /^True Programmed/ };
    await untilConditions(product.cluster, { what, namespace: "default" }, { ...rest, ...enforced });
  }
  const answer = await call(gateway.origin, {
    path: "/v1/chat/completions",
    headers: { apikey: "ann-key" },
    body: CHAT_BODY,
  });
  expect(answer.status).toBe(200);
  const remaining = ["organisation-acme", "team-research", "person"].map(
    (label) => answer.headers[`x-ai-ratelimit-remaining-month-${label}`],
  );
  expect(remaining).toEqual(["2.5", "1.5", "1"]);
});
