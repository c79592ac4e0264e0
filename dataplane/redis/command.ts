// One Redis command with a plain callback, apart from how a connection writes it. A callback runs while the reply is read,
// so callbacks keep the connection's order: the accounting of unacknowledged charges rests on that.

import { createHash } from "node:crypto";
import type { RespValue } from "./resp-parser.ts";

/** Called exactly once per command. Must not throw. */
export type Reply = (reply: CommandReply) => void;

export type CommandReply =
  | { readonly kind: "value"; readonly value: RespValue }
  /** "answered": Redis refused this command. "lost": no answer came; whether the command ran is not known. */
  | { readonly kind: "failure"; readonly error: Error; readonly cause: "answered" | "lost" };

export interface Command {
  /** Lower case. For a script "evalsha"; a connection that has not sent the script's text yet sends that instead. */
  readonly name: string;
  readonly script: LoadedScript | undefined;
  /** Of a script, which is told how many; of other commands keys are arguments. */
  readonly keys: readonly string[];
  readonly args: readonly string[];
  readonly reply: Reply;
}

const NO_KEYS: readonly string[] = [];

export function createCommand(name: string, args: readonly string[], reply: Reply): Command {
  return { name, script: undefined, keys: NO_KEYS, args, reply };
}

export interface LoadedScript {
  readonly text: string;
  readonly sha: string;
}

export function createLoadedScript(text: string): LoadedScript {
  return { text, sha: createHash("sha1").update(text).digest("hex") };
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
export function createScriptCommand({ script, keys, args }: ScriptCall, reply: Reply): Command {
  return { name: "evalsha", script, keys, args, reply };
}

export function isNoScript(reply: CommandReply): boolean {
  return reply.kind === "failure" && reply.error.message.startsWith("NOSCRIPT");
}

export function lost(error: Error): CommandReply {
  return { kind: "failure", error, cause: "lost" };
}

export function refused(error: Error): CommandReply {
  return { kind: "failure", error, cause: "answered" };
}
