// Publishes configuration as the contract has it, so that the reader can be tried alone: no fencing, one writer.

import { randomBytes } from "node:crypto";
import { Redis } from "ioredis";
import { z } from "zod";
import type { CompiledObject } from "../../dataplane/contract/compiled.ts";
import { type ObjectName, readObjectField } from "../../dataplane/contract/object-name.ts";
import {
  changeChannel,
  changesKey,
  dataPlanesKey,
  epochKey,
  type Heartbeat,
  headKey,
  heartbeat,
  namespacesKey,
  objectField,
  objectsKey,
  SCHEMA,
} from "../../dataplane/contract/published.ts";

export interface ConfigWriter {
  readonly client: Redis;
  /** A new generation with these objects and no others. */
  publish(namespace: string, objects: readonly CompiledObject[]): Promise<void>;
  /** One change; returns the revision. */
  change(namespace: string, set: readonly CompiledObject[], removed?: readonly ObjectName[]): Promise<number>;
  /** The same without word of it. */
  changeSilently(namespace: string, set: readonly CompiledObject[], removed?: readonly ObjectName[]): Promise<number>;
  /** The same, and the stream of changes is trimmed to nothing in the same moment. */
  changeAndTrim(namespace: string, set: readonly CompiledObject[], removed?: readonly ObjectName[]): Promise<number>;
  /** Writes texts as they are: what a broken or hostile writer could. */
  changeRaw(namespace: string, fields: Readonly<Record<string, string>>): Promise<number>;
  generation(namespace: string): string;
  heartbeats(scope?: string): Promise<ReadonlyMap<string, Heartbeat>>;
  close(): void;
}

const PAGE = 1000;

export function createConfigWriter(url: string, prefix: string): ConfigWriter {
  const client = new Redis(url);
  client.on("error", () => {}); // tests kill the server
  const heads = new Map<string, { generation: string; revision: number }>();
  const headOf = (namespace: string): { generation: string; revision: number } => {
    const head = heads.get(namespace);
    if (head === undefined) throw new Error(`${namespace} has not been published`);
    return head;
  };
  const write = async (
    namespace: string,
    fields: ReadonlyMap<string, string>,
    how: "told" | "silent" | "trimmed",
  ): Promise<number> => {
    const head = headOf(namespace);
    head.revision += 1;
    const { generation, revision } = head;
    const batch = client.multi();
    for (const [field, entry] of fields) {
      if (entry === "") batch.hdel(objectsKey(prefix, namespace, generation), field);
      else batch.hset(objectsKey(prefix, namespace, generation), field, entry);
    }
    batch.xadd(changesKey(prefix, namespace, generation), `${String(revision)}-0`, ...[...fields].flat());
    batch.hset(headKey(prefix, namespace), "revision", String(revision));
    if (how === "trimmed") batch.xtrim(changesKey(prefix, namespace, generation), "MAXLEN", 0);
    if (how === "told") batch.publish(changeChannel(prefix, namespace), `${generation} ${String(revision)}`);
    await batch.exec();
    return revision;
  };
  const fieldsOf = (namespace: string, set: readonly CompiledObject[], removed: readonly ObjectName[]) =>
    new Map([
      ...removed.map((name) => [objectField(name), ""] as const),
      ...set.map((object) => [objectField(object), entryText(object, headOf(namespace).revision + 1)] as const),
    ]);
  return {
    client,
    async publish(namespace, objects) {
      const generation = randomBytes(8).toString("hex");
      const old = heads.get(namespace);
      const revision = (old?.revision ?? 0) + 1;
      for (let at = 0; at < objects.length; at += PAGE) {
        const page = objects.slice(at, at + PAGE);
        const fields = page.flatMap((object) => [objectField(object), entryText(object, revision)]);
        await client.hset(objectsKey(prefix, namespace, generation), ...fields);
      }
      const head = { schema: SCHEMA, epoch: 1, generation, revision };
      await client
        .multi()
        .set(epochKey(prefix), "1")
        .hset(headKey(prefix, namespace), head)
        .hset(namespacesKey(prefix), namespace, generation)
        .publish(changeChannel(prefix, namespace), `${generation} ${String(revision)}`)
        .exec();
      if (old !== undefined) {
        await client.unlink(
          objectsKey(prefix, namespace, old.generation),
          changesKey(prefix, namespace, old.generation),
        );
      }
      heads.set(namespace, { generation, revision });
    },
    change: (namespace, set, removed = []) => write(namespace, fieldsOf(namespace, set, removed), "told"),
    changeSilently: (namespace, set, removed = []) => write(namespace, fieldsOf(namespace, set, removed), "silent"),
    changeAndTrim: (namespace, set, removed = []) => write(namespace, fieldsOf(namespace, set, removed), "trimmed"),
    changeRaw: (namespace, fields) => write(namespace, new Map(Object.entries(fields)), "told"),
    generation: (namespace) => headOf(namespace).generation,
    async heartbeats(scope = "*") {
      const texts = await client.hgetall(dataPlanesKey(prefix, scope));
      return new Map(
        Object.entries(texts).map(([id, text]) => {
          const json: unknown = JSON.parse(
            z
              .string()
              .regex(/^\d+ \{/)
              .parse(text)
              .replace(/^\d+ /, ""),
          );
          return [id, heartbeat.parse(json)];
        }),
      );
    },
    close() {
      client.disconnect();
    },
  };
}

/** "Consumer/alice" in namespace "ai". */
export function nameOf(namespace: string, field: string): ObjectName {
  const name = readObjectField(namespace, field);
  if (name === undefined) throw new Error(`${field} names no object`);
  return name;
}

function entryText(object: CompiledObject, revision: number): string {
  return JSON.stringify({ revision, generation: 1, uid: "", object });
}
