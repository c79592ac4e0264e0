// Consumers by their keys, changed in place: with 100,000 of them one change costs as much as with one. Small on purpose:
// 16 bytes of each HMAC, texts and lists of groups shared. A changed consumer is a new record.

import type { CompiledConsumer } from "../contract/compiled.ts";
import { hashKey, keyHmac, type RingFor } from "../contract/keyring.ts";
import { RememberedKeys } from "./remembered-keys.ts";
import type { ConsumerRecord } from "./snapshot.ts";

/** "<8 hex digits of the master's id>.<base64url of 32 bytes>". */
const HMAC = /^[0-9a-f]{8}\.[A-Za-z0-9_-]{43}$/;
const ID_DIGITS = 8;
/** Of a master's id, and then of the HMAC: 128 bits cannot be met by search. */
const ID_BYTES = 4;
const KEY_BYTES = ID_BYTES + 16;
/** Lists of groups that are shared; with more of them sharing starts anew. */
const SHARED_LISTS = 10_000;
const NO_GROUPS: readonly string[] = [];

class Consumer implements ConsumerRecord {
  readonly namespace: string;
  readonly name: string;
  readonly username: string;
  readonly groups: readonly string[];
  /** Its keys of KEY_BYTES characters each, one behind the other: a single one is the text that it is looked up by. */
  readonly keys: string;

  constructor(parts: Pick<Consumer, "namespace" | "name" | "username" | "groups" | "keys">) {
    this.namespace = parts.namespace;
    this.name = parts.name;
    this.username = parts.username;
    this.groups = parts.groups;
    this.keys = parts.keys;
  }

  get displayName(): string {
    return `${this.namespace}/${this.name}`;
  }
}

interface NamespaceConsumers {
  readonly name: string;
  readonly byName: Map<string, Consumer>;
  /** Several have one key only while a change is half way; of them the name that sorts first has it. */
  readonly byKey: Map<string, Consumer | readonly Consumer[]>;
}

export class ConsumerDirectory {
  readonly #systemNamespace: string;
  readonly #namespaces = new Map<string, NamespaceConsumers>();
  readonly #remembered = new RememberedKeys<Consumer>();
  readonly #bytes = Buffer.alloc(ID_BYTES + 32);
  #lists = new Map<string, readonly string[]>();
  #ringFor: RingFor;
  #size = 0;

  constructor(ringFor: RingFor, systemNamespace: string) {
    this.#ringFor = ringFor;
    this.#systemNamespace = systemNamespace;
  }

  get size(): number {
    return this.#size;
  }

  /** The consumer of a presented key on routes of this namespace: its own first, then the system namespace's. */
  identify(namespace: string, key: string): ConsumerRecord | undefined {
    const remembered = this.#remembered.get(namespace, key);
    if (remembered !== undefined) return remembered;
    const hash = hashKey(key);
    const own = this.#find(namespace, hash);
    const consumer = own ?? this.#find(this.#systemNamespace, hash);
    if (consumer === undefined) return undefined;
    this.#remembered.add(namespace, key, { consumer, isOwn: own !== undefined });
    return consumer;
  }

  /** An equal consumer stays the record that it is, with all that others keep by it. */
  set(compiled: CompiledConsumer): void {
    const consumers = this.#consumersOf(compiled.namespace);
    const known = consumers.byName.get(compiled.name);
    const consumer = this.#recordOf(compiled, consumers.name);
    if (known !== undefined && isEqual(known, consumer)) return;
    if (known === undefined) this.#size += 1;
    else this.#dropKeys(consumers, known);
    consumers.byName.set(consumer.name, consumer);
    for (const key of keysOf(consumer)) this.#addKey(consumers, key, consumer);
    if (consumer.keys !== "") this.#remembered.forgetSystem(consumers.name);
  }

  remove(namespace: string, name: string): void {
    const consumers = this.#namespaces.get(namespace);
    const known = consumers?.byName.get(name);
    if (consumers === undefined || known === undefined) return;
    this.#size -= 1;
    this.#dropKeys(consumers, known);
    consumers.byName.delete(name);
    if (consumers.byName.size === 0) this.#namespaces.delete(namespace);
  }

