// The ValidatingWebhookConfiguration that sends our kinds here. With failurePolicy Ignore an absent webhook never blocks
// `kubectl apply`: the controller makes the same checks again and says in status what is wrong.

import { KINDS } from "../../crds/index.ts";
import { GROUP, VERSION } from "../../crds/meta.ts";

export interface WebhookConfigurationOptions {
  readonly name: string;
  readonly service: { readonly namespace: string; readonly name: string; readonly port: number };
  /** PEM of the authority that signed the server's certificate. Undefined where the controller makes it and sets it here. */
  readonly caBundle?: string | undefined;
  /** Only objects of these are sent here; undefined for all. */
  readonly namespaces?: readonly string[] | undefined;
}

export function webhookConfiguration(options: WebhookConfigurationOptions): Record<string, unknown> {
  const { name, service, caBundle, namespaces } = options;
  const namespaceSelector =
    namespaces === undefined
      ? {}
      : { matchExpressions: [{ key: "kubernetes.io/metadata.name", operator: "In", values: [...namespaces] }] };
  return {
    apiVersion: "admissionregistration.k8s.io/v1",
    kind: "ValidatingWebhookConfiguration",
    metadata: { name },
    webhooks: [
      {
        name: `validate.${GROUP}`,
        clientConfig: {
          service: { ...service, path: "/validate" },
          ...(caBundle === undefined ? {} : { caBundle: Buffer.from(caBundle, "utf8").toString("base64") }),
        },
        rules: [
          {
            apiGroups: [GROUP],
            apiVersions: [VERSION],
            operations: ["CREATE", "UPDATE"],
            resources: KINDS.map(({ plural }) => plural),
            scope: "Namespaced",
          },
        ],
        namespaceSelector,
        admissionReviewVersions: ["v1"],
        failurePolicy: "Ignore",
        matchPolicy: "Equivalent",
        sideEffects: "None",
        timeoutSeconds: 5,
      },
    ],
  };
}
