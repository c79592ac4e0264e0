// What the gateway of a benchmark is configured with: 1,000 consumers with a key each, one backend, one route, one policy.

import { writeFileSync } from "node:fs";
import { BENCH_KEYS } from "./load.mjs";

/** The simple case that other figures are compared with. */
export const SIMPLE_LIMITS = [
  "{name: minute, limit: 1000000000, window: {duration: 60s}}",
  "{name: day, limit: 100000000000, window: {duration: 24h}}",
];

/** The path of the file. */
export function writeManifests(file, { upstream, limits, policy = "team" }) {
  const consumers = Array.from({ length: BENCH_KEYS }, (_, i) => {
    const key = `key-${String(i).padStart(4, "0")}`;
    return `apiVersion: airatelimit.dev/v1alpha1
kind: Consumer
metadata: {name: c${String(i)}}
spec: {credentials: [{name: main, apiKey: {value: ${key}}}]}
---
`;
  });
  const rest = `apiVersion: airatelimit.dev/v1alpha1
kind: AIBackend
metadata: {name: llm}
spec: {provider: OpenAICompatible, endpoint: "http://127.0.0.1:${String(upstream)}"}
---
apiVersion: airatelimit.dev/v1alpha1
kind: AIRoute
metadata: {name: all}
spec: {matches: [{path: {type: PathPrefix, value: /v1}}], backendRefs: [{name: llm}]}
---
apiVersion: airatelimit.dev/v1alpha1
kind: AIRateLimitPolicy
metadata: {name: ${policy}}
spec:
  limits:
${limits.map((limit) => `  - ${limit}\n`).join("")}`;
  writeFileSync(file, consumers.join("") + rest);
  return file;
}
