// One option of a reference system and what stands for it here. docs/compatibility.md is generated from such rows, and
// test/compatibility/options.test.ts runs what they name.

interface Named {
  /** As its own documentation writes it, with dots. */
  readonly option: string;
  /** Of an option with a closed list of values: those that the row is about. Absent: any. */
  readonly values?: readonly string[];
}

/** A test of another folder that shows it. */
export interface TestRef {
  readonly file: string;
  /** Title, or a part of it that no other test of the file has. */
  readonly test: string;
}

/** There is a counterpart: with it something in an answer is otherwise than without it. */
export interface ShownOption extends Named {
  /** Our field or setting. */
  readonly field: string;
  readonly note?: string;
  /** Names of cases in test/compatibility/cases. */
  readonly cases?: readonly string[];
  readonly tests?: readonly TestRef[];
}

/** There is none, and why none is needed or wanted. */
export interface NeedlessOption extends Named {
  readonly none: string;
}

/** There is none yet. */
export interface LaterOption extends Named {
  readonly later: string;
}

export type OptionRow = ShownOption | NeedlessOption | LaterOption;

export interface OptionTable {
  /** "Kong" or "Apache APISIX". */
  readonly system: string;
  readonly plugin: string;
  /** What to know before reading the table; Markdown. */
  readonly intro: string;
  readonly rows: readonly OptionRow[];
}
