// One route to a backend of each dialect, for callers of either.

export interface DialectManifests {
  readonly endpoint: string;
  /** YAML of `limits`, as in manifests.ts. */
  readonly limits: string;
  /** Providers of the route's backends, in order; a backend is named like its provider, in lower case. */
  readonly providers?: readonly string[];
}

export function dialectManifests({ endpoint, limits, providers = ["OpenAI", "Anthropic"] }: DialectManifests): string {
  const backends = providers.map(
    (provider) => `
apiVersion: airatelimit.dev/v1alpha1
kind: AIBackend
metadata: {name: ${provider.toLowerCase()}}
spec:
  provider: ${provider}
  endpoint: ${endpoint}
  auth: {type: APIKey, apiKey: {value: sk-${provider.toLowerCase()}}}
---`,
  );
  const refs = providers.map((provider) => `{name: ${provider.toLowerCase()}}`).join(", ");
  return `
apiVersion: airatelimit.dev/v1alpha1
kind: Consumer
metadata: {name: alice}
spec: {credentials: [{name: main, apiKey: {value: key-alice}}]}
---${backends.join("")}
apiVersion: airatelimit.dev/v1alpha1
kind: AIRoute
metadata: {name: all}
spec:
  matches: [{path: {type: PathPrefix, value: /}}]
  backendRefs: [${refs}]
---
apiVersion: airatelimit.dev/v1alpha1
kind: AIRateLimitPolicy
metadata: {name: team}
spec:
  limits:
${limits}
`;
}
