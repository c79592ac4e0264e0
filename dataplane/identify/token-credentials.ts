// Whom a token identifies: credentials by what they ask of a token. Knows no signatures: the claims are proven before they
// come here.

/** What a credential asks of a token. */
export interface TokenDemand {
  readonly issuer: string;
  readonly audience: string;
  /** At least one; all must hold. */
  readonly claims: readonly DemandedClaim[];
}

export interface DemandedClaim {
  readonly name: string;
  readonly value: string;
}

/** A token's claims as parsed. */
export type Claims = Readonly<Record<string, unknown>>;

/** By what tokens are recognised in a namespace: its own credentials first, then those of the system namespace. */
export interface TokenCredentials<C> {
  /** Another number after each change that could give a token to somebody else. */
  readonly generation: number;
  hasIssuer(namespace: string, issuer: string): boolean;
  /** Undefined when the claims fit no credential. */
  find(namespace: string, claims: Claims): C | undefined;
}

export interface Demanding {
  readonly demand: TokenDemand | undefined;
}

/** Credentials of one issuer, by one claim of each: by the one whose list was shortest when it came. */
type ByClaim<C> = Map<string, Map<string, C[]>>;

/** Those of one namespace. `compare` tells which of two comes first when a token fits both and they ask for equally much. */
export class TokenIndex<C extends Demanding> {
  readonly #issuers = new Map<string, ByClaim<C>>();
  readonly #compare: (a: C, b: C) => number;

  constructor(compare: (a: C, b: C) => number) {
    this.#compare = compare;
  }

  hasIssuer(issuer: string): boolean {
    return this.#issuers.has(issuer);
  }

  add(credential: C, { issuer, claims }: TokenDemand): void {
    const byClaim: ByClaim<C> = this.#issuers.get(issuer) ?? new Map<string, Map<string, C[]>>();
    this.#issuers.set(issuer, byClaim);
    const sizeOf = ({ name, value }: DemandedClaim): number => byClaim.get(name)?.get(value)?.length ?? 0;
    const [first, ...others] = claims;
    if (first === undefined) return;
    const { name, value } = others.reduce((best, claim) => (sizeOf(claim) < sizeOf(best) ? claim : best), first);
    const byValue = byClaim.get(name) ?? new Map<string, C[]>();
    byClaim.set(name, byValue);
    const list = byValue.get(value);
    if (list === undefined) byValue.set(value, [credential]);
    else list.push(credential);
  }

  remove(credential: C, { issuer, claims }: TokenDemand): void {
    const byClaim = this.#issuers.get(issuer);
    if (byClaim === undefined) return;
    for (const claim of claims) removeFrom(byClaim, claim, credential);
    if (byClaim.size === 0) this.#issuers.delete(issuer);
  }

  /** Of those that fit, the one that asks for most claims. */
  find(claims: Claims): C | undefined {
    const [issuer] = textsOf(claims, "iss");
    const byClaim = issuer === undefined ? undefined : this.#issuers.get(issuer);
    let best: C | undefined;
    for (const [name, byValue] of byClaim ?? []) {
      const near = textsOf(claims, name).flatMap((text) => byValue.get(text) ?? []);
      for (const one of near) if (fits(one.demand, claims) && this.#isBetter(one, best)) best = one;
    }
    return best;
  }

  #isBetter(credential: C, than: C | undefined): boolean {
    if (than === undefined) return true;
    const more = sizeOf(credential) - sizeOf(than);
    return more > 0 || (more === 0 && this.#compare(credential, than) < 0);
  }
}

/** A credential stands under one of its claims. */
function removeFrom<C>(byClaim: ByClaim<C>, { name, value }: DemandedClaim, credential: C): void {
  const byValue = byClaim.get(name);
  const list = byValue?.get(value) ?? [];
  const at = list.indexOf(credential);
  if (byValue === undefined || at < 0) return;
  list.splice(at, 1);
  if (list.length === 0) byValue.delete(value);
  if (byValue.size === 0) byClaim.delete(name);
}

function sizeOf({ demand }: Demanding): number {
  return demand?.claims.length ?? 0;
}

/** The issuer has been compared already. */
function fits(demand: TokenDemand | undefined, claims: Claims): boolean {
  if (demand === undefined || !textsOf(claims, "aud").includes(demand.audience)) return false;
  return demand.claims.every(({ name, value }) => textsOf(claims, name).includes(value));
}

/** A claim as the texts that a demand may name: its own, or those of its list. Numbers and booleans as JSON writes them. */
function textsOf(claims: Claims, name: string): readonly string[] {
  // Nothing that objects have by themselves is a claim.
  const claim = Object.hasOwn(claims, name) ? claims[name] : undefined;
  if (!Array.isArray(claim)) return textOf(claim);
  return claim.flatMap((entry: unknown) => textOf(entry));
}

function textOf(value: unknown): readonly string[] {
  if (typeof value === "string") return [value];
  return typeof value === "number" || typeof value === "boolean" ? [String(value)] : [];
}
