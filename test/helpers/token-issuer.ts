// An identity provider on loopback: publishes its discovery document and its keys, and signs tokens with the newest.

import type { ServerResponse } from "node:http";
import { startScriptedUpstream } from "./scripted-upstream.ts";
import { makeTokenKey, signToken, type TokenKey } from "./tokens.ts";

export interface TokenIssuer {
  /** Its name, as tokens and configuration have it. */
  readonly issuer: string;
  readonly jwksUri: string;
  /** What it was asked for, in order. */
  readonly asked: string[];
  /** Of this issuer, for audience "ai", valid for five minutes around now; `header` may name another algorithm. */
  token(claims?: Readonly<Record<string, unknown>>, header?: Readonly<Record<string, unknown>>): string;
  /** Publishes these keys from now on, and signs with the last. */
  publish(...keys: readonly TokenKey[]): void;
  /** Answers requests in its place; undefined: it answers again. */
  useScript(script: ((path: string, res: ServerResponse) => void) | undefined): void;
  close(): Promise<void>;
}

export interface TokenIssuerOptions {
  readonly keys?: readonly TokenKey[];
  /** Epoch milliseconds. */
  readonly nowMs?: () => number;
}

export async function startTokenIssuer(options: TokenIssuerOptions = {}): Promise<TokenIssuer> {
  const { nowMs = () => Date.now() } = options;
  let keys = options.keys ?? [makeTokenKey("P-256", "first", { alg: "ES256", use: "sig" })];
  let script: ((path: string, res: ServerResponse) => void) | undefined;
  const asked: string[] = [];
  const server = await startScriptedUpstream(({ url }, res) => {
    asked.push(url);
    if (script !== undefined) {
      script(url, res);
      return;
    }
    const issuer = server.origin;
    if (url === "/.well-known/openid-configuration") tell(res, { issuer, jwks_uri: `${issuer}/keys` });
    else if (url === "/keys") tell(res, { keys: keys.map(({ jwk }) => jwk) });
    else res.writeHead(404).end();
  });
  return {
    issuer: server.origin,
    jwksUri: `${server.origin}/keys`,
    asked,
    token(claims = {}, header = {}) {
      const seconds = Math.floor(nowMs() / 1000);
      const payload = { iss: server.origin, aud: "ai", sub: "alice", iat: seconds, exp: seconds + 300, ...claims };
      const key = keys.at(-1);
      if (key === undefined) throw new Error("the issuer has no key to sign with");
      return signToken(key, { header: { alg: key.jwk["alg"] ?? "ES256", typ: "JWT", ...header }, payload });
    },
    publish(...published) {
      keys = published;
    },
    useScript(next) {
      script = next;
    },
    close: () => server.close(),
  };
}

export function tell(res: ServerResponse, document: unknown): void {
  const body = JSON.stringify(document);
  res.writeHead(200, { "content-type": "application/json", "content-length": Buffer.byteLength(body) });
  res.end(body);
}
