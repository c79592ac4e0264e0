// What the names in an expression mean, for each kind of limit that has one; and the pieces that expressions are made of.

/** Reads something of what an expression is about. Must not fail, whatever a client or a provider has sent. */
export type Read<S, T> = (subject: S) => T;

export interface Language<S> {
  /** What an expression may be, said of a text that is none. */
  readonly general: string;
  /** "a condition, like ...". */
  readonly condition: string;
  /** Undefined: no number has this name. A path has its steps joined by dots. */
  number(path: string): Read<S, number> | undefined;
  /** Undefined: no text has this name. Absent altogether where there are no texts. */
  readonly text?: (path: string) => Read<S, string> | undefined;
  /** The text at a key of a map, like headers["x-team"]; undefined: there is no such map, or no such key can be. */
  readonly entry?: (map: string, key: string) => Read<S, string> | undefined;
  /** What is said of a name that means nothing. */
  readonly names: string;
}

export interface NumberTerm<S> {
  readonly type: "number";
  readonly run: Read<S, number>;
}
export interface ConditionTerm<S> {
  readonly type: "condition";
  readonly run: Read<S, boolean>;
}
export interface TextTerm<S> {
  readonly type: "text";
  readonly run: Read<S, string>;
  /** Written in the expression itself. */
  readonly literal?: string | undefined;
}
export type Term<S> = NumberTerm<S> | ConditionTerm<S> | TextTerm<S>;

export interface Source<S> {
  readonly language: Language<S>;
  /** Paths of the numbers that it reads, each once. */
  readonly names: Set<string>;
}
