// A Redis of a test file's own, from before its first test until after its last, and a plain client of it.

import { Redis } from "ioredis";
import { afterAll, beforeAll } from "vitest";
import { type RedisServer, startRedis } from "./redis-server.ts";

export interface OwnRedis {
  /** Not before the file's tests begin. */
  readonly server: RedisServer;
  readonly client: Redis;
}

/** To be called at the top of a test file. */
export function useOwnRedis(): OwnRedis {
  let started: OwnRedis | undefined;
  const own = (): OwnRedis => {
    if (started === undefined) throw new Error("Redis is started by beforeAll; it was asked for before");
    return started;
  };
  beforeAll(async () => {
    const server = await startRedis();
    started = { server, client: new Redis(server.url) };
  });
  afterAll(async () => {
    started?.client.disconnect();
    await started?.server.stop();
  });
  return {
    get server() {
      return own().server;
    },
    get client() {
      return own().client;
    },
  };
}
