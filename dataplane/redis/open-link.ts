// Picks the link for a client, and lets the client connect.

import { Cluster, type Redis } from "ioredis";
import { ClusterLink } from "./cluster-link.ts";
import type { Link } from "./link.ts";
import { ServerLink } from "./server-link.ts";

/** Connects at once if the client has not; a server that is missing is tried again for as long as it takes. */
export function openLink(client: Redis | Cluster): Link {
  const link = client instanceof Cluster ? new ClusterLink(client) : new ServerLink(client);
  // Both report failures through their error listener and go on trying; the promise adds nothing to that.
  if (client.status === "wait") client.connect().catch(() => {});
  return link;
}
