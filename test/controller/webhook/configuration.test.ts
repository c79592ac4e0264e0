// What an API server is told to send to the webhook.

import { test } from "vitest";
import { webhookConfiguration } from "../../../controller/webhook/configuration.ts";

const OPTIONS = {
  name: "ai-rate-limit",
  service: { namespace: "airl-system", name: "ai-rate-limit-webhook", port: 443 },
  caBundle: "-----BEGIN CERTIFICATE-----\n",
};

test("[unit] our kinds are checked when they are created or updated, and an absent webhook blocks nobody", ({
  expect,
}) => {
  expect(webhookConfiguration(OPTIONS)).toEqual({
    apiVersion: "admissionregistration.k8s.io/v1",
    kind: "ValidatingWebhookConfiguration",
    metadata: { name: "ai-rate-limit" },
    webhooks: [
      {
        name: "validate.airatelimit.dev",
        clientConfig: {
          service: { namespace: "airl-system", name: "ai-rate-limit-webhook", port: 443, path: "/validate" },
          caBundle: "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCg==",
        },
        rules: [
          {
            apiGroups: ["airatelimit.dev"],
            apiVersions: ["v1alpha1"],
            operations: ["CREATE", "UPDATE"],
            resources: ["consumers", "aibackends", "airoutes", "airatelimitpolicies"],
            scope: "Namespaced",
          },
        ],
        namespaceSelector: {},
        admissionReviewVersions: ["v1"],
        failurePolicy: "Ignore",
        matchPolicy: "Equivalent",
        sideEffects: "None",
        timeoutSeconds: 5,
      },
    ],
  });
});

test("[unit] only the namespaces that the controller watches are checked", ({ expect }) => {
  expect(webhookConfiguration({ ...OPTIONS, namespaces: ["ai", "batch"] })).toMatchObject({
    webhooks: [
      {
        namespaceSelector: {
          matchExpressions: [{ key: "kubernetes.io/metadata.name", operator: "In", values: ["ai", "batch"] }],
        },
      },
    ],
  });
});
