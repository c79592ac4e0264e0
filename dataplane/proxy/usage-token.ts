// Whose usage is asked for by a token: it is read where the routes of this host read theirs, and identifies whom it
// identifies there.

import type { Identity, RouteRecord } from "../config/snapshot.ts";
import { presentedToken } from "../identify/credential.ts";
import type { TokenRule } from "../identify/token-rule.ts";
import { TokenProblem } from "../identify/token-verifier.ts";
import type { Exchange } from "./exchange.ts";
import type { IdentifyDeps } from "./identify-caller.ts";
import { identityOfToken, Unidentified } from "./identity.ts";

/** A route's rule, and the token that the request presents to it. */
interface Presentation {
  readonly rule: TokenRule;
  readonly token: string;
  readonly route: RouteRecord;
}

export interface TokenCaller {
  readonly identity: Identity;
  /** Those on which the token identifies the consumer. */
  readonly routes: readonly RouteRecord[];
}

/** Calls `done` once: undefined when no token is presented. Maybe later, and then not at all when the exchange has ended. */
export function findTokenCaller(
  exchange: Exchange,
  { routes, deps }: { readonly routes: readonly RouteRecord[]; readonly deps: IdentifyDeps },
  done: (found: TokenCaller | Unidentified | undefined) => void,
): void {
  const presentations = routes.flatMap((route) => presentationOf(route, exchange) ?? []);
  const { tokens: credentials } = exchange.config.snapshot;
  let problem: Unidentified | undefined;
  const judge = (outcome: Identity | TokenProblem): boolean => {
    const found = identityOfToken(outcome, deps.nowMs);
    if (found instanceof Unidentified) {
      problem = found;
      return false;
    }
    const isTheirs = ({ rule, token }: Presentation): boolean => {
      const other = deps.verifier.verify({ rule, token, credentials }, () => undefined);
      return other !== undefined && !(other instanceof TokenProblem) && other.consumer === found.consumer;
    };
    done({ identity: found, routes: presentations.filter(isTheirs).map(({ route }) => route) });
    return true;
  };
  const next = (index: number): void => {
    for (let i = index; i < presentations.length; i += 1) {
      const presentation = presentations[i];
      if (presentation === undefined) break;
      const { rule, token } = presentation;
      const outcome = deps.verifier.verify({ rule, token, credentials }, (late) => {
        if (!exchange.finished && !judge(late)) next(i + 1);
      });
      if (outcome === undefined || judge(outcome)) return;
    }
    done(problem);
  };
  next(0);
}

function presentationOf(route: RouteRecord, { headers }: Exchange): Presentation | undefined {
  const { tokens: rule, keys } = route.authentication ?? {};
  const presented = rule && presentedToken(rule.header, headers, keys);
  return rule === undefined || presented?.kind !== "key" ? undefined : { rule, token: presented.key, route };
}
