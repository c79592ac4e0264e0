// Definitions of the Prometheus operator as small as the API server takes them, for clusters of tests.

const KINDS = [
  { kind: "PodMonitor", plural: "podmonitors" },
  { kind: "ServiceMonitor", plural: "servicemonitors" },
  { kind: "PrometheusRule", plural: "prometheusrules" },
];

/** As YAML for kubectl. */
export function prometheusOperatorDefinitions(): string {
  const group = "monitoring.coreos.com";
  const anything = { type: "object", "x-kubernetes-preserve-unknown-fields": true };
  return KINDS.map(({ kind, plural }) =>
    JSON.stringify({
      apiVersion: "apiextensions.k8s.io/v1",
      kind: "CustomResourceDefinition",
      metadata: { name: `${plural}.${group}` },
      spec: {
        group,
        scope: "Namespaced",
        names: { kind, listKind: `${kind}List`, plural, singular: kind.toLowerCase() },
        versions: [{ name: "v1", served: true, storage: true, schema: { openAPIV3Schema: anything } }],
      },
    }),
  ).join("\n---\n");
}
