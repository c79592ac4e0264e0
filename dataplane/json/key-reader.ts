// Reads a member's key, whole or in pieces, and names the planned key that it is. Keeps at most the few bytes that a
// planned key can have, however long the key is. scanner.ts decides what the key means for its value.

import type { PlannedKey, ScanPlan } from "./scan-plan.ts";
import type { StringSkipper } from "./string-skipper.ts";

const EMPTY = Buffer.alloc(0);

export class KeyReader {
  /** Offset in the whole text of the key's opening quote. */
  at = 0;
  /** Whether the key found last is spelled exactly as planned, or differs from it in case. */
  isExact = false;

  private readonly plan: ScanPlan;
  private readonly strings: StringSkipper;
  /** The part of the key that earlier buffers held. */
  private head: Buffer = EMPTY;

  constructor(plan: ScanPlan, strings: StringSkipper) {
    this.plan = plan;
    this.strings = strings;
  }

  begin(at: number): void {
    this.at = at;
    this.head = EMPTY;
  }

  /** Keeps one byte more than any planned key can have at most, so that a longer key is seen to be longer. */
  keep(buffer: Buffer, from: number, to: number): void {
    const room = this.plan.maxKeyBytes + 1 - this.head.length;
    const part = buffer.subarray(from, Math.min(to, from + room));
    if (room > 0) this.head = Buffer.concat([this.head, part]);
  }

  /** The planned key that this one is, if any. `buffer[from, to)` is what follows the parts kept. */
  end(buffer: Buffer, from: number, to: number): PlannedKey | undefined {
    if (this.head.length === 0) return this.find(buffer, from, to);
    this.keep(buffer, from, to);
    return this.find(this.head, 0, this.head.length);
  }

  /** As `end`, for a key that lies whole in the buffer and has no escapes. */
  findPlain(buffer: Buffer, from: number, to: number): PlannedKey | undefined {
    const key = this.plan.find(buffer, from, to);
    if (key !== undefined) {
      this.isExact = equalBytes(key.bytes, buffer, from);
      return key;
    }
    if (this.plan.wishes.ambiguousKeys !== "refuse" || to - from > this.plan.maxKeyBytes) return undefined;
    return hasNonAscii(buffer, from, to) ? this.findText(buffer.toString("utf8", from, to)) : undefined;
  }

  private find(buffer: Buffer, from: number, to: number): PlannedKey | undefined {
    if (!this.strings.escaped) return this.findPlain(buffer, from, to);
    if (to - from > this.plan.maxKeyBytes) return undefined;
    return this.findText(unescapeKey(buffer.toString("utf8", from, to)));
  }

  private findText(text: string | undefined): PlannedKey | undefined {
    const key = text === undefined ? undefined : this.plan.findFolded(text);
    this.isExact = key?.name === text;
    return key;
  }
}

function equalBytes(wanted: Buffer, buffer: Buffer, from: number): boolean {
  for (let i = 0; i < wanted.length; i++) {
    if (buffer[from + i] !== wanted[i]) return false;
  }
  return true;
}

function hasNonAscii(buffer: Buffer, from: number, to: number): boolean {
  for (let i = from; i < to; i++) {
    if ((buffer[i] ?? 0) >= 0x80) return true;
  }
  return false;
}

/** Undefined for a key that holds raw control characters: no planned key does. */
function unescapeKey(raw: string): string | undefined {
  try {
    const text: unknown = JSON.parse(`"${raw}"`);
    return typeof text === "string" ? text : undefined;
  } catch {
    return undefined;
  }
}