  /** Keys of masters that are not in the ring identify nobody from here on. */
  useRing(ringFor: RingFor): void {
    this.#ringFor = ringFor;
    this.#remembered.clear();
  }

  namespaces(): Iterable<string> {
    return this.#namespaces.keys();
  }

  names(namespace: string): Iterable<string> {
    return this.#namespaces.get(namespace)?.byName.keys() ?? [];
  }

  #find(namespace: string, hash: Buffer): Consumer | undefined {
    const consumers = this.#namespaces.get(namespace);
    if (consumers === undefined) return undefined;
    for (const keys of this.#ringFor(namespace)) {
      const found = consumers.byKey.get(this.#shortKey(keyHmac(keys, hash)));
      if (found instanceof Consumer) return found;
      if (found !== undefined) return found[0];
    }
    return undefined;
  }

  #consumersOf(namespace: string): NamespaceConsumers {
    const known = this.#namespaces.get(namespace);
    if (known !== undefined) return known;
    const consumers = { name: namespace, byName: new Map(), byKey: new Map() };
    this.#namespaces.set(namespace, consumers);
    return consumers;
  }

  #recordOf({ name, username, groups, credentials }: CompiledConsumer, namespace: string): Consumer {
    const keys = new Set<string>();
    for (const { keyHmacs } of credentials) {
      for (const hmac of keyHmacs) if (HMAC.test(hmac)) keys.add(this.#shortKey(hmac));
    }
    return new Consumer({
      namespace,
      name,
      username: username === name ? name : username,
      groups: groups.length === 0 ? NO_GROUPS : this.#sharedList(groups),
      keys: joined([...keys]),
    });
  }

  #sharedList(groups: readonly string[]): readonly string[] {
    const id = JSON.stringify(groups);
    const known = this.#lists.get(id);
    if (known !== undefined) return known;
    if (this.#lists.size >= SHARED_LISTS) this.#lists = new Map();
    this.#lists.set(id, groups);
    return groups;
  }

  /** Through bytes, so that the text is one of its own and keeps no longer one alive. */
  #shortKey(hmac: string): string {
    this.#bytes.write(hmac.slice(0, ID_DIGITS), 0, "hex");
    this.#bytes.write(hmac.slice(ID_DIGITS + 1), ID_BYTES, "base64url");
    return this.#bytes.toString("latin1", 0, KEY_BYTES);
  }

  #addKey({ byKey }: NamespaceConsumers, key: string, consumer: Consumer): void {
    const others = listOf(byKey.get(key));
    if (others.length === 0) {
      byKey.set(key, consumer);
      return;
    }
    for (const other of others) this.#remembered.forget(other);
    byKey.set(
      key,
      [...others, consumer].sort((a, b) => (a.name < b.name ? -1 : 1)),
    );
  }

  #dropKeys({ byKey }: NamespaceConsumers, consumer: Consumer): void {
    this.#remembered.forget(consumer);
    for (const key of keysOf(consumer)) {
      const others = listOf(byKey.get(key)).filter((each) => each !== consumer);
      const [first] = others;
      if (first === undefined) byKey.delete(key);
      else byKey.set(key, others.length === 1 ? first : others);
    }
  }
}

function listOf(found: Consumer | readonly Consumer[] | undefined): readonly Consumer[] {
  if (found === undefined) return [];
  return found instanceof Consumer ? [found] : found;
}

function keysOf({ keys }: Consumer): string[] {
  if (keys.length <= KEY_BYTES) return keys === "" ? [] : [keys];
  return Array.from({ length: keys.length / KEY_BYTES }, (_, i) => keys.slice(i * KEY_BYTES, (i + 1) * KEY_BYTES));
}

function joined(keys: readonly string[]): string {
  const [first = ""] = keys;
  return keys.length < 2 ? first : Buffer.from(keys.join(""), "latin1").toString("latin1");
}

function isEqual(a: Consumer, b: Consumer): boolean {
  if (a.username !== b.username || a.keys !== b.keys) return false;
  return a.groups === b.groups || (a.groups.length === b.groups.length && a.groups.every((g, i) => g === b.groups[i]));
}
