// Request headers as they came (name, value, name, value, ...) with look-up by lower-case name. Keeps node from building its
// header object for every request.

/** Names repeat from request to request; at most this many spellings are remembered. */
const KNOWN_NAMES = 1_000;
const LONGEST_KNOWN = 64;

/** What is known of a header's name, however it was spelled. */
export interface HeaderName {
  readonly lower: string;
  /** It may go upstream, as far as its name says. */
  readonly crosses: boolean;
}

export interface HeaderNames {
  of(name: string): HeaderName;
}

/** Works names out once, through a bounded memory of spellings. */
export function createHeaderNames(crosses: (lower: string) => boolean): HeaderNames {
  const known = new Map<string, HeaderName>();
  return {
    of(name) {
      const found = known.get(name);
      if (found !== undefined) return found;
      // A string of its own: what was cut out of a request's head keeps all of that head from being collected.
      const own = Buffer.from(name).toString();
      const lower = own.toLowerCase();
      const made = { lower, crosses: crosses(lower) };
      if (known.size < KNOWN_NAMES && name.length <= LONGEST_KNOWN) known.set(own, made);
      return made;
    },
  };
}

export class HeaderList {
  readonly raw: readonly string[];
  /** Lower-case names; names[i] belongs to raw[2 * i + 1]. */
  readonly names: readonly string[];
  readonly #known: readonly HeaderName[];

  constructor(raw: readonly string[], headerNames: HeaderNames) {
    this.raw = raw;
    const names: string[] = [];
    const known: HeaderName[] = [];
    for (let i = 0; i < raw.length; i += 2) {
      const name = headerNames.of(raw[i] ?? "");
      known.push(name);
      names.push(name.lower);
    }
    this.names = names;
    this.#known = known;
  }

  value(index: number): string {
    return this.raw[2 * index + 1] ?? "";
  }

  /** Whether it may go upstream, as far as its name says. */
  crosses(index: number): boolean {
    return this.#known[index]?.crosses === true;
  }

  /** The value; several values joined by ", " (RFC 9110 section 5.2). */
  get(name: string): string | undefined {
    let joined: string | undefined;
    for (let i = this.names.indexOf(name); i >= 0; i = this.names.indexOf(name, i + 1)) {
      joined = joined === undefined ? this.value(i) : `${joined}, ${this.value(i)}`;
    }
    return joined;
  }

  count(name: string): number {
    let count = 0;
    for (let i = this.names.indexOf(name); i >= 0; i = this.names.indexOf(name, i + 1)) count++;
    return count;
  }
}
