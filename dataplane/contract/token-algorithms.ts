// Signatures of tokens that are understood (RFC 7518 section 3.1, RFC 8037 section 3.1). No "none", and none with a shared
// secret: whoever could check such a signature could make it.

export const TOKEN_ALGORITHMS = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
] as const;

export type TokenAlgorithm = (typeof TOKEN_ALGORITHMS)[number];
