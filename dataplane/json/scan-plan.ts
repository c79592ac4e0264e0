// What a scan is to look for, compiled once per kind of document: the tree of wanted paths and the keys whose strings
// are text. Knows no scanning; scanner.ts asks it about each key.

export interface ScanWishes {
  /** Paths of keys from the document's top; no path may be the beginning of another. Arrays are not entered. */
  readonly paths: readonly (readonly string[])[];
  /** Keys (exact, at any depth) whose string values are counted as text, also when the strings are in arrays below. */
  readonly textKeys: readonly string[];
  /**
   * What to do with a key on a wanted path that comes twice in one object, or that differs from it only in case:
   * "refuse" (decoders disagree on what such a text means) or "last" (the last exact one counts).
   */
  readonly ambiguousKeys: "refuse" | "last";
  /** A wanted value longer than this is located but its bytes are not kept. */
  readonly maxCaptureBytes: number;
  readonly maxDepth: number;
}

/** A key that some path or the text rule names. */
export interface PlannedKey {
  readonly name: string;
  readonly isText: boolean;
  readonly bytes: Buffer;
  /** Per byte, the bits that must agree for the keys to be equal but for ASCII case. */
  readonly caseMask: Buffer;
  /** Child node by parent node; 0 is no node. */
  readonly childOf: Uint8Array;
}

export const NO_NODE = 0;
export const ROOT_NODE = 1;
const MAX_NODES = 64;
const MAX_CHILDREN = 16;
const MAX_NAME_BYTES = 32;
const ASCII_LETTER = /[A-Za-z]/;
const CASE_BIT = 0x20;
/** Longest way to write one character of a key: a \u escape. */
const MAX_BYTES_PER_CHARACTER = 6;

export class ScanPlan {
  readonly wishes: ScanWishes;
  /** Raw bytes beyond which no key can be one of the plan's, however it is written. */
  readonly maxKeyBytes: number;
  private readonly byLength: PlannedKey[][] = [];
  /** Whether a key of this length and first byte may be one of the plan's: most keys are not, and most end here. */
  private readonly mayBe = new Uint8Array(MAX_NAME_BYTES << 8);
  private readonly byFoldedName = new Map<string, PlannedKey>();
  /** Per node: the position of its path in `wishes.paths`, undefined for inner nodes. */
  private readonly pathOf: (number | undefined)[] = [undefined, undefined];
  /** Per node: its bit among its siblings. */
  private readonly bits: number[] = [0, 0];

  constructor(wishes: ScanWishes) {
    this.wishes = wishes;
    const names = new Set([...wishes.paths.flat(), ...wishes.textKeys]);
    for (const name of names) this.addKey(name, wishes.textKeys.includes(name));
    wishes.paths.forEach((path, index) => {
      this.addPath(path, index);
    });
    this.maxKeyBytes = MAX_BYTES_PER_CHARACTER * Math.max(0, ...[...names].map((name) => name.length));
  }

  /** Position of the wanted path that ends at this node. */
  pathAt(node: number): number | undefined {
    return this.pathOf[node];
  }

  bitOf(node: number): number {
    return this.bits[node] ?? 0;
  }

  /** The plan's key that equals these raw bytes but for ASCII case, if any. They have no escapes. */
  find(buffer: Buffer, from: number, to: number): PlannedKey | undefined {
    const length = to - from;
    if (length >= MAX_NAME_BYTES || this.mayBe[(length << 8) | (buffer[from] ?? 0)] === 0) return undefined;
    for (const key of this.byLength[length] ?? []) {
      if (equalsButCase(key, buffer, from)) return key;
    }
    return undefined;
  }

  /** The plan's key that equals this text but for case, in Unicode's sense: "\u017ftream" is "stream" to some decoders. */
  findFolded(text: string): PlannedKey | undefined {
    return this.byFoldedName.get(fold(text));
  }

  private addKey(name: string, isText: boolean): void {
    const bytes = Buffer.from(name);
    const caseMask = Buffer.from([...bytes].map((byte) => (isLetter(byte) ? 0xff & ~CASE_BIT : 0xff)));
    const key = { name, isText, bytes, caseMask, childOf: new Uint8Array(MAX_NODES) };
    if (bytes.length === 0 || bytes.length >= MAX_NAME_BYTES) throw new RangeError(`not a key to look for: "${name}"`);
    (this.byLength[bytes.length] ??= []).push(key);
    for (const first of [name.toLowerCase(), name.toUpperCase()]) {
      this.mayBe[(bytes.length << 8) | first.charCodeAt(0)] = 1;
    }
    if (this.byFoldedName.has(fold(name))) throw new RangeError(`two wanted keys differ only in case: ${name}`);
    this.byFoldedName.set(fold(name), key);
  }

  private addPath(path: readonly string[], index: number): void {
    let node = ROOT_NODE;
    for (const name of path) {
      if (this.pathOf[node] !== undefined) throw new RangeError(`a path goes on below another: ${path.join(".")}`);
      node = this.childNode(node, name);
    }
    this.pathOf[node] = index;
  }

  private childNode(parent: number, name: string): number {
    const key = this.byFoldedName.get(fold(name));
    const known = key?.childOf[parent] ?? NO_NODE;
    if (key === undefined || known !== NO_NODE) return known;
    const node = this.bits.length;
    const siblings = [...this.byFoldedName.values()].filter((other) => other.childOf[parent] !== NO_NODE).length;
    if (node >= MAX_NODES || siblings >= MAX_CHILDREN) throw new RangeError("too many wanted paths");
    key.childOf[parent] = node;
    this.bits.push(1 << siblings);
    this.pathOf.push(undefined);
    return node;
  }
}

function equalsButCase(key: PlannedKey, buffer: Buffer, from: number): boolean {
  const { bytes, caseMask } = key;
  for (let i = 0; i < bytes.length; i++) {
    const difference = (buffer[from + i] ?? 0) ^ (bytes[i] ?? 0);
    if ((difference & (caseMask[i] ?? 0)) !== 0) return false;
  }
  return true;
}

function isLetter(byte: number): boolean {
  return ASCII_LETTER.test(String.fromCharCode(byte));
}

/** Upper case first: it is what brings the long s and the Kelvin sign to s and k. */
function fold(text: string): string {
  return text.toUpperCase().toLowerCase();
}
