// Which models a consumer may ask for. Pure.

import { globMatches } from "../core/match.ts";

/** No model has a longer name; of a longer one a client makes only work. */
const LONGEST_MODEL = 512;

export interface ModelPatterns {
  readonly allow: readonly string[];
  readonly deny: readonly string[];
}

export class ModelRule {
  readonly #allow: readonly string[];
  readonly #deny: readonly string[];
  readonly #above: ModelRule | undefined;

  /** Globs in lower case. `above` must permit a model as well. */
  constructor({ allow, deny }: ModelPatterns, above?: ModelRule) {
    this.#allow = allow;
    this.#deny = deny;
    this.#above = above;
  }

  /** The same below another one. */
  below(above: ModelRule): ModelRule {
    return new ModelRule({ allow: this.#allow, deny: this.#deny }, above);
  }

  /**
   * `model` as the client named it; undefined when it named none: what the provider would take then nobody knows here.
   * Case does not matter, because some servers answer to any spelling of a name. A denied model stays denied whatever is
   * allowed; an empty `allow` allows all.
   */
  permits(model: string | undefined): boolean {
    if (model === undefined || model.length > LONGEST_MODEL) return false;
    if (this.#above?.permits(model) === false) return false;
    const name = model.toLowerCase();
    if (this.#deny.some((pattern) => globMatches(pattern, name))) return false;
    return this.#allow.length === 0 || this.#allow.some((pattern) => globMatches(pattern, name));
  }

  equals(other: ModelRule | undefined): boolean {
    return other !== undefined && isSame(this.#allow, other.#allow) && isSame(this.#deny, other.#deny);
  }
}

function isSame(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((pattern, i) => pattern === b[i]);
}
