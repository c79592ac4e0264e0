// The ancestors of consumers: consumer, its parent, that one's parent. Worked out for each parent that consumers name, not
// for each consumer, and anew when one of the ancestors has changed.

import type { ModelRule } from "../identify/model-rule.ts";

interface LineParts {
  readonly names: readonly string[];
  readonly groups: readonly string[];
  readonly models: readonly ModelRule[];
  readonly suspended: string | undefined;
  readonly missing: string | undefined;
}

/** What a consumer has from its ancestors. Another one is another object: what was worked out with it can be kept by it. */
export class Line {
  /** The parent first. */
  readonly names: readonly string[];
  readonly groups: readonly string[];
  /** Of the ancestors that have some. */
  readonly models: readonly ModelRule[];
  /** The nearest ancestor that is suspended. */
  readonly suspended: string | undefined;
  /** The ancestor that is not there, or comes a second time; undefined when the line is whole. */
  readonly missing: string | undefined;
  /** By lists of groups, of which many consumers share one. */
  readonly #together = new WeakMap<readonly string[], readonly string[]>();
  readonly #permitted: ModelRule | undefined;
  readonly #rules = new WeakMap<ModelRule, ModelRule>();

  constructor({ names, groups, models, suspended, missing }: LineParts) {
    this.names = names;
    this.groups = groups;
    this.models = models;
    this.suspended = suspended;
    this.missing = missing;
    this.#permitted = models.reduceRight<ModelRule | undefined>(
      (above, rule) => (above === undefined ? rule : rule.below(above)),
      undefined,
    );
  }

  /** The ancestors' groups and those of the consumer itself. */
  groupsWith(own: readonly string[]): readonly string[] {
    if (this.groups.length === 0) return own;
    let together = this.#together.get(own);
    if (together === undefined) {
      together = [...new Set([...own, ...this.groups])];
      this.#together.set(own, together);
    }
    return together;
  }

  /** What the ancestors permit, and the consumer itself. */
  modelsWith(own: ModelRule | undefined): ModelRule | undefined {
    if (own === undefined || this.#permitted === undefined) return own ?? this.#permitted;
    let rule = this.#rules.get(own);
    if (rule === undefined) {
      rule = own.below(this.#permitted);
      this.#rules.set(own, rule);
    }
    return rule;
  }
}

export const NO_LINE = new Line({ names: [], groups: [], models: [], suspended: undefined, missing: undefined });

interface Ancestor {
  readonly name: string;
  readonly ownGroups: readonly string[];
  readonly ownModels: ModelRule | undefined;
  readonly isOwnSuspended: boolean;
  readonly parent: string | undefined;
}

/** The compiler lets no line be longer than 4; while a change is half way, one may seem to be. */
const LONGEST = 16;

/** The line of all consumers of one parent. */
export class Lineage {
  readonly #lineages: Lineages;
  readonly #parent: string;
  #line: Line = NO_LINE;
  #version = -1;
  /** Consumers that have it. */
  users = 0;

  constructor(lineages: Lineages, parent: string) {
    this.#lineages = lineages;
    this.#parent = parent;
  }

  get parent(): string {
    return this.#parent;
  }

  /** As the ancestors are now. */
  line(): Line {
    const { version } = this.#lineages;
    if (this.#version === version) return this.#line;
    this.#version = version;
    const line = this.#lineages.lineFrom(this.#parent);
    if (!isEqual(line, this.#line)) this.#line = line;
    return this.#line;
  }
}

/** Those of one namespace. */
export class Lineages {
  readonly #find: (name: string) => Ancestor | undefined;
  readonly #byParent = new Map<string, Lineage>();
  /** Rises when a consumer that others name as their parent has changed. */
  version = 0;

  constructor(find: (name: string) => Ancestor | undefined) {
    this.#find = find;
  }

  /** For one more consumer with this parent. */
  join(parent: string): Lineage {
    let lineage = this.#byParent.get(parent);
    if (lineage === undefined) {
      lineage = new Lineage(this, parent);
      this.#byParent.set(parent, lineage);
    }
    lineage.users += 1;
    return lineage;
  }

  leave(lineage: Lineage): void {
    lineage.users -= 1;
    if (lineage.users === 0) this.#byParent.delete(lineage.parent);
  }

  /** This consumer has come, gone or changed. */
  changed(name: string): void {
    if (this.#byParent.has(name)) this.version += 1;
  }

  lineFrom(parent: string): Line {
    const found: Ancestor[] = [];
    let next: string | undefined = parent;
    let missing: string | undefined;
    while (next !== undefined && missing === undefined) {
      const ancestor = this.#find(next);
      if (ancestor === undefined || found.includes(ancestor) || found.length === LONGEST) missing = next;
      else found.push(ancestor);
      next = ancestor?.parent;
    }
    return new Line({
      // What is not there is named all the same: policies may mean it.
      names: [...new Set([...found.map(({ name }) => name), ...(missing === undefined ? [] : [missing])])],
      groups: [...new Set(found.flatMap(({ ownGroups }) => ownGroups))],
      models: found.flatMap(({ ownModels }) => ownModels ?? []),
      suspended: found.find(({ isOwnSuspended }) => isOwnSuspended)?.name,
      missing,
    });
  }
}

function isEqual(a: Line, b: Line): boolean {
  if (a.missing !== b.missing || a.suspended !== b.suspended) return false;
  return same(a.names, b.names) && same(a.groups, b.groups) && same(a.models, b.models);
}

function same<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((each, i) => each === b[i]);
}
