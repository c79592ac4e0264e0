// Calls Redis: scripts by their digest, and nothing for longer than is bearable. Knows no key of ours.

import type { Cluster, Redis } from "ioredis";
import type { Script } from "./scripts.ts";
import type { Timers } from "./timers.ts";

export type RedisClient = Redis | Cluster;

export interface RedisCaller {
  /** Rejects when Redis refuses, is away or is silent; in the last two cases the command may have run, or run later. */
  command(name: string, ...args: readonly string[]): Promise<unknown>;
  script(script: Script, keys: readonly string[], args: readonly string[]): Promise<unknown>;
}

export interface CallerOptions {
  readonly redis: RedisClient;
  readonly timers: Timers;
  /** How long an answer is waited for. */
  readonly timeoutMs: number;
}

export function createRedisCaller({ redis, timers, timeoutMs }: CallerOptions): RedisCaller {
  function command(name: string, ...args: readonly string[]): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const cancel = timers.after(timeoutMs, () => {
        reject(new Error(`Redis gave no answer to ${name} within ${String(timeoutMs)} ms`));
      });
      redis
        .call(name, ...args)
        .then(resolve, reject)
        .finally(cancel);
    });
  }
  return {
    command,
    async script({ text, sha }, keys, args) {
      const rest = [String(keys.length), ...keys, ...args];
      try {
        return await command("evalsha", sha, ...rest);
      } catch (error) {
        // A script that is not known has not run.
        if (!(error instanceof Error) || !error.message.startsWith("NOSCRIPT")) throw error;
        return await command("eval", text, ...rest);
      }
    },
  };
}
