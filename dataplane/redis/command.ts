// One Redis command with a plain callback. ioredis settles promises, which run later than the reply and, for scripts, later
// than replies that came after it. Here a callback runs while the reply is read, so callbacks keep the connection's order:
// the accounting of unacknowledged charges rests on that. Replies come raw: integers as numbers, strings as Buffers.

import { createHash } from "node:crypto";
import { Command } from "ioredis";

/** Called exactly once per command. Must not throw. */
export type Reply = (reply: CommandReply) => void;

export type CommandReply =
  | { readonly kind: "value"; readonly value: unknown }
  /** "answered": Redis refused this command. "lost": no answer came; whether the command ran is not known. */
  | { readonly kind: "failure"; readonly error: Error; readonly cause: "answered" | "lost" };

export function createCommand(name: string, args: string[], reply: Reply): Command {
  return withReply(new Command(name, args), reply);
}

export interface LoadedScript {
  readonly text: string;
  readonly sha: string;
  /** Connections that hold the script, by socket. */
  readonly sockets: WeakSet<object>;
}

export function createLoadedScript(text: string): LoadedScript {
  return { text, sha: createHash("sha1").update(text).digest("hex"), sockets: new WeakSet() };
}

export interface ScriptCall {
  readonly script: LoadedScript;
  readonly keys: readonly string[];
  readonly args: readonly string[];
}

/**
 * The first call on a connection sends the text (EVAL, which also loads it), later ones its digest. A server that has
 * forgotten it meanwhile answers NOSCRIPT, which reaches the caller as a failure; the next call sends the text again.
 */
export function createScriptCommand(call: ScriptCall, reply: Reply): Command {
  return withReply(new ScriptCommand(call), reply);
}

export function isNoScript(reply: CommandReply): boolean {
  return reply.kind === "failure" && reply.error.message.startsWith("NOSCRIPT");
}

class ScriptCommand extends Command {
  readonly #script: LoadedScript;
  #socket: object | undefined;

  constructor({ script, keys, args }: ScriptCall) {
    super("evalsha", [script.sha, String(keys.length), ...keys, ...args]);
    this.#script = script;
  }

  /** The connection is known only here: a redirected command is written a second time, to another one. */
  override toWritable(socket: object): string | Buffer {
    const { sockets, sha, text } = this.#script;
    const isLoaded = sockets.has(socket);
    this.name = isLoaded ? "evalsha" : "eval";
    this.args[0] = isLoaded ? sha : text;
    this.#socket = socket;
    sockets.add(socket);
    return super.toWritable(socket);
  }

  /** The server at the other end does not hold the script after all. */
  forget(): void {
    if (this.#socket !== undefined) this.#script.sockets.delete(this.#socket);
  }
}

function withReply(command: Command, reply: Reply): Command {
  command.resolve = (value: unknown) => {
    reply({ kind: "value", value });
  };
  command.reject = (error: Error) => {
    const failure: CommandReply = { kind: "failure", error, cause: error.name === "ReplyError" ? "answered" : "lost" };
    if (command instanceof ScriptCommand && isNoScript(failure)) command.forget();
    reply(failure);
  };
  return command;
}
