// Consumers by their names, keys and tokens, changed in place: with 100,000 of them one change costs as much as with one. A
// changed consumer is a new record.

import type { CompiledConsumer } from "../contract/compiled.ts";
import { hashKey, keyHmac, type RingFor } from "../contract/keyring.ts";
import { type Claims, type TokenCredentials, TokenIndex } from "../identify/token-credentials.ts";
import { byName, Consumer, Credential } from "./consumer.ts";
import { Lineages } from "./lineage.ts";
import { RememberedKeys } from "./remembered-keys.ts";
import { SharedTexts } from "./shared-texts.ts";
import { shortKey, splitKeys } from "./short-key.ts";

interface NamespaceConsumers {
  readonly name: string;
  readonly byName: Map<string, Consumer>;
  /** Several have one key only while a change is half way; of them the one whose consumer's name sorts first has it. */
  readonly byKey: Map<string, Credential | readonly Credential[]>;
  readonly tokens: TokenIndex<Credential>;
  readonly lineages: Lineages;
}

export class ConsumerDirectory implements TokenCredentials<Credential> {
  readonly #systemNamespace: string;
  readonly #namespaces = new Map<string, NamespaceConsumers>();
  readonly #remembered = new RememberedKeys<Credential>();
  readonly #texts = new SharedTexts();
  #ringFor: RingFor;
  #size = 0;
  #generation = 0;

  constructor(ringFor: RingFor, systemNamespace: string) {
    this.#ringFor = ringFor;
    this.#systemNamespace = systemNamespace;
  }

  get size(): number {
    return this.#size;
  }

  get generation(): number {
    return this.#generation;
  }

  /** Who has a presented key on routes of this namespace: one of its own first, then of the system namespace's. */
  identify(namespace: string, key: string): Credential | undefined {
    const remembered = this.#remembered.get(namespace, key);
    if (remembered !== undefined) return remembered;
    const hash = hashKey(key);
    const own = this.#find(namespace, hash);
    const found = own ?? this.#find(this.#systemNamespace, hash);
    if (found === undefined) return undefined;
    this.#remembered.add(namespace, key, { found, isOwn: own !== undefined });
    return found;
  }

  consumerNamed(namespace: string, name: string): Consumer | undefined {
    return this.#namespaces.get(namespace)?.byName.get(name);
  }

  hasIssuer(namespace: string, issuer: string): boolean {
    return this.#tokensOf(namespace).some((tokens) => tokens.hasIssuer(issuer));
  }

  find(namespace: string, claims: Claims): Credential | undefined {
    for (const tokens of this.#tokensOf(namespace)) {
      const found = tokens.find(claims);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** An equal consumer stays the record that it is, with all that others keep by it. */
  set(compiled: CompiledConsumer): void {
    const consumers = this.#consumersOf(compiled.namespace);
    const known = consumers.byName.get(compiled.name);
    const consumer = new Consumer(consumers, compiled, this.#texts);
    if (known?.equals(consumer) === true) {
      leave(consumers, consumer);
      return;
    }
    if (known === undefined) this.#size += 1;
    else this.#drop(consumers, known);
    consumers.byName.set(consumer.name, consumer);
    consumers.lineages.changed(consumer.name);
    for (const credential of consumer.credentials) this.#add(consumers, credential);
  }

  remove(namespace: string, name: string): void {
    const consumers = this.#namespaces.get(namespace);
    const known = consumers?.byName.get(name);
    if (consumers === undefined || known === undefined) return;
    this.#size -= 1;
    this.#drop(consumers, known);
    consumers.byName.delete(name);
    consumers.lineages.changed(name);
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

  #find(namespace: string, hash: Buffer): Credential | undefined {
    const consumers = this.#namespaces.get(namespace);
    if (consumers === undefined) return undefined;
    for (const keys of this.#ringFor(namespace)) {
      const found = consumers.byKey.get(shortKey(keyHmac(keys, hash)));
      if (found instanceof Credential) return found;
      if (found !== undefined) return found[0];
    }
    return undefined;
  }

  #tokensOf(namespace: string): TokenIndex<Credential>[] {
    const names = namespace === this.#systemNamespace ? [namespace] : [namespace, this.#systemNamespace];
    return names.flatMap((name) => this.#namespaces.get(name)?.tokens ?? []);
  }

  #consumersOf(namespace: string): NamespaceConsumers {
    const known = this.#namespaces.get(namespace);
    if (known !== undefined) return known;
    const named = new Map<string, Consumer>();
    const lineages = new Lineages((name) => named.get(name));
    const consumers = { name: namespace, byName: named, byKey: new Map(), tokens: new TokenIndex(byName), lineages };
    this.#namespaces.set(namespace, consumers);
    return consumers;
  }

  #add({ name, byKey, tokens }: NamespaceConsumers, credential: Credential): void {
    for (const key of splitKeys(credential.keys)) this.#addKey(byKey, key, credential);
    if (credential.keys !== "") this.#remembered.forgetSystem(name);
    if (credential.demand === undefined) return;
    this.#generation += 1;
    tokens.add(credential, credential.demand);
  }

  #addKey(byKey: NamespaceConsumers["byKey"], key: string, credential: Credential): void {
    const others = listOf(byKey.get(key));
    if (others.length === 0) {
      byKey.set(key, credential);
      return;
    }
    for (const other of others) this.#remembered.forget(other);
    byKey.set(
      key,
      [...others, credential].sort((a, b) => (a.consumer.name < b.consumer.name ? -1 : 1)),
    );
  }

  #drop(consumers: NamespaceConsumers, consumer: Consumer): void {
    const { byKey, tokens } = consumers;
    leave(consumers, consumer);
    for (const credential of consumer.credentials) {
      this.#remembered.forget(credential);
      for (const key of splitKeys(credential.keys)) dropKey(byKey, key, credential);
      if (credential.demand === undefined) continue;
      this.#generation += 1;
      tokens.remove(credential, credential.demand);
    }
  }
}

function leave({ lineages }: NamespaceConsumers, { lineage }: Consumer): void {
  if (lineage !== undefined) lineages.leave(lineage);
}

function dropKey(byKey: NamespaceConsumers["byKey"], key: string, credential: Credential): void {
  const others = listOf(byKey.get(key)).filter((each) => each !== credential);
  const [first] = others;
  if (first === undefined) byKey.delete(key);
  else byKey.set(key, others.length === 1 ? first : others);
}

function listOf(found: Credential | readonly Credential[] | undefined): readonly Credential[] {
  if (found === undefined) return [];
  return found instanceof Credential ? [found] : found;
}
