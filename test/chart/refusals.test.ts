// What the chart refuses, in the words that whoever typed it reads.

import { expect } from "vitest";
import { render, test } from "./helm.ts";

const REDIS = ["--set", "redis.url=redis://redis:6379"];

test.for([
  { name: "a typo at the top", args: ["--set", "replicas=3"], says: "additional properties 'replicas' not allowed" },
  {
    name: "a typo of a component",
    args: ["--set", "dataplane.replicsa=3"],
    says: "at '/dataplane': additional properties 'replicsa' not allowed",
  },
  {
    name: "a typo in resources",
    args: ["--set", "controller.resources.limts.cpu=1"],
    says: "at '/controller/resources': additional properties 'limts' not allowed",
  },
  {
    name: "a typo in a list",
    args: ["--set", "dataplane.tolerations[0].kye=x"],
    says: "at '/dataplane/tolerations/0': additional properties 'kye' not allowed",
  },
  {
    name: "a typo of Redis",
    args: ["--set", "configRedis.tls.secret=x"],
    says: "at '/configRedis/tls': additional properties 'secret' not allowed",
  },
  {
    name: "a wrong type",
    args: ["--set", "dataplane.replicas=two"],
    says: "at '/dataplane/replicas': got string, want integer",
  },
  {
    name: "a word that is none of those possible",
    args: ["--set", "webhook.failurePolicy=ignore"],
    says: "at '/webhook/failurePolicy': value must be one of 'Ignore', 'Fail'",
  },
  {
    name: "an URL of something else",
    args: ["--set", "redis.url=http://redis"],
    says: "at '/redis/url': 'http://redis' does not match pattern",
  },
  {
    name: "a namespace that cannot exist",
    args: ["--set", "namespaces={AI}"],
    says: "at '/namespaces/0': 'AI' does not match pattern",
  },
  {
    name: "a drain that no Pod waits for",
    args: ["--set", "dataplane.drainSeconds=90000"],
    says: "at '/dataplane/drainSeconds': maximum: got 90,000, want 86,000",
  },
])("[unit] $name is refused by the schema", async ({ args, says }, { helm }) => {
  await expect(render(helm, [...REDIS, ...args])).rejects.toThrow(says);
});

test.for([
  { name: "no Redis at all", args: [], says: "A Redis is needed. Set redis.url" },
  {
    name: "two Redis for one purpose",
    args: [...REDIS, "--set", "trialRedis.enabled=true"],
    says: "wanted one of them",
  },
  {
    name: "a key of no Secret",
    args: ["--set", "redis.urlKey=url"],
    says: "redis.urlKey names a key of redis.existingSecret, which is not set",
  },
  {
    name: "a password of sentinels in no Secret",
    args: [...REDIS, "--set", "configRedis.sentinel.passwordKey=x"],
    says: "configRedis.sentinel.passwordKey names a key of configRedis.existingSecret, which is not set",
  },
  {
    name: "a cluster with sentinels",
    args: [...REDIS, "--set", "redis.cluster=true,redis.sentinel.master=m"],
    says: "redis.cluster and redis.sentinel.master are both set",
  },
  {
    name: "two monitors",
    args: [...REDIS, "--set", "podMonitor.enabled=true,serviceMonitor.enabled=true"],
    says: "every Pod would be scraped twice",
  },
  {
    name: "an authority without its certificate",
    args: [...REDIS, "--set", "webhook.caBundle=aGVsbG8="],
    says: "webhook.caBundle goes with webhook.existingSecret",
  },
  {
    name: "a budget of nothing",
    args: [...REDIS, "--set", "dataplane.podDisruptionBudget.maxUnavailable=null"],
    says: "dataplane.podDisruptionBudget has neither minAvailable nor maxUnavailable",
  },
])("[unit] $name is refused with what is wanted", async ({ args, says }, { helm }) => {
  await expect(render(helm, args)).rejects.toThrow(says);
});

test("[unit] a cluster that is too old is refused", async ({ helm }) => {
  await expect(render(helm, [...REDIS, "--kube-version", "1.28.9"])).rejects.toThrow(
    "chart requires kubeVersion: >=1.29.0-0",
  );
});
