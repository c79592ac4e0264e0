// Commands on their way, in the order in which their answers will come. A ring that is kept for long and whose places are
// emptied one by one: a list that is let go of while it holds answered commands keeps all that they refer to from being
// collected cheaply.

import type { Command } from "./command.ts";

/** A power of two, as all later sizes are: positions are cut to the ring by a mask. */
const FIRST_SIZE = 64;

export class CommandQueue {
  #places = new Array<Command | undefined>(FIRST_SIZE).fill(undefined);
  #first = 0;
  #count = 0;

  get isEmpty(): boolean {
    return this.#count === 0;
  }

  push(command: Command): void {
    if (this.#count === this.#places.length) this.#grow();
    this.#places[(this.#first + this.#count) & (this.#places.length - 1)] = command;
    this.#count += 1;
  }

  /** The oldest; undefined when there is none. */
  shift(): Command | undefined {
    const command = this.#places[this.#first];
    if (command === undefined) return undefined;
    this.#places[this.#first] = undefined;
    this.#first = (this.#first + 1) & (this.#places.length - 1);
    this.#count -= 1;
    return command;
  }

  #grow(): void {
    const places = this.#places;
    this.#places = [...places.slice(this.#first), ...places.slice(0, this.#first), ...places.fill(undefined)];
    this.#first = 0;
  }
}
