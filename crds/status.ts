// Status of the kinds: what the controller says of an object. The field names and their meaning are those of
// metav1.Condition (Kubernetes API conventions, "Typical status properties"); conditions are told apart by `type`.

import { z } from "zod";
import { integer, text } from "./meta.ts";

const condition = z.strictObject({
  type: text({
    wanted: "a condition type",
    max: 316,
    pattern: /^([a-z0-9.-]+\/)?[A-Za-z0-9][A-Za-z0-9_.-]*$/,
  }).describe(
    "Accepted: the spec is valid and nothing else claims what it claims. ResolvedRefs: what it names exists. " +
      "Programmed: this generation is published to the data planes. Enforced (policies only): every data plane that " +
      "serves the namespace has taken it over.",
  ),
  status: z.enum(["True", "False", "Unknown"]).describe("Whether the condition holds."),
  observedGeneration: integer(0, Number.MAX_SAFE_INTEGER)
    .optional()
    .describe("The metadata.generation that this is said of."),
  lastTransitionTime: text({ wanted: "a time", max: 64 })
    .meta({ format: "date-time" })
    .describe("When status changed last; not when reason or message did."),
  reason: text({ wanted: "a reason", max: 1024, pattern: /^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$/ }).describe(
    "Why, in one word for programs, like Invalid or SecretNotFound.",
  ),
  message: text({ wanted: "a message", min: 0, max: 32_768 }).describe(
    "Why, for people: the field, what was found there and what is wanted.",
  ),
});

const fields = {
  observedGeneration: integer(0, Number.MAX_SAFE_INTEGER)
    .optional()
    .describe("The metadata.generation that the controller has looked at last."),
  conditions: z
    .array(condition)
    .max(16)
    .meta({ "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"] })
    .optional()
    .describe("What holds of the object. A type that is not known yet has status Unknown."),
};

export const objectStatus = z.strictObject(fields);

export const policyStatus = z.strictObject({
  ...fields,
  proxies: text({ wanted: "a count like 5/5", max: 32 })
    .optional()
    .describe('How many of the data planes that serve the namespace have taken this generation over, like "5/5".'),
});
