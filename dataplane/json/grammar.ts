// JSON's grammar (RFC 8259) as one table: state and byte give the next state, or an action of the scanner.
// Knows no keys, no values and no chunks; strings and nesting are the scanner's business.

export const STATE = {
  start: 0,
  bom1: 1,
  bom2: 2,
  value: 3,
  valueOrEnd: 4,
  keyOrEnd: 5,
  key: 6,
  colon: 7,
  afterMember: 8,
  afterElement: 9,
  done: 10,
  minus: 11,
  zero: 12,
  integer: 13,
  point: 14,
  fraction: 15,
  exponent: 16,
  exponentSign: 17,
  exponentDigits: 18,
  t: 19,
  tr: 20,
  tru: 21,
  f: 22,
  fa: 23,
  fal: 24,
  fals: 25,
  n: 26,
  nu: 27,
  nul: 28,
  string: 29,
  failed: 30,
} as const;

/** Table entries from here on are actions; smaller ones are states. */
export const FIRST_ACTION = 32;
export const ACTION = {
  fail: 32,
  openObject: 33,
  openArray: 34,
  close: 35,
  valueString: 36,
  keyString: 37,
  /** The first byte of a number or a literal; SCALAR_START has the state that follows. */
  scalar: 38,
  /** The last byte of a literal. */
  literalEnd: 39,
  /** The byte after a number: the number ends before it and the byte is read again. */
  numberEnd: 40,
} as const;

const STATES = 32;
/** `NEXT[(state << 8) | byte]` is a state or an action. */
export const NEXT: Uint8Array = transitionTable();
/** State after the first byte of a number or a literal, by that byte. */
export const SCALAR_START: Uint8Array = scalarStarts();

const WANTED: ReadonlyMap<number, string> = new Map<number, string>([
  [STATE.start, "a value"],
  [STATE.bom1, "the rest of a byte order mark"],
  [STATE.bom2, "the rest of a byte order mark"],
  [STATE.value, "a value"],
  [STATE.valueOrEnd, "a value or `]`"],
  [STATE.keyOrEnd, "a key or `}`"],
  [STATE.key, "a key"],
  [STATE.colon, "`:`"],
  [STATE.afterMember, "`,` or `}`"],
  [STATE.afterElement, "`,` or `]`"],
  [STATE.done, "nothing after the document"],
  [STATE.string, '`"`'],
]);

/** What the grammar wants in a state, for messages. */
export function wantedIn(state: number): string {
  const wanted = WANTED.get(state);
  if (wanted !== undefined) return wanted;
  if (state >= STATE.n) return "the rest of `null`";
  if (state >= STATE.f) return "the rest of `false`";
  return state >= STATE.t ? "the rest of `true`" : "a digit";
}

/** A byte as messages show it. */
export function nameByte(buffer: Buffer, at: number): string {
  const byte = buffer[at] ?? 0;
  const isPrintable = byte > 0x20 && byte < 0x7f;
  return isPrintable ? `\`${String.fromCharCode(byte)}\`` : `byte 0x${byte.toString(16).padStart(2, "0")}`;
}

/** True where a number may end. */
export function isCompleteNumber(state: number): boolean {
  return state === STATE.zero || state === STATE.integer || state === STATE.fraction || state === STATE.exponentDigits;
}

function transitionTable(): Uint8Array {
  const table = new Uint8Array(STATES << 8).fill(ACTION.fail);
  const go = (from: number, bytes: string | readonly number[], to: number): void => {
    for (const byte of Buffer.from(bytes)) table[(from << 8) | byte] = to;
  };
  addStructure(go);
  addNumbers(go);
  addLiteral(go, ["r", "u", "e"], [STATE.t, STATE.tr, STATE.tru]);
  addLiteral(go, ["a", "l", "s", "e"], [STATE.f, STATE.fa, STATE.fal, STATE.fals]);
  addLiteral(go, ["u", "l", "l"], [STATE.n, STATE.nu, STATE.nul]);
  return table;
}

type Go = (from: number, bytes: string | readonly number[], to: number) => void;

function addStructure(go: Go): void {
  const skipping = [
    STATE.value,
    STATE.valueOrEnd,
    STATE.keyOrEnd,
    STATE.key,
    STATE.colon,
    STATE.afterMember,
    STATE.afterElement,
    STATE.done,
  ];
  for (const state of skipping) go(state, " \t\n\r", state);
  // A byte order mark is the first thing in the text or nowhere.
  go(STATE.start, " \t\n\r", STATE.value);
  go(STATE.start, [0xef], STATE.bom1);
  go(STATE.bom1, [0xbb], STATE.bom2);
  go(STATE.bom2, [0xbf], STATE.value);
  for (const state of [STATE.start, STATE.value, STATE.valueOrEnd]) {
    go(state, "{", ACTION.openObject);
    go(state, "[", ACTION.openArray);
    go(state, '"', ACTION.valueString);
    go(state, "-0123456789tfn", ACTION.scalar);
  }
  go(STATE.valueOrEnd, "]", ACTION.close);
  go(STATE.keyOrEnd, "}", ACTION.close);
  go(STATE.keyOrEnd, '"', ACTION.keyString);
  go(STATE.key, '"', ACTION.keyString);
  go(STATE.colon, ":", STATE.value);
  go(STATE.afterMember, ",", STATE.key);
  go(STATE.afterMember, "}", ACTION.close);
  go(STATE.afterElement, ",", STATE.value);
  go(STATE.afterElement, "]", ACTION.close);
}

function addNumbers(go: Go): void {
  go(STATE.minus, "0", STATE.zero);
  go(STATE.minus, "123456789", STATE.integer);
  go(STATE.integer, "0123456789", STATE.integer);
  for (const state of [STATE.zero, STATE.integer]) go(state, ".", STATE.point);
  for (const state of [STATE.point, STATE.fraction]) go(state, "0123456789", STATE.fraction);
  for (const state of [STATE.zero, STATE.integer, STATE.fraction]) go(state, "eE", STATE.exponent);
  go(STATE.exponent, "+-", STATE.exponentSign);
  for (const state of [STATE.exponent, STATE.exponentSign, STATE.exponentDigits]) {
    go(state, "0123456789", STATE.exponentDigits);
  }
  for (const state of [STATE.zero, STATE.integer, STATE.fraction, STATE.exponentDigits]) {
    go(state, " \t\n\r,]}", ACTION.numberEnd);
  }
}

function addLiteral(go: Go, letters: readonly string[], states: readonly number[]): void {
  letters.forEach((letter, index) => {
    const state = states[index];
    if (state !== undefined) go(state, letter, states[index + 1] ?? ACTION.literalEnd);
  });
}

function scalarStarts(): Uint8Array {
  const table = new Uint8Array(256).fill(STATE.integer);
  for (const [text, state] of [
    ["-", STATE.minus],
    ["0", STATE.zero],
    ["t", STATE.t],
    ["f", STATE.f],
    ["n", STATE.n],
  ] as const) {
    table[text.charCodeAt(0)] = state;
  }
  return table;
}
