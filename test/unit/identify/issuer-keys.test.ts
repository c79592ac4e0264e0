// When an issuer's keys are fetched, how often, and what serves while they cannot be.

import { beforeEach, describe, expect, test } from "vitest";
import { type FetchedDocument, IssuerKeys, type KeyLookup } from "../../../dataplane/identify/issuer-keys.ts";
import { createFakeClock, type FakeClock } from "../../helpers/clock.ts";
import { makeTokenKey, type TokenKey } from "../../helpers/tokens.ts";

const ISSUER = "https://idp.example";
const DISCOVERY = `${ISSUER}/.well-known/openid-configuration`;
const FIRST = makeTokenKey("P-256", "first");
const SECOND = makeTokenKey("P-256", "second");
const HOUR = 3_600_000;

let clock: FakeClock;
let asked: string[];
let told: (string | undefined)[];
/** What is being fetched, in order. */
let open: ((result: FetchedDocument) => void)[];
let keys: IssuerKeys;

function create(jwksUri: string | undefined, issuer = ISSUER): IssuerKeys {
  return new IssuerKeys(
    { issuer, jwksUri },
    {
      fetchDocument: (url, done) => {
        asked.push(url);
        open.push(done);
      },
      clockMs: clock.nowMs,
      fetched: (_, problem) => void told.push(problem),
    },
  );
}

beforeEach(() => {
  clock = createFakeClock(0);
  [asked, told, open] = [[], [], []];
  keys = create(`${ISSUER}/keys`);
});

function answer(result: FetchedDocument): void {
  const done = open.shift();
  if (done === undefined) throw new Error("nothing is being fetched");
  done(result);
}

const publishes = (...published: readonly TokenKey[]): FetchedDocument => ({
  document: { keys: published.map(({ jwk }) => jwk) },
});

const look = (keyId?: string): KeyLookup => keys.look("ES256", keyId);
const kindOf = (lookup: KeyLookup): string => (typeof lookup === "string" ? lookup : `key ${String(lookup.id)}`);

describe("where keys come from", () => {
  test.for([ISSUER, `${ISSUER}/`])("[unit] of %s they are where its discovery document says", (issuer) => {
    keys = create(undefined, issuer);
    expect(look("first")).toBe("wait");
    answer({ document: { issuer, jwks_uri: "https://keys.example/jwks?v=1" } });
    answer(publishes(FIRST));
    expect(asked).toEqual([DISCOVERY, "https://keys.example/jwks?v=1"]);
    expect(kindOf(look("first"))).toBe("key first");
  });

  const row = (name: string, document: unknown, problem: string) => ({ name, document, problem });
  test.for([
    row(
      "of another issuer",
      { issuer: "https://evil.example", jwks_uri: `${ISSUER}/k` },
      "the document is of another issuer",
    ),
    row("without jwks_uri", { issuer: ISSUER }, "jwks_uri is no https URL"),
    row(
      "whose keys anyone could exchange",
      { issuer: ISSUER, jwks_uri: "http://idp.example/k" },
      "jwks_uri is no https URL",
    ),
    row("with a password in it", { issuer: ISSUER, jwks_uri: "https://a:b@idp.example/k" }, "jwks_uri is no https URL"),
    row("that leads to a file", { issuer: ISSUER, jwks_uri: "file:///etc/passwd" }, "jwks_uri is no https URL"),
    row("that is a list", [], "found no JSON object"),
  ])("[unit] a discovery document $name leads nowhere", ({ document, problem }) => {
    keys = create(undefined);
    expect(look("first")).toBe("wait");
    answer({ document });
    expect(told).toEqual([`${DISCOVERY}: ${problem}`]);
    expect([look("first"), asked]).toEqual(["away", [DISCOVERY]]);
  });

  test("[unit] what is no key set is a failure, and so is a fetch that fails", () => {
    expect(look("first")).toBe("wait");
    answer({ document: { keys: "none" } });
    clock.advance(2_000);
    expect(look("first")).toBe("wait");
    answer({ problem: "found status 500, wanted 200" });
    expect(told).toEqual([`${ISSUER}/keys: found no JWK Set`, `${ISSUER}/keys: found status 500, wanted 200`]);
  });
});

