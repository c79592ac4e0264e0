// The kind Consumer: who is limited, and the credentials that identify it. Descriptions are the user manual.

import { z } from "zod";
import { entryName, inlineKey, namedList, plainName, secretRef, text, textSet } from "./meta.ts";
import { exactlyOneOf, withRules } from "./rule.ts";

const apiKey = withRules(
  z.strictObject({
    secretRef: secretRef().optional().describe("The key is read from a Secret. The way to do it in production."),
    keyHash: text({
      wanted: '"sha256:" and 64 hexadecimal digits',
      max: 71,
      min: 71,
      pattern: /^sha256:[0-9a-fA-F]{64}$/,
    })
      .optional()
      .describe(
        'SHA-256 of the key: "sha256:" and 64 hexadecimal digits. Only for keys that are long and random; the hash of a ' +
          "guessable key gives the key away.",
      ),
    value: inlineKey()
      .optional()
      .describe("The key itself, readable by everyone who may read this object. For development; gives a warning."),
  }),
  [exactlyOneOf("secretRef", "keyHash", "value")],
);

const credential = z.strictObject({
  name: entryName().describe("Name of the credential, unique within the consumer."),
  apiKey: apiKey.describe(
    "An API key that the caller presents. Exactly one of secretRef, keyHash and value says what it is. A key belongs to one " +
      "consumer: when two of a namespace claim it, the older keeps it and the newer gets CredentialConflict; a " +
      "consumer of the system namespace shares its keys with no other namespace.",
  ),
});

export const consumerSpec = z.strictObject({
  username: plainName()
    .optional()
    .describe("Name of the consumer outside Kubernetes; conditions of limits may ask for it. Default: metadata.name."),
  groups: textSet(plainName(), 64)
    .default([])
    .describe("Consumer groups that this consumer belongs to: plain names, which policies name. Default: none."),
  credentials: namedList(credential, 0, 32)
    .default([])
    .describe(
      "How the consumer is recognised; any one of them does. Several make a rotation possible: add the new one, move the " +
        "callers, remove the old one. One that cannot be used (its Secret is missing, its key is taken) is left out with " +
        "a warning while another is left; when none is, the consumer identifies nobody and has an error. Default: none.",
    ),
});

export type ConsumerSpec = z.output<typeof consumerSpec>;
