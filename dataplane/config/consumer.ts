// A compiled consumer -> the record that requests are decided by. Small on purpose, as there may be 100,000.

import type { CompiledConsumer } from "../contract/compiled.ts";
import { ModelRule } from "../identify/model-rule.ts";
import type { TokenDemand } from "../identify/token-credentials.ts";
import type { SharedTexts } from "./shared-texts.ts";
import { shortKeys } from "./short-key.ts";
import type { ConsumerRecord, Identity } from "./snapshot.ts";

const NO_GROUPS: readonly string[] = [];

export class Consumer implements ConsumerRecord {
  readonly namespace: string;
  readonly name: string;
  readonly username: string;
  readonly groups: readonly string[];
  readonly isSuspended: boolean;
  readonly models: ModelRule | undefined;
  readonly credentials: readonly Credential[];

  /** `namespace` is the text that all consumers there share. */
  constructor(namespace: string, compiled: CompiledConsumer, texts: SharedTexts) {
    const { name, username, groups, suspended, models } = compiled;
    this.namespace = namespace;
    this.name = name;
    this.username = username === name ? name : username;
    this.groups = groups.length === 0 ? NO_GROUPS : texts.list(groups);
    this.isSuspended = suspended === true;
    this.models = models === undefined ? undefined : new ModelRule(models);
    this.credentials = compiled.credentials.map((credential) => new Credential(this, credential, texts));
  }

  get displayName(): string {
    return `${this.namespace}/${this.name}`;
  }

  /** True when all that is compiled of both is the same. */
  equals(other: Consumer): boolean {
    return (
      this.username === other.username &&
      this.isSuspended === other.isSuspended &&
      isSameList(this.groups, other.groups, (a, b) => a === b) &&
      (this.models === undefined ? other.models === undefined : this.models.equals(other.models)) &&
      isSameList(this.credentials, other.credentials, (a, b) => a.equals(b))
    );
  }
}

type CompiledCredential = CompiledConsumer["credentials"][number];

export class Credential implements Identity {
  readonly consumer: Consumer;
  readonly credential: string;
  readonly expiresAtMs: number;
  /** Its short keys, see `splitKeys`; "" for a credential without a key. */
  readonly keys: string;
  /** Of a credential that tokens are recognised by. */
  readonly demand: TokenDemand | undefined;

  constructor(consumer: Consumer, { name, expiresAtMs, jwt, keyHmacs }: CompiledCredential, texts: SharedTexts) {
    this.consumer = consumer;
    this.credential = texts.text(name);
    this.expiresAtMs = expiresAtMs ?? Infinity;
    this.keys = shortKeys(keyHmacs);
    this.demand = jwt;
  }

  equals({ credential, expiresAtMs, keys, demand }: Credential): boolean {
    if (this.credential !== credential || this.expiresAtMs !== expiresAtMs || this.keys !== keys) return false;
    return this.demand === demand || JSON.stringify(this.demand) === JSON.stringify(demand);
  }
}

/** Which of two that a token fits goes first. */
export function byName(a: Credential, b: Credential): number {
  const [nameA, nameB] = a.consumer === b.consumer ? [a.credential, b.credential] : [a.consumer.name, b.consumer.name];
  return nameA < nameB ? -1 : Number(nameA > nameB);
}

function isSameList<T>(a: readonly T[], b: readonly T[], isSame: (a: T, b: T) => boolean): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  return a.every((each, i) => {
    const other = b[i];
    return other !== undefined && isSame(each, other);
  });
}
