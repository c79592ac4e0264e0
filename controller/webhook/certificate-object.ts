// The Secret of the webhook's certificates as an object of the API.

import { z } from "zod";
import type { SecretData } from "../certificates/certificate-secret.ts";
import type { KubeObject } from "../kube/kube-object.ts";
import { apiVersionOf, type ObjectName, SECRETS, WEBHOOK_CONFIGURATIONS } from "../kube/resource.ts";

const secretData = z.record(z.string(), z.unknown()).catch({});

/** In base64. None when it is not what the API promises. */
export function dataOf(secret: KubeObject): SecretData {
  return secretData.parse(secret["data"]);
}

/** Goes with the configuration, where there is one, when that is deleted: nothing else uses it. */
export function newSecret(
  { namespace, name }: ObjectName,
  data: SecretData,
  configuration: KubeObject | undefined,
): Readonly<Record<string, unknown>> {
  return {
    apiVersion: apiVersionOf(SECRETS),
    kind: SECRETS.kind,
    metadata: {
      namespace,
      name,
      labels: {
        "app.kubernetes.io/name": "ai-rate-limit",
        "app.kubernetes.io/managed-by": "ai-rate-limit-controller",
      },
      ownerReferences: configuration === undefined ? [] : [ownerOf(configuration)],
    },
    type: "kubernetes.io/tls",
    data,
  };
}

function ownerOf({ metadata: { name, uid } }: KubeObject): Readonly<Record<string, string>> {
  const { kind } = WEBHOOK_CONFIGURATIONS;
  return { apiVersion: apiVersionOf(WEBHOOK_CONFIGURATIONS), kind, name, uid };
}
