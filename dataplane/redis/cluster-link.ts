// A cluster, spoken to through ioredis: it follows slots and redirections, and a command knows its connection only when it
// is written. Knows nothing of counters.

import { type Cluster, Command as ClusterCommand, type Redis } from "ioredis";
import { sequenceKey, TAG_COUNT } from "../contract/keys.ts";
import { type Command, isNoScript, type LoadedScript, lost, refused } from "./command.ts";
import type { Link, LinkListener } from "./link.ts";
import { RespError, type RespValue } from "./resp-parser.ts";

interface Socket {
  cork(): void;
  uncork(): void;
}

/** A redirected command is written to another connection than the one it was meant for, so each connection gathers its own. */
export class ClusterLink implements Link {
  readonly #client: Cluster;
  readonly #slots: readonly number[];
  readonly #loaded = new Map<LoadedScript, WeakSet<object>>();
  #corked: Socket[] = [];

  constructor(client: Cluster) {
    this.#client = client;
    this.#slots = Array.from({ length: TAG_COUNT }, (_, tag) =>
      new ClusterCommand("get", [sequenceKey("", tag, "")]).getSlot(),
    );
  }

  isReady(): boolean {
    return this.#client.status === "ready";
  }

  laneOf(tag: number): string {
    return this.#client.slots[this.#slots[tag] ?? 0]?.[0] ?? "";
  }

  send(command: Command): void {
    this.#client.sendCommand(this.#translate(command));
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

  #translate(command: Command): ClusterCommand {
    const { name, script, keys, args, reply } = command;
    const translated =
      script === undefined
        ? new ClusterCommand(name, [...args])
        : new ScriptCommand({
            script,
            args: [String(keys.length), ...keys, ...args],
            sockets: this.#socketsOf(script),
          });
    // ioredis settles promises, which run later than the reply and, for scripts, later than replies that came after it.
    translated.resolve = (value: unknown) => {
      reply({ kind: "value", value: toRespValue(value) });
    };
    translated.reject = (error: Error) => {
      const failure = error.name === "ReplyError" ? refused(error) : lost(error);
      if (translated instanceof ScriptCommand && isNoScript(failure)) translated.forget();
      reply(failure);
    };
    return translated;
  }

  /** Connections that hold the script. */
  #socketsOf(script: LoadedScript): WeakSet<object> {
    const known = this.#loaded.get(script);
    if (known !== undefined) return known;
    const sockets = new WeakSet<object>();
    this.#loaded.set(script, sockets);
    return sockets;
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

interface ScriptParts {
  readonly script: LoadedScript;
  readonly args: readonly string[];
  readonly sockets: WeakSet<object>;
}

class ScriptCommand extends ClusterCommand {
  readonly #parts: ScriptParts;
  #socket: object | undefined;

  constructor(parts: ScriptParts) {
    super("evalsha", [parts.script.sha, ...parts.args]);
    this.#parts = parts;
  }

  /** The connection is known only here: a redirected command is written a second time, to another one. */
  override toWritable(socket: object): string | Buffer {
    const { script, sockets } = this.#parts;
    const isLoaded = sockets.has(socket);
    this.name = isLoaded ? "evalsha" : "eval";
    this.args[0] = isLoaded ? script.sha : script.text;
    this.#socket = socket;
    sockets.add(socket);
    return super.toWritable(socket);
  }

  /** The server at the other end does not hold the script after all. */
  forget(): void {
    if (this.#socket !== undefined) this.#parts.sockets.delete(this.#socket);
  }
}

/** What ioredis reads as a Buffer is text here; what the store never asks for is null. */
function toRespValue(value: unknown): RespValue {
  if (Buffer.isBuffer(value)) return value.toString("latin1");
  if (Array.isArray(value)) return value.map(toRespValue);
  if (value instanceof Error) return new RespError(value.message);
  return typeof value === "number" || typeof value === "string" ? value : null;
}
