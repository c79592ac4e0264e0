// A configuration that follows a real Redis, with all that its source says, and no gateway around it.

import { type GatewayConfig, LiveConfig } from "../../dataplane/config/gateway-config.ts";
import type { RingFor } from "../../dataplane/contract/keyring.ts";
import { ConfigSource, type SourceIntervals } from "../../dataplane/redis/config/config-source.ts";
import { createRedisClient } from "../../dataplane/redis/connection.ts";

export interface FollowedConfig {
  readonly source: ConfigSource;
  readonly live: LiveConfig;
  config(): GatewayConfig;
  /** Display name of the consumer that a key identifies. */
  who(namespace: string, key: string): string | undefined;
  readonly reads: string[];
  readonly messages: string[];
  readonly followedMs: number[];
  readonly seen: { loaded: number; checked: number; rejected: number; schemaUnknown: number };
  close(): Promise<void>;
}

export interface FollowOptions {
  readonly url: string;
  /** Where the subscriber connects; default: the same. */
  readonly subscriberUrl?: string;
  readonly prefix: string;
  readonly ringFor: RingFor;
  readonly namespaces?: readonly string[];
  /** Default: a poll that does not come in a test's time, so that what is seen came by word. */
  readonly intervals?: Partial<SourceIntervals>;
}

export function follow(options: FollowOptions): FollowedConfig {
  const { url, subscriberUrl = url, prefix, ringFor, namespaces, intervals = { pollMs: 600_000 } } = options;
  const messages: string[] = [];
  const note = (details: object, message: string): void => void messages.push(`${message} ${JSON.stringify(details)}`);
  const live = new LiveConfig({ ringFor, systemNamespace: "system", prefix, onLocked: () => {} });
  const reads: string[] = [];
  const followedMs: number[] = [];
  const seen = { loaded: 0, checked: 0, rejected: 0, schemaUnknown: 0 };
  const connect = (to: string) => createRedisClient({ url: to, cluster: false }, () => {});
  const source = new ConfigSource({
    clients: { reader: connect(url), subscriber: connect(subscriberUrl) },
    prefix,
    namespaces,
    sink: { apply: (changes) => live.change(changes), names: (namespace) => live.names(namespace) },
    observe: {
      applied: (kind) => void reads.push(kind),
      loaded: () => {
        seen.loaded += 1;
      },
      checked: () => {
        seen.checked += 1;
      },
      rejected: () => {
        seen.rejected += 1;
      },
      schemaUnknown: (count) => {
        seen.schemaUnknown = count;
      },
      followed: (ms) => void followedMs.push(ms),
    },
    log: { info: note, warn: note, error: note },
    random: () => 0,
    intervals,
  });
  return {
    source,
    live,
    config: () => live.current(),
    who: (namespace, key) => live.current().snapshot.identify(namespace, key)?.consumer.displayName,
    reads,
    messages,
    followedMs,
    seen,
    close: () => source.close(),
  };
}
