// What matching may know about one request. proxy/ fills it, match.ts reads it; what costs something is worked out when it
// is asked for, so that requests under plain limits do not pay for it.

export interface RequestFacts {
  readonly namespace: string;
  readonly route: string;
  /** Of the route; absent when it names none. */
  readonly service?: string | undefined;
  /** Absent on routes without identification. */
  readonly consumer?: ConsumerFacts | undefined;
  /** Name of the consumer's credential that was presented; absent when none was. */
  readonly credential?: string | undefined;
  /** The model that the client asked for; absent when the body names none or is malformed. */
  readonly model?: string | undefined;
  readonly backend: string;
  readonly provider: string;
  /** The client's address after trusted-proxy rules, as text ("192.0.2.7", "2001:db8::1"). */
  readonly clientIp: string;
  /** Asked for: lower case, without port; absent when the request names none. */
  readonly host?: string | undefined;
  /** As sent, from the root, without query. */
  readonly path: string;
  /** As sent, without "?". */
  readonly queryText: string;
  readonly method: string;
  /** Value of a request header by lower-case name; several values joined by ", ". */
  header(name: string): string | undefined;
  /** Decoded value of a query parameter; of several the first. */
  query(name: string): string | undefined;
}

export interface ConsumerFacts {
  readonly namespace: string;
  readonly name: string;
  readonly username: string;
  readonly customID?: string | undefined;
  /** Its own and those of its ancestors. */
  readonly groups: readonly string[];
  /** Names of the consumers that it belongs to, in its namespace: its parent, that one's parent. Absent: none. */
  readonly ancestors?: readonly string[] | undefined;
}
