// One ask of a request that is decided, wherever it counts: in Redis, here until its script has answered, or among the
// charges. Sees to it that it counts once, or not at all when it is released, in whatever order answers come.

import type { Check, Hold } from "../core/counter-store.ts";
import type { ChargeBook } from "./charge-book.ts";
import { type ChargeItem, CounterAmount } from "./owed-amounts.ts";

/**
 * taken: Redis counts it. held: it counts here, and the script may have added it or not. charged: it is a charge.
 * released: it counts nowhere, and what the script may yet have added is given back.
 */
type Place = "taken" | "held" | "charged" | "released";

export class CountedAsk implements Hold {
  readonly #book: ChargeBook;
  #item: ChargeItem;
  #place: Place;

  constructor(book: ChargeBook, item: ChargeItem, place: Place) {
    this.#book = book;
    this.#item = item;
    this.#place = place;
  }

  /** The script has answered, or never will. `index` is of the window that it has added the ask in. */
  answered(index: number | undefined): void {
    const { counter, amount } = this.#item;
    const place = this.#place;
    if (place === "held") this.#book.release(this.#item);
    if (index !== undefined) this.#item = new CounterAmount(counter, amount, index);
    if (place === "held") this.#place = index === undefined ? chargedIn(this.#book, this.#item) : "taken";
    else if (place === "released" && index !== undefined) this.#book.giveBack(this.#item);
  }

  release(): void {
    if (this.#place === "held") this.#book.release(this.#item);
    else if (this.#place !== "released") this.#book.giveBack(this.#item);
    this.#place = "released";
  }
}

/** The script has added it, in the window with this index. */
export function takenAsk(book: ChargeBook, { counter, ask }: Check, index: number): CountedAsk {
  return new CountedAsk(book, new CounterAmount(counter, ask, index), "taken");
}

/** The script may have added it, and will answer. */
export function heldAsk(book: ChargeBook, { counter, ask }: Check): CountedAsk {
  const item = book.hold(counter, ask);
  return new CountedAsk(book, item ?? book.itemOf(counter, ask), item === undefined ? "released" : "held");
}

/** The script may have added it, though it is not to count. */
export function unwantedAsk(book: ChargeBook, { counter, ask }: Check): CountedAsk {
  return new CountedAsk(book, book.itemOf(counter, ask), "released");
}

/** The script has not added it, or none was sent. `index` is of the window to count it in; undefined: the present one. */
export function chargedAsk(book: ChargeBook, { counter, ask }: Check, index: number | undefined): CountedAsk {
  const item = index === undefined ? book.itemOf(counter, ask) : new CounterAmount(counter, ask, index);
  return new CountedAsk(book, item, chargedIn(book, item));
}

/** What is lost, as too much is owed already, is not given back either. */
function chargedIn(book: ChargeBook, item: ChargeItem): Place {
  return book.chargeItem(item) ? "charged" : "released";
}
