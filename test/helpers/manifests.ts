// Manifests that many tests start from.

export interface BasicsOptions {
  readonly endpoint: string;
  /** YAML of `limits`, indented by two spaces per level from the list's dashes at column 2. */
  readonly limits: string;
  readonly response?: string;
  readonly backend?: string;
  readonly route?: string;
  readonly policy?: string;
}

/** Two consumers (keys key-alice and key-bob), one backend, one route on every path, one policy. */
export function basics({
  endpoint,
  limits,
  response = "",
  backend = "",
  route = "",
  policy = "",
}: BasicsOptions): string {
  return `
apiVersion: airatelimit.dev/v1alpha1
kind: Consumer
metadata: {name: alice}
spec: {groups: [gold], credentials: [{name: main, apiKey: {value: key-alice}}]}
---
apiVersion: airatelimit.dev/v1alpha1
kind: Consumer
metadata: {name: bob}
spec: {credentials: [{name: main, apiKey: {value: key-bob}}]}
---
apiVersion: airatelimit.dev/v1alpha1
kind: AIBackend
metadata: {name: llm}
spec:
  provider: OpenAICompatible
  endpoint: ${endpoint}
${backend}
---
apiVersion: airatelimit.dev/v1alpha1
kind: AIRoute
metadata: {name: all}
spec:
  matches: [{path: {type: PathPrefix, value: /}}]
  backendRefs: [{name: llm}]
${route}
---
apiVersion: airatelimit.dev/v1alpha1
kind: AIRateLimitPolicy
metadata: {name: team}
spec:
${policy}
  limits:
${limits}
${response}
`;
}
