// From a token to whom it identifies: what is believed, what is remembered, and for how long.

import { beforeEach, describe, expect, test } from "vitest";
import { TOKEN_ALGORITHMS } from "../../../dataplane/contract/token-algorithms.ts";
import { type Claims, type TokenCredentials, TokenIndex } from "../../../dataplane/identify/token-credentials.ts";
import { TokenRule } from "../../../dataplane/identify/token-rule.ts";
import { createTokenVerifier, TokenProblem, type TokenVerifier } from "../../../dataplane/identify/token-verifier.ts";
import { createFakeClock, type FakeClock } from "../../helpers/clock.ts";
import { encoded, macToken, makeTokenKey, signToken, type TokenKey } from "../../helpers/tokens.ts";

const ISSUER = "https://idp.example";
const JWKS = "https://idp.example/keys";
const EC = makeTokenKey("P-256", "ec");
const RSA = makeTokenKey("RSA", "rsa");

interface Who {
  readonly name: string;
  readonly demand: {
    readonly issuer: string;
    readonly audience: string;
    readonly claims: { name: string; value: string }[];
  };
}

/** Credentials of one namespace, "ai". */
class Credentials implements TokenCredentials<Who> {
  generation = 0;
  readonly #index = new TokenIndex<Who>((a, b) => (a.name < b.name ? -1 : 1));

  add(name: string, claims = [{ name: "sub", value: name }], audience = "ai"): Who {
    const who = { name, demand: { issuer: ISSUER, audience, claims } };
    this.generation += 1;
    this.#index.add(who, who.demand);
    return who;
  }

  remove(who: Who): void {
    this.generation += 1;
    this.#index.remove(who, who.demand);
  }

  hasIssuer(namespace: string, issuer: string): boolean {
    return namespace === "ai" && this.#index.hasIssuer(issuer);
  }

  find(namespace: string, claims: Claims): Who | undefined {
    return namespace === "ai" ? this.#index.find(claims) : undefined;
  }
}

const RULE = { header: "authorization", algorithms: [...TOKEN_ALGORITHMS], clockSkewMs: 30_000, hideCredentials: true };
const ruleOf = (parts: Partial<ConstructorParameters<typeof TokenRule>[1]> = {}): TokenRule =>
  new TokenRule("ai", { ...RULE, issuers: [{ issuer: ISSUER, jwksUri: JWKS }], ...parts });

let wall: FakeClock;
let steady: FakeClock;
let published: readonly TokenKey[];
let isAway: boolean;
let asked: string[];
let credentials: Credentials;
let alice: Who;
let verifier: TokenVerifier<Who>;
let rule: TokenRule;

beforeEach(() => {
  wall = createFakeClock();
  steady = createFakeClock(0);
  published = [EC, RSA];
  isAway = false;
  asked = [];
  credentials = new Credentials();
  alice = credentials.add("alice");
  rule = ruleOf();
  verifier = createTokenVerifier({
    fetchDocument: (url, done) => {
      asked.push(url);
      const document = { keys: published.map(({ jwk }) => jwk) };
      queueMicrotask(() => {
        done(isAway ? { problem: "connection refused" } : { document });
      });
    },
    clockMs: steady.nowMs,
    nowMs: wall.nowMs,
    fetched: () => undefined,
  });
});

const seconds = (): number => wall.nowMs() / 1000;
const payloadOf = (claims: Claims = {}): Claims => ({
  iss: ISSUER,
  aud: "ai",
  sub: "alice",
  exp: seconds() + 300,
  ...claims,
});
const ecToken = (claims: Claims = {}, header: Claims = {}): string =>
  signToken(EC, { header: { alg: "ES256", ...header }, payload: payloadOf(claims) });

/** Who it is, or "reason: message"; "now" when it was said without waiting. */
async function verify(token: string, by = rule): Promise<string> {
  const outcome = await new Promise<Who | TokenProblem>((resolve) => {
    const now = verifier.verify({ rule: by, token, credentials }, resolve);
    if (now !== undefined) resolve(now);
  });
  return outcome instanceof TokenProblem ? `${outcome.reason}: ${outcome.message}` : outcome.name;
}

