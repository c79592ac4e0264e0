// Settings of a connection that cannot work are refused before anything is connected, without repeating a password.

import { expect, test } from "vitest";
import { createRedisClient, type RedisSettings } from "../../../dataplane/redis/connection.ts";

test.for([
  {
    name: "another scheme",
    settings: { url: "http://h:6379" },
    message: "the Redis URL begins with http://; write redis:// or rediss://",
  },
  {
    name: "no URL",
    settings: { url: "" },
    message: "the Redis URL cannot be read; write redis://host:6379 or rediss://host:6379",
  },
  {
    name: "a host alone",
    settings: { url: "h" },
    message: "the Redis URL cannot be read; write redis://host:6379 or rediss://host:6379",
  },
  { name: "no host", settings: { url: "redis://" }, message: "the Redis URL names no host" },
  {
    name: "a database that is no number",
    settings: { url: "redis://h/one" },
    message: '"one" in the Redis URL is not the number of a database',
  },
  {
    name: "a database of a cluster",
    settings: { url: "redis://h/1", cluster: true },
    message: "a Redis cluster has no database 1, only 0",
  },
  {
    name: "a database of a cluster by setting",
    settings: { url: "redis://h", db: 2, cluster: true },
    message: "a Redis cluster has no database 2, only 0",
  },
  {
    name: "several servers of nothing",
    settings: { url: "redis://a,redis://b" },
    message: "several Redis URLs need a cluster or the name of a sentinel master",
  },
  {
    name: "half of it encrypted",
    settings: { url: "redis://a,rediss://b", cluster: true },
    message: "the Redis URLs mix redis:// and rediss://",
  },
  {
    name: "TLS settings without TLS",
    settings: { url: "redis://h", tls: { servername: "x" } },
    message: "TLS settings for Redis need a rediss:// URL",
  },
  {
    name: "cluster and sentinels",
    settings: { url: "redis://h", cluster: true, sentinelMaster: "m" },
    message: "Redis is either a cluster or behind sentinels, not both",
  },
] satisfies { name: string; settings: Partial<RedisSettings> & { url: string }; message: string }[])(
  "[unit] refuses $name",
  ({ settings, message }) => {
    expect(() => createRedisClient({ cluster: false, ...settings }, () => {})).toThrow(message);
  },
);

test("[unit] a message about a URL does not repeat it", () => {
  const settings = { url: "redis://user:s3cret@:bad", cluster: false };
  expect(() => createRedisClient(settings, () => {})).toThrow(expect.not.stringContaining("s3cret"));
});
