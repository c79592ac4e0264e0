// The registry of kinds: all that the API server, the generator and the compiler need to know to find one.

import type { z } from "zod";
import { backendSpec } from "./ai-backend.ts";
import { policySpec } from "./ai-rate-limit-policy.ts";
import { routeSpec } from "./ai-route.ts";
import { consumerSpec } from "./consumer.ts";
import { objectStatus, policyStatus } from "./status.ts";

export interface PrinterColumn {
  readonly name: string;
  readonly type: "string" | "integer" | "date";
  readonly jsonPath: string;
  readonly description: string;
  /** Above 0: only shown with -o wide. */
  readonly priority?: number;
}

export interface Kind {
  readonly kind: string;
  readonly plural: string;
  readonly singular: string;
  readonly shortName: string;
  /** File in this folder that defines it, without ending. */
  readonly source: string;
  readonly description: string;
  readonly columns: readonly PrinterColumn[];
  readonly spec: z.ZodType;
  readonly status: z.ZodType;
}

const AGE: PrinterColumn = {
  name: "Age",
  type: "date",
  jsonPath: ".metadata.creationTimestamp",
  description: "Time since the object was created.",
};

function conditionColumn(type: string, description: string): PrinterColumn {
  return { name: type, type: "string", jsonPath: `.status.conditions[?(@.type=="${type}")].status`, description };
}

const ACCEPTED = conditionColumn("Accepted", "Whether the spec is valid and in force.");
const RESOLVED: PrinterColumn = {
  ...conditionColumn("ResolvedRefs", "Whether everything that it names exists."),
  name: "Resolved",
  priority: 1,
};
const PROGRAMMED = conditionColumn("Programmed", "Whether it is published to the data planes.");

export const KINDS: readonly Kind[] = [
  {
    kind: "Consumer",
    plural: "consumers",
    singular: "consumer",
    shortName: "aicon",
    source: "consumer",
    description: "A Consumer is who is limited: a person, an application or a team, recognised by its credentials.",
    columns: [
      { name: "Username", type: "string", jsonPath: ".spec.username", description: "Name outside Kubernetes." },
      { name: "Group", type: "string", jsonPath: ".spec.groups[0]", description: "First consumer group." },
      ACCEPTED,
      PROGRAMMED,
      RESOLVED,
      AGE,
    ],
    spec: consumerSpec,
    status: objectStatus,
  },
  {
    kind: "AIBackend",
    plural: "aibackends",
    singular: "aibackend",
    shortName: "aibe",
    source: "ai-backend",
    description: "An AIBackend is one endpoint of an LLM provider, with the credential to use there.",
    columns: [
      { name: "Provider", type: "string", jsonPath: ".spec.provider", description: "Which API it speaks." },
      { name: "Endpoint", type: "string", jsonPath: ".spec.endpoint", description: "Where it is." },
      {
        name: "Auth",
        type: "string",
        jsonPath: ".spec.auth.type",
        description: "How requests authenticate.",
        priority: 1,
      },
      ACCEPTED,
      PROGRAMMED,
      RESOLVED,
      AGE,
    ],
    spec: backendSpec,
    status: objectStatus,
  },
  {
    kind: "AIRoute",
    plural: "airoutes",
    singular: "airoute",
    shortName: "airt",
    source: "ai-route",
    description: "An AIRoute says which requests are taken, how callers are identified, and which AIBackends answer.",
    columns: [
      { name: "Path", type: "string", jsonPath: ".spec.matches[0].path.value", description: "First path taken." },
      { name: "Backend", type: "string", jsonPath: ".spec.backendRefs[0].name", description: "First backend." },
      ACCEPTED,
      PROGRAMMED,
      RESOLVED,
      AGE,
    ],
    spec: routeSpec,
    status: objectStatus,
  },
  {
    kind: "AIRateLimitPolicy",
    plural: "airatelimitpolicies",
    singular: "airatelimitpolicy",
    shortName: "airlp",
    source: "ai-rate-limit-policy",
    description:
      "An AIRateLimitPolicy holds limits on tokens or requests per window, for all or some requests of its namespace.",
    columns: [
      { name: "Mode", type: "string", jsonPath: ".spec.mode", description: "Enforce or Shadow." },
      { name: "Consumers", type: "string", jsonPath: ".spec.appliesTo.consumers", description: "Consumers named." },
      { name: "Groups", type: "string", jsonPath: ".spec.appliesTo.consumerGroups", description: "Groups named." },
      { name: "Limit", type: "string", jsonPath: ".spec.limits[0].name", description: "First limit.", priority: 1 },
      ACCEPTED,
      { ...PROGRAMMED, priority: 1 },
      RESOLVED,
      conditionColumn("Enforced", "Whether every data plane that serves the namespace has taken it over."),
      { name: "Proxies", type: "string", jsonPath: ".status.proxies", description: "How many of them have." },
      AGE,
    ],
    spec: policySpec,
    status: policyStatus,
  },
];

export function findKind(name: string): Kind | undefined {
  return KINDS.find(({ kind }) => kind === name);
}