test("[unit] a token of a known issuer for a known consumer identifies it", async () => {
  expect(await verify(ecToken())).toBe("alice");
  expect(await verify(signToken(RSA, { header: { alg: "PS384" }, payload: payloadOf() }))).toBe("alice");
  expect(asked).toEqual([JWKS]);
});

describe("refused", () => {
  const row = (name: string, token: () => string, says: string) => ({ name, token, says });
  const SIGNATURE = "invalid: The token's signature does not verify.";
  const NO_KEY = "invalid: The token's issuer has no such key.";
  const EARLY = "invalid: The token is not valid yet (nbf, iat).";
  const UNREAD = "malformed: The token cannot be read: its algorithm is none that is understood.";
  const NOBODY =
    "unknown: The token is valid, but no Consumer of this route has a credential that its issuer, audience and claims fit.";
  const pem = RSA.privateKey.export({ format: "pem", type: "pkcs8" });
  const parts = (header: Claims, claims: Claims = {}) => ({ header, payload: payloadOf(claims) });
  test.for([
    row("another key's signature", () => signToken(makeTokenKey("P-256", "ec"), parts({ alg: "ES256" })), SIGNATURE),
    row(
      "changed claims",
      () => {
        const [, , signature = ""] = ecToken().split(".");
        return `${encoded(parts({ alg: "ES256", kid: "ec" }, { sub: "root" }))}.${signature}`;
      },
      SIGNATURE,
    ),
    row("no signature, alg none", () => `${encoded(parts({ alg: "none" }))}.AA`, UNREAD),
    row(
      "a MAC with the public key",
      () => macToken(JSON.stringify(RSA.jwk), parts({ alg: "HS256", kid: "rsa" })),
      UNREAD,
    ),
    row("a MAC called RS256", () => macToken(String(pem), parts({ alg: "RS256", kid: "rsa" })), SIGNATURE),
    row("an EC key's id with an RSA algorithm", () => macToken("x", parts({ alg: "RS256", kid: "ec" })), NO_KEY),
    row("an RSA key's id with an EC algorithm", () => signToken(EC, parts({ alg: "ES256", kid: "rsa" })), NO_KEY),
    row(
      "a key that is brought along",
      () => {
        const own = makeTokenKey("P-256", "own");
        return signToken(
          own,
          parts({ alg: "ES256", jwk: own.jwk, jku: "https://evil.example/keys", x5u: "https://evil.example" }),
        );
      },
      NO_KEY,
    ),
    row("the end, 30 s ago", () => ecToken({ exp: seconds() - 30 }), "expired: The token has expired."),
    row("a beginning in 31 s", () => ecToken({ nbf: seconds() + 31 }), EARLY),
    row("a birth in 31 s", () => ecToken({ iat: seconds() + 31 }), EARLY),
    row(
      "another issuer",
      () => ecToken({ iss: "https://evil.example" }),
      "unknown: The token's issuer is not known on this route.",
    ),
    row(
      "the issuer with a slash",
      () => ecToken({ iss: `${ISSUER}/` }),
      "unknown: The token's issuer is not known on this route.",
    ),
    row("another audience", () => ecToken({ aud: "other" }), NOBODY),
    row("nobody's subject", () => ecToken({ sub: "mallory" }), NOBODY),
  ])("[unit] $name", async ({ token, says }) => {
    const text = token();
    expect(await verify(text)).toBe(says);
    expect(asked.filter((url) => url !== JWKS)).toEqual([]);
    expect(says).not.toMatch(/mallory|evil|alice/);
  });
});

test("[unit] times are judged with the clocks' difference that the route allows", async () => {
  const tokens = [ecToken({ exp: seconds() - 29 }), ecToken({ nbf: seconds() + 30 }), ecToken({ iat: seconds() + 30 })];
  for (const token of tokens) expect(await verify(token)).toBe("alice");
  const strict = ruleOf({ clockSkewMs: 0 });
  expect(await verify(ecToken({ exp: seconds() - 1 }), strict)).toContain("expired");
  expect(await verify(ecToken({ nbf: seconds() + 1 }), strict)).toContain("not valid yet");
});

