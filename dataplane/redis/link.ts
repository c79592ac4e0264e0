// What the store needs of a connection, alike for one server (or Sentinel) and for a cluster: which connection serves a
// slot tag, writes that leave together, and word of connections that came and went. Knows nothing of counters.

import type { Command } from "./command.ts";

export interface LinkListener {
  /** The connection of this lane was lost: what it was sent is in doubt. */
  lost(lane: string): void;
  /** Connections are ready, or slots may have moved to other lanes. */
  changed(): void;
}

export interface Link {
  /** False when nothing can be sent at all. */
  isReady(): boolean;
  /** Names the connection that serves a tag: "" for one server, "host:port" of the master in a cluster. */
  laneOf(tag: number): string;
  send(command: Command): void;
  /** From here to `uncork`, what is sent is gathered into one write per connection. */
  cork(): void;
  uncork(): void;
  /** Closes a connection that does not answer; it comes back by itself. */
  drop(lane: string): void;
  listen(listener: LinkListener): void;
  close(): void;
}
