// The reads of published configuration, one Redis command each, with their replies checked.

import { z } from "zod";
import { changesKey, epochKey, headKey, namespacesKey, objectsKey } from "../../contract/published.ts";

/** As ioredis has it, for one server and for a cluster. */
export interface Commands {
  call(command: string, args: string[]): Promise<unknown>;
}

export interface Position {
  readonly generation: string;
  readonly revision: number;
}

export interface Head extends Position {
  readonly schema: string;
}

/** One entry of the stream of changes; `fields` alternates object fields and entries. */
export interface Change {
  readonly revision: number;
  readonly fields: readonly string[];
}

export interface ScanPage {
  /** "0" when there is no further page. */
  readonly cursor: string;
  /** Alternates object fields and entries. */
  readonly fields: readonly string[];
}

const SCAN_COUNT = "250";
const CHANGES_COUNT = "100";

const flat = z.array(z.string());
const headReply = z.tuple([z.string().nullable(), z.string().nullable(), z.string().nullable()]);
const scanReply = z.tuple([z.string(), flat]);
const changesReply = z.array(z.tuple([z.string().regex(/^\d{1,16}-0$/), flat]));

/** Replies of another form are thrown as errors, as Redis's own errors are. */
export class ConfigCommands {
  readonly #client: Commands;
  readonly #prefix: string;

  constructor(client: Commands, prefix: string) {
    this.#client = client;
    this.#prefix = prefix;
  }

  /** Names of the namespaces that are published; undefined when there is no index at all: nobody has written one, or it is lost. */
  async namespaces(): Promise<readonly string[] | undefined> {
    const [names, isClaimed] = await Promise.all([
      this.#client.call("hkeys", [namespacesKey(this.#prefix)]),
      this.#client.call("exists", [epochKey(this.#prefix)]),
    ]);
    const found = flat.parse(names);
    return found.length === 0 && isClaimed !== 1 ? undefined : found;
  }

  /** Undefined when nothing is published, or not completely. */
  async head(namespace: string): Promise<Head | undefined> {
    const reply = await this.#client.call("hmget", [
      headKey(this.#prefix, namespace),
      "schema",
      "generation",
      "revision",
    ]);
    const [schema, generation, revision] = headReply.parse(reply);
    if (schema === null || generation === null || revision === null) return undefined;
    return { schema, generation, revision: z.coerce.number().int().min(0).parse(revision) };
  }

  async scan(namespace: string, generation: string, cursor: string): Promise<ScanPage> {
    const key = objectsKey(this.#prefix, namespace, generation);
    const [next, fields] = scanReply.parse(await this.#client.call("hscan", [key, cursor, "COUNT", SCAN_COUNT]));
    return { cursor: next, fields };
  }

  /** Some of the changes after the revision, in order; none when there are none. */
  async changesAfter(namespace: string, { generation, revision }: Position): Promise<readonly Change[]> {
    const key = changesKey(this.#prefix, namespace, generation);
    const reply = await this.#client.call("xrange", [key, `(${String(revision)}-0`, "+", "COUNT", CHANGES_COUNT]);
    return changesReply.parse(reply).map(([id, fields]) => ({ revision: Number(id.slice(0, -2)), fields }));
  }
}
