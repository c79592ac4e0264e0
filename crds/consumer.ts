// The kind Consumer: who is limited, and the credentials that identify it. Descriptions are the user manual.

import { z } from "zod";
import {
  entryName,
  inlineKey,
  instant,
  keySourceUrl,
  modelPattern,
  namedList,
  objectName,
  plainName,
  secretRef,
  text,
  textSet,
} from "./meta.ts";
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

const claim = z.strictObject({
  name: text({
    wanted: "a claim's name of 1 to 256 printable ASCII characters without spaces",
    max: 256,
    pattern: /^[!-~]+$/,
  }).describe("Name of the claim, at the top of the token's payload, like sub or email. Case matters."),
  value: text({
    wanted: "a claim's value: a text of 1 to 1024 characters (numbers, true and false in quotes)",
    max: 1024,
  }).describe(
    "What the claim must be: this text, a number or boolean that JSON writes like this, or a list with it. Case matters.",
  ),
});

const jwt = z.strictObject({
  issuer: keySourceUrl().describe(
    "Who signs the tokens: the token's claim iss must be exactly this. Data planes fetch the issuer's keys by its discovery " +
      "document, /.well-known/openid-configuration below this URL, unless the route names the keys' URL.",
  ),
  audience: text({
    wanted: "an audience of 1 to 1024 printable ASCII characters",
    max: 1024,
    pattern: /^[!-~]+( +[!-~]+)*$/,
  }).describe("For whom the tokens are: the token's claim aud must be this, or a list with it."),
  claims: namedList(claim, 1, 8).describe(
    "What else the token must say; all must hold. When a token fits several consumers, the one that asks for most claims " +
      "has it, then the one of the route's namespace before one of the system namespace, then the one whose name sorts first.",
  ),
});

const credential = withRules(
  z.strictObject({
    name: entryName().describe("Name of the credential, unique within the consumer."),
    apiKey: apiKey
      .optional()
      .describe(
        "An API key that the caller presents. Exactly one of secretRef, keyHash and value says what it is. A key belongs to " +
          "one consumer: when two of a namespace claim it, the older keeps it and the newer gets CredentialConflict; a " +
          "consumer of the system namespace shares its keys with no other namespace.",
      ),
    jwt: jwt
      .optional()
      .describe(
        "A signed token (JWT) of an identity provider that the caller presents, on routes with authentication.jwt. What it " +
          "asks for belongs to one consumer, as a key does.",
      ),
    expiresAt: instant()
      .optional()
      .describe(
        'From this time on the credential identifies nobody: RFC 3339, like "2027-01-31T00:00:00Z". Data planes go by their ' +
          "own clocks. Status warns a week ahead (CredentialExpiring) and from then on (CredentialExpired). Default: never.",
      ),
  }),
  [exactlyOneOf("apiKey", "jwt")],
);

const models = z.strictObject({
  allow: textSet(modelPattern(), 64)
    .default([])
    .describe('Models that it may ask for, by name or glob, like "gpt-4o*". Default: every model.'),
  deny: textSet(modelPattern(), 64)
    .default([])
    .describe("Models that it may not ask for, whatever allow says. Default: none."),
});

export const consumerSpec = z.strictObject({
  username: plainName()
    .optional()
    .describe("Name of the consumer outside Kubernetes; conditions of limits may ask for it. Default: metadata.name."),
  customID: plainName()
    .optional()
    .describe(
      "Identifier of the consumer in another system, such as an account number; conditions of limits may ask for it (by: " +
        "CustomID). Default: none.",
    ),
  groups: textSet(plainName(), 64)
    .default([])
    .describe(
      "Consumer groups that this consumer belongs to, and all who belong to it: plain names, which policies name. " +
        "Default: none.",
    ),
  parentRef: z
    .strictObject({ name: objectName().describe("Name of a Consumer in this namespace.") })
    .optional()
    .describe(
      "The Consumer that this one belongs to: a team, whose parent may be an organisation. Policies that name the parent in " +
        "appliesTo.consumers are about the requests of this one too and count them on the parent; its groups, " +
        "models and suspension hold for this one too. At most 4 levels, and no cycles: a manifest that makes one does not come into force. While the " +
        "parent does not exist, requests of this Consumer are refused. Default: none.",
    ),
  credentials: namedList(credential, 0, 32)
    .default([])
    .describe(
      "How the consumer is recognised; any one of them does. Several make a rotation possible: add the new one, move the " +
        "callers, remove the old one. One that cannot be used (its Secret is missing, its key is taken) is left out with " +
        "a warning while another is left; when none is, the consumer identifies nobody and has an error. Default: none.",
    ),
  models: models
    .optional()
    .describe(
      "Which models the consumer may use. What counts is the model that the request asks for, whatever backend gets it; " +
        "case does not matter. Other requests are a 403 and cost nothing, and so is one that names no model while there is " +
        "anything to allow or deny. Default: every model.",
    ),
  suspended: z
    .boolean()
    .default(false)
    .describe(
      "Refuses every request of the consumer with 403, without charging anything. Its credentials stay its own. Default false.",
    ),
});

export type ConsumerSpec = z.output<typeof consumerSpec>;
