// A compiled consumer -> the record that requests are decided by. Small on purpose, as there may be 100,000.

import type { CompiledConsumer } from "../contract/compiled.ts";
import { ModelRule } from "../identify/model-rule.ts";
import type { TokenDemand } from "../identify/token-credentials.ts";
import { type Line, type Lineage, type Lineages, NO_LINE } from "./lineage.ts";
import type { SharedTexts } from "./shared-texts.ts";
import { shortKeys } from "./short-key.ts";
import type { ConsumerRecord, Identity } from "./snapshot.ts";

const NO_GROUPS: readonly string[] = [];

/** The namespace of a consumer. */
export interface ConsumerPlace {
  readonly name: string;
  readonly lineages: Lineages;
}

export class Consumer implements ConsumerRecord {
  readonly namespace: string;
  readonly name: string;
  readonly username: string;
  readonly customID: string | undefined;
  /** Without what it has from its ancestors. */
  readonly ownGroups: readonly string[];
  readonly isOwnSuspended: boolean;
  readonly ownModels: ModelRule | undefined;
  /** That of all consumers with its parent; undefined without one. */
  readonly lineage: Lineage | undefined;
  readonly credentials: readonly Credential[];

  /** `place.name` is the text that all consumers there share. */
  constructor(place: ConsumerPlace, compiled: CompiledConsumer, texts: SharedTexts) {
    const { name, username, customID, groups, suspended, models, parent } = compiled;
    this.namespace = place.name;
    this.name = name;
    this.username = username === name ? name : username;
    this.customID = customID;
    this.ownGroups = groups.length === 0 ? NO_GROUPS : texts.list(groups);
    this.isOwnSuspended = suspended === true;
    this.ownModels = models === undefined ? undefined : new ModelRule(models);
    this.lineage = parent === undefined ? undefined : place.lineages.join(parent);
    this.credentials = compiled.credentials.map((credential) => new Credential(this, credential, texts));
  }

  get displayName(): string {
    return `${this.namespace}/${this.name}`;
  }

  /** As its ancestors are now. */
  get line(): Line {
    return this.lineage === undefined ? NO_LINE : this.lineage.line();
  }

  /** What holds for a consumer holds for all who belong to it: its groups, its models, that it is suspended. */
  get groups(): readonly string[] {
    return this.line.groupsWith(this.ownGroups);
  }

  get models(): ModelRule | undefined {
    return this.line.modelsWith(this.ownModels);
  }

  get isSuspended(): boolean {
    return this.isOwnSuspended || this.line.suspended !== undefined;
  }

  get ancestors(): readonly string[] {
    return this.line.names;
  }

  get parent(): string | undefined {
    return this.lineage?.parent;
  }

  /** True when all that is compiled of both is the same. */
  equals(other: Consumer): boolean {
    return (
      this.username === other.username &&
      this.customID === other.customID &&
      this.isOwnSuspended === other.isOwnSuspended &&
      this.lineage === other.lineage &&
      isSameList(this.ownGroups, other.ownGroups, (a, b) => a === b) &&
      (this.ownModels === undefined ? other.ownModels === undefined : this.ownModels.equals(other.ownModels)) &&
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
