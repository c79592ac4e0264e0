// What the store needs of a connection, alike for one server (or Sentinel) and for a cluster: which connection serves a
// slot tag, writes that leave together, and word of connections that came and went. Knows nothing of counters.

import { Cluster, Command, type Redis } from "ioredis";
import { sequenceKey, TAG_COUNT } from "../contract/keys.ts";

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

/** Connects at once if the client has not; a server that is missing is tried again for as long as it takes. */
export function createLink(client: Redis | Cluster): Link {
  const link = client instanceof Cluster ? new ClusterLink(client) : new ServerLink(client);
  // Both report failures through their error listener and go on trying; the promise adds nothing to that.
  if (client.status === "wait") client.connect().catch(() => {});
  return link;
}

type PipelineStream = Extract<Parameters<Redis["sendCommand"]>[1], { readonly isPipeline: true }>;

class ServerLink implements Link {
  readonly #client: Redis;
  #isCorked = false;
  #text = "";
  /** ioredis writes a pipeline's commands to such an object; one string is cheaper to send than a list of them. */
  readonly #gathering: PipelineStream;

  constructor(client: Redis) {
    this.#client = client;
    this.#gathering = {
      isPipeline: true,
      destination: { redis: client },
      write: (data) => {
        if (typeof data === "string") {
          this.#text += data;
        } else {
          this.#flush();
          client.stream.write(data);
        }
      },
    };
  }

  isReady(): boolean {
    return this.#client.status === "ready";
  }

  laneOf(): string {
    return "";
  }

  send(command: Command): void {
    if (this.#isCorked) this.#client.sendCommand(command, this.#gathering);
    else this.#client.sendCommand(command);
  }

  cork(): void {
    this.#isCorked = true;
  }

  uncork(): void {
    this.#isCorked = false;
    this.#flush();
  }

  #flush(): void {
    if (this.#text !== "") this.#client.stream.write(this.#text);
    this.#text = "";
  }

  drop(): void {
    if (this.isReady()) this.#client.stream.destroy();
  }

  listen(listener: LinkListener): void {
    this.#client.on("close", () => listener.lost(""));
    this.#client.on("ready", () => listener.changed());
  }

  close(): void {
    this.#client.disconnect();
  }
}

interface Socket {
  cork(): void;
  uncork(): void;
}

/** A redirected command is written to another connection than the one it was meant for, so each connection gathers its own. */
class ClusterLink implements Link {
  readonly #client: Cluster;
  readonly #slots: readonly number[];
  #corked: Socket[] = [];

  constructor(client: Cluster) {
    this.#client = client;
    this.#slots = Array.from({ length: TAG_COUNT }, (_, tag) =>
      new Command("get", [sequenceKey("", tag, "")]).getSlot(),
    );
  }

  isReady(): boolean {
    return this.#client.status === "ready";
  }

  laneOf(tag: number): string {
    return this.#client.slots[this.#slots[tag] ?? 0]?.[0] ?? "";
  }

  send(command: Command): void {
    this.#client.sendCommand(command);
  }

  cork(): void {
    for (const node of this.#client.nodes("master")) {
      if (node.status !== "ready") continue;
      node.stream.cork();
      this.#corked.push(node.stream);
    }
  }

  uncork(): void {
    for (const socket of this.#corked) socket.uncork();
    this.#corked = [];
  }

  drop(lane: string): void {
    this.#client
      .nodes()
      .find((node) => nodeKey(node) === lane && node.status === "ready")
      ?.stream.destroy();
  }

  listen(listener: LinkListener): void {
    this.#client.on("-node", (node: Redis) => listener.lost(nodeKey(node)));
    this.#client.on("ready", () => listener.changed());
    this.#client.on("refresh", () => listener.changed());
  }

  close(): void {
    this.#client.disconnect();
  }
}

function nodeKey(node: Redis): string {
  return `${node.options.host ?? ""}:${String(node.options.port ?? "")}`;
}
