// The containers that are open around a place in a JSON text. Each is one number, so that nesting makes no garbage:
// the state after a value in it, whether strings in it are text (arrays), its node and which keys it has had (objects).

import { STATE } from "./grammar.ts";

const STATE_MASK = 0x1f;
const TEXT_FLAG = 0x20;
const NODE_SHIFT = 6;
const NODE_MASK = 0x3f;
const SEEN_SHIFT = 12;

export class Nesting {
  depth = 0;

  private readonly outer: number[] = [];
  private container: number = STATE.done;

  reset(): void {
    this.depth = 0;
    this.container = STATE.done;
  }

  openObject(node: number): void {
    this.open(STATE.afterMember | (node << NODE_SHIFT));
  }

  openArray(isText: boolean): void {
    this.open(STATE.afterElement | (isText ? TEXT_FLAG : 0));
  }

  close(): void {
    this.depth -= 1;
    this.container = this.outer[this.depth] ?? STATE.failed;
  }

  /** What comes after a value in the innermost container. */
  get stateAfterValue(): number {
    return this.container & STATE_MASK;
  }

  get isText(): boolean {
    return (this.container & TEXT_FLAG) !== 0;
  }

  get node(): number {
    return (this.container >> NODE_SHIFT) & NODE_MASK;
  }

  /** Notes that the innermost object has the key of this bit; false when it had it before. */
  markSeen(bit: number): boolean {
    const before = this.container;
    this.container |= bit << SEEN_SHIFT;
    return this.container !== before;
  }

  private open(container: number): void {
    this.outer[this.depth] = this.container;
    this.depth += 1;
    this.container = container;
  }
}
