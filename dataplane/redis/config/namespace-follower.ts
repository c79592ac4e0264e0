// Keeps the configuration of one namespace as it is in Redis: reads what has changed when there is word of it, the whole
// when it has to. One reading at a time; word that comes meanwhile causes one more.

import { CLUSTER_PART, SCHEMA } from "../../contract/published.ts";
import type { ConfigCommands, Head, Position } from "./config-commands.ts";
import { MovedOn, type ReaderDeps, readChanges, readWhole } from "./namespace-reader.ts";

/** Why a namespace is not as it is in Redis. */
export type Trouble =
  /** Its head is not there: nothing is published, or not completely. */
  | { readonly kind: "absent" }
  | { readonly kind: "schema"; readonly found: string }
  | { readonly kind: "failed"; readonly error: Error };

export interface FollowerDeps extends ReaderDeps {
  readonly commands: ConfigCommands;
  /** Runs whole readings, not many at a time. */
  readonly queue: (task: () => Promise<void>) => Promise<void>;
  /** A reading has ended and its objects are in force. */
  readonly applied: (kind: "full" | "incremental") => void;
  /** What holds it up has changed. */
  readonly troubled: (trouble: Trouble | undefined) => void;
}

export class NamespaceFollower {
  readonly namespace: string;
  readonly #deps: FollowerDeps;
  #position: Position | undefined;
  #trouble: Trouble | undefined;
  /** The store has fallen back behind `#position`, to this revision. */
  #fallenTo: number | undefined;
  #running: Promise<void> | undefined;
  #isDue = false;

  constructor(namespace: string, deps: FollowerDeps) {
    this.namespace = namespace;
    this.#deps = deps;
  }

  /** What is in force; undefined before the first whole reading. */
  get position(): Position | undefined {
    return this.#position;
  }

  get trouble(): Trouble | undefined {
    return this.#trouble;
  }

  /** Looks whether anything has changed. Resolves when what stood in Redis at the call is in force, or cannot be read. */
  look(): Promise<void> {
    this.#isDue = true;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #run(): Promise<void> {
    while (this.#isDue) {
      this.#isDue = false;
      try {
        this.#note(await this.#read());
      } catch (error) {
        this.#note({ kind: "failed", error: error instanceof Error ? error : new Error(String(error)) });
      }
    }
  }

  async #read(): Promise<Trouble | undefined> {
    const head = await this.#deps.commands.head(this.namespace);
    // There may never have been a policy for all namespaces.
    if (head === undefined) return this.namespace === CLUSTER_PART ? undefined : { kind: "absent" };
    if (head.schema !== String(SCHEMA)) return { kind: "schema", found: head.schema.slice(0, 32) };
    if (this.#mustReadWhole(head)) await this.#readWhole();
    else if (this.#position !== undefined && head.revision > this.#position.revision) await this.#catchUp(head);
    return undefined;
  }

  /**
   * A store that lost its last writes stands before what is in force here. That stays, or revoked keys would work again;
   * whoever publishes next, in whatever generation, says what holds.
   */
  #mustReadWhole({ generation, revision }: Head): boolean {
    if (this.#position?.generation !== generation) return true;
    const fallenTo = this.#fallenTo;
    if (fallenTo !== undefined && revision > fallenTo) return true;
    if (revision < this.#position.revision) this.#fallenTo = revision;
    return false;
  }

  async #catchUp(head: Head): Promise<void> {
    if (this.#position === undefined) return;
    try {
      this.#position = await readChanges(this.#deps, { namespace: this.namespace, from: this.#position, to: head });
      this.#deps.applied("incremental");
    } catch (error) {
      if (!(error instanceof MovedOn)) throw error;
      await this.#readWhole();
    }
  }

  #readWhole(): Promise<void> {
    return this.#deps.queue(async () => {
      // It may have waited long: the stream is followed from the head that is in force now.
      const head = await this.#deps.commands.head(this.namespace);
      if (head?.schema !== String(SCHEMA)) throw new MovedOn("the head has gone");
      this.#position = await readWhole(this.#deps, this.namespace, head);
      this.#fallenTo = undefined;
      this.#deps.applied("full");
    });
  }

  #note(trouble: Trouble | undefined): void {
    this.#trouble = trouble;
    this.#deps.troubled(trouble);
  }
}
