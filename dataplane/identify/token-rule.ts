// What a route asks of tokens, ready for use.

import type { CompiledRoute } from "../contract/compiled.ts";

type CompiledJwt = Extract<CompiledRoute["authentication"], { type: "JWT" }>["jwt"];

export class TokenRule {
  readonly namespace: string;
  /** Lower case. */
  readonly header: string;
  readonly clockSkewMs: number;
  /** The URL of each issuer's keys, undefined where it is to be found out. Absent: every issuer that a credential names. */
  readonly issuers: ReadonlyMap<string, string | undefined> | undefined;
  readonly algorithms: ReadonlySet<string>;

  /** `namespace`: of the route. */
  constructor(namespace: string, { header, clockSkewMs, issuers, algorithms }: CompiledJwt) {
    this.namespace = namespace;
    this.header = header;
    this.clockSkewMs = clockSkewMs;
    this.issuers = issuers && new Map(issuers.map(({ issuer, jwksUri }) => [issuer, jwksUri]));
    this.algorithms = new Set(algorithms);
  }
}
