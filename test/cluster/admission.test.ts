// What no schema can check is refused at `kubectl apply`, by a webhook whose certificate the controllers have made.

import { expect } from "vitest";
import { eventually } from "../helpers/clock.ts";
import { test } from "./cluster-test.ts";

const POLICY = (expression: string): string => `
apiVersion: airatelimit.dev/v1alpha1
kind: AIRateLimitPolicy
metadata: {name: formula, namespace: default}
spec: {limits: [{name: a, unit: Expression, expression: "${expression}", limit: 1, window: {duration: 60s}}]}
`;

test("[cluster] a policy with a broken formula is refused at kubectl apply, a good one is not", async ({ cluster }) => {
  const apply = (expression: string): Promise<string> =>
    cluster.kubectl(["apply", "--dry-run=server", "-f", "-"], POLICY(expression)).catch(String);
  let answer = "";
  // Until the API server has heard of the certificate it goes on without the webhook (failurePolicy Ignore).
  await eventually("the webhook is asked", async () => {
    answer = await apply("input_tokens +");
    return answer.includes("denied the request");
  });
  expect(answer).toContain("spec.limits[0].expression");
  expect(await apply("input_tokens + output_tokens")).toContain("formula created (server dry run)");
});