describe("a key", () => {
  test("[unit] that is wanted by several at once is fetched once, and all are told", () => {
    const heard: string[] = [];
    for (const who of ["a", "b"]) {
      expect(look("first")).toBe("wait");
      keys.whenFetched(() => void heard.push(`${who} ${kindOf(look("first"))}`));
    }
    expect(asked).toHaveLength(1);
    answer(publishes(FIRST));
    expect(heard).toEqual(["a key first", "b key first"]);
  });

  test("[unit] without an id is the only one of its kind, or none", () => {
    look();
    answer(publishes(FIRST, makeTokenKey("RSA", "rsa")));
    expect(kindOf(look())).toBe("key first");
    clock.advance(10_000);
    expect(look("other")).toBe("wait");
    answer(publishes(FIRST, SECOND));
    expect(look()).toBe("unknown");
    expect(kindOf(look("second"))).toBe("key second");
  });

  test("[unit] that is unknown is looked for, at most every 10 s however many ask", () => {
    look("first");
    answer(publishes(FIRST));
    expect([look("second"), look("third")]).toEqual(["unknown", "unknown"]);
    clock.advance(10_000);
    expect(look("second")).toBe("wait");
    expect(kindOf(look("first"))).toBe("key first");
    answer(publishes(FIRST, SECOND));
    expect([kindOf(look("second")), look("third")]).toEqual(["key second", "unknown"]);
    expect(asked).toHaveLength(2);
  });

  test("[unit] that is no longer published serves no more, and says so to who remembers it", () => {
    look("first");
    answer(publishes(FIRST));
    const first = look("first");
    clock.advance(10_000);
    look("second");
    answer(publishes(SECOND));
    expect(look("first")).toBe("unknown");
    expect(typeof first === "string" ? undefined : first.isPublished).toBe(false);
  });
});

describe("as time passes", () => {
  test("[unit] keys in use are fetched again after ten minutes, while they go on serving", () => {
    look("first");
    answer(publishes(FIRST));
    clock.advance(600_000 - 1);
    expect([kindOf(look("first")), asked.length]).toEqual(["key first", 1]);
    clock.advance(1);
    expect([kindOf(look("first")), asked.length]).toEqual(["key first", 2]);
    answer(publishes(FIRST, SECOND));
    expect([kindOf(look("second")), asked.length]).toEqual(["key second", 2]);
  });

  test("[unit] an issuer that is away is asked every 10 s, its keys serve for a day and then no longer", () => {
    look("first");
    answer(publishes(FIRST));
    const first = look("first");
    clock.advance(HOUR);
    for (let i = 0; i < 3; i += 1) {
      keys.tend();
      keys.tend();
      answer({ problem: "connection refused" });
      expect([kindOf(look("first")), asked.length]).toEqual(["key first", 2 + i]);
      clock.advance(10_000);
    }
    clock.set(24 * HOUR);
    keys.tend();
    expect(typeof first === "string" ? undefined : first.isPublished).toBe(false);
    expect(look("first")).toBe("wait");
    answer({ problem: "connection refused" });
    expect(look("first")).toBe("away");
    clock.advance(2_000);
    expect(look("first")).toBe("wait");
    answer(publishes(FIRST));
    expect(kindOf(look("first"))).toBe("key first");
  });

  test("[unit] while there are no keys they are asked for every 2 s, and no more than 1000 wait", () => {
    for (let i = 0; i < 1_000; i += 1) {
      expect(look("first")).toBe("wait");
      keys.whenFetched(() => undefined);
    }
    expect(look("first")).toBe("away");
    answer({ problem: "connection refused" });
    expect([look("first"), asked.length]).toEqual(["away", 1]);
    clock.advance(2_000);
    expect([look("first"), asked.length]).toEqual(["wait", 2]);
  });
});
