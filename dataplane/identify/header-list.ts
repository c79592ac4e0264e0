// Request headers as they came (name, value, name, value, ...) with look-up by lower-case name. Keeps node from building its
// header object for every request.

/** Names repeat from request to request; at most this many spellings are remembered. */
const KNOWN_NAMES = 1_000;
const LONGEST_KNOWN = 64;

export interface HeaderNames {
  lower(name: string): string;
}

/** Lower-cases header names through a bounded memory of spellings. */
export function createHeaderNames(): HeaderNames {
  const known = new Map<string, string>();
  return {
    lower(name) {
      const found = known.get(name);
      if (found !== undefined) return found;
      const lower = name.toLowerCase();
      if (known.size < KNOWN_NAMES && name.length <= LONGEST_KNOWN) known.set(name, lower);
      return lower;
    },
  };
}

export class HeaderList {
  readonly raw: readonly string[];
  /** Lower-case names; names[i] belongs to raw[2 * i + 1]. */
  readonly names: readonly string[];

  constructor(raw: readonly string[], headerNames: HeaderNames) {
    this.raw = raw;
    const names = new Array<string>(raw.length / 2);
    for (let i = 0; i < names.length; i++) names[i] = headerNames.lower(raw[2 * i] ?? "");
    this.names = names;
  }

  value(index: number): string {
    return this.raw[2 * index + 1] ?? "";
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