test("[unit] a route may accept some algorithms and issuers only", async () => {
  expect(await verify(ecToken(), ruleOf({ algorithms: ["RS256"] }))).toBe(
    "invalid: The token's algorithm is not accepted on this route.",
  );
  const elsewhere = ruleOf({ issuers: [{ issuer: "https://other.example", jwksUri: JWKS }] });
  expect(await verify(ecToken(), elsewhere)).toBe("unknown: The token's issuer is not known on this route.");
  expect(asked).toEqual([]);
});

test("[unit] without a key id the issuer's only key of the kind is taken", async () => {
  const nameless = { ...EC, id: undefined };
  const token = signToken(nameless, { header: { alg: "ES256" }, payload: payloadOf() });
  expect(await verify(token)).toBe("alice");
  published = [EC, makeTokenKey("P-256", "another")];
  steady.advance(600_000);
  await verify(ecToken({ jti: "1" }));
  await Promise.resolve();
  expect(await verify(signToken(nameless, { header: { alg: "ES256" }, payload: payloadOf({ jti: "2" }) }))).toContain(
    "no such key",
  );
});

describe("remembered", () => {
  test("[unit] a token is said at once the next time, until it expires", async () => {
    const token = ecToken();
    expect(await verify(token)).toBe("alice");
    const late = (): never => {
      throw new Error("it waited");
    };
    expect(verifier.verify({ rule, token, credentials }, late)).toBe(alice);
    wall.advance(329_999);
    expect(verifier.verify({ rule, token, credentials }, late)).toBe(alice);
    wall.advance(1);
    expect(await verify(token)).toBe("expired: The token has expired.");
  });

  test("[unit] not by another rule: what one route accepts another may not", async () => {
    const token = ecToken();
    expect(await verify(token)).toBe("alice");
    expect(await verify(token, ruleOf({ algorithms: ["EdDSA"] }))).toContain("algorithm is not accepted");
  });

  test("[unit] a consumer that is gone is found no more, and one that asks for more takes over", async () => {
    const token = ecToken({ team: "red" });
    expect(await verify(token)).toBe("alice");
    const red = credentials.add("red", [
      { name: "team", value: "red" },
      { name: "sub", value: "alice" },
    ]);
    expect(await verify(token)).toBe("red");
    credentials.remove(red);
    expect(await verify(token)).toBe("alice");
    credentials.remove(alice);
    expect(await verify(token)).toContain("no Consumer");
    expect(asked).toEqual([JWKS]);
  });

  test("[unit] a key that its issuer withdraws takes its tokens with it", async () => {
    const token = ecToken();
    expect(await verify(token)).toBe("alice");
    published = [RSA];
    steady.advance(600_000);
    expect(await verify(token)).toBe("alice"); // fetched again in the background
    await Promise.resolve();
    expect(await verify(token)).toBe("invalid: The token's issuer has no such key.");
  });
});

describe("while an issuer is away", () => {
  test("[unit] its tokens cannot be judged, and are once it is back", async () => {
    isAway = true;
    expect(await verify(ecToken())).toBe(
      "unavailable: The keys of the token's issuer cannot be fetched at the moment.",
    );
    isAway = false;
    expect(await verify(ecToken())).toContain("unavailable");
    steady.advance(2_000);
    expect(await verify(ecToken())).toBe("alice");
  });

  test("[unit] new and remembered tokens of its known keys go on working", async () => {
    const token = ecToken();
    await verify(token);
    isAway = true;
    steady.advance(3_600_000);
    expect(await verify(token)).toBe("alice");
    await Promise.resolve();
    expect(await verify(ecToken({ jti: "new" }))).toBe("alice");
    steady.advance(24 * 3_600_000);
    await verify(token);
    await Promise.resolve();
    expect(await verify(token)).toContain("unavailable");
  });
});

test("[unit] keys that rotate are found when the first token names one, without an error between", async () => {
  expect(await verify(ecToken())).toBe("alice");
  const next = makeTokenKey("P-256", "next");
  published = [EC, next];
  steady.advance(10_000);
  const tokens = Array.from({ length: 5 }, (_, i) =>
    signToken(next, { header: { alg: "ES256" }, payload: payloadOf({ jti: String(i) }) }),
  );
  expect(await Promise.all(tokens.map((token) => verify(token)))).toEqual(Array(5).fill("alice"));
  expect(asked).toHaveLength(2);
});
