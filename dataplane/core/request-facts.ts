// What matching may know about one request. Pure data; proxy/ fills it, match.ts reads it.

export interface RequestFacts {
  readonly namespace: string;
  readonly route: string;
  /** Absent on routes without identification. */
  readonly consumer?: ConsumerFacts | undefined;
  /** The model that the client asked for; absent when the body names none or is malformed. */
  readonly model?: string | undefined;
  readonly backend: string;
  readonly provider: string;
  /** The client's address after trusted-proxy rules, as text ("192.0.2.7", "2001:db8::1"). */
  readonly clientIp: string;
  /** Value of a request header by lower-case name; several values joined by ", ". */
  header(name: string): string | undefined;
}

export interface ConsumerFacts {
  readonly namespace: string;
  readonly name: string;
  readonly username: string;
  /** Its own and those of its ancestors. */
  readonly groups: readonly string[];
  /** Names of the consumers that it belongs to, in its namespace: its parent, that one's parent. Absent: none. */
  readonly ancestors?: readonly string[] | undefined;
}
