// Word of changes, by Redis's publish and subscribe, over a connection of its own. Best effort: whoever listens also looks
// by itself now and then. Knows when word may have been missed.

import { Cluster, type Redis } from "ioredis";
import { changeChannel, changeChannels } from "../../contract/published.ts";

export interface ChangeFeedOptions {
  /** From connection.ts, not connected; the feed owns it. */
  readonly client: Redis | Cluster;
  readonly prefix: string;
  /** Undefined: all. */
  readonly namespaces: readonly string[] | undefined;
  /** The namespace has changed. */
  readonly changed: (namespace: string) => void;
  /** It listens from now on; before, word may have been missed. */
  readonly listening: () => void;
  readonly failed: (error: Error) => void;
}

export interface ChangeFeed {
  /** Asks the server for a sign of life, so that a dead connection is found and made anew. */
  check(): void;
  close(): void;
}

export function openChangeFeed(options: ChangeFeedOptions): ChangeFeed {
  const { client, prefix, namespaces, changed, listening, failed } = options;
  const start = changeChannel(prefix, "");
  const heard = (channel: string): void => {
    if (channel.startsWith(start)) changed(channel.slice(start.length));
  };
  client.on("message", heard);
  client.on("pmessage", (_pattern: string, channel: string) => {
    heard(channel);
  });
  client.on("ready", () => {
    const subscribed =
      namespaces === undefined
        ? client.psubscribe(changeChannels(prefix))
        : client.subscribe(...namespaces.map((namespace) => changeChannel(prefix, namespace)));
    subscribed.then(listening, failed);
  });
  // Failures reach the client's error listener, and it goes on trying.
  client.connect().catch(() => {});
  return {
    check() {
      // A cluster's subscriber is one of ioredis's own, which it replaces by itself when it breaks.
      if (client instanceof Cluster || client.status !== "ready") return;
      client.ping().catch(() => {}); // a connection that stays silent is closed by its time-out, and made anew
    },
    close() {
      client.disconnect();
    },
  };
}
