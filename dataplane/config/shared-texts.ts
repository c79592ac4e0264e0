// Texts and lists of texts that many records have alike, kept once.

/** With more of them sharing starts anew. */
const SHARED = 10_000;

export class SharedTexts {
  #lists = new Map<string, readonly string[]>();
  #texts = new Map<string, string>();

  text(text: string): string {
    const known = this.#texts.get(text);
    if (known !== undefined) return known;
    if (this.#texts.size >= SHARED) this.#texts = new Map();
    this.#texts.set(text, text);
    return text;
  }

  list(list: readonly string[]): readonly string[] {
    const id = JSON.stringify(list);
    const known = this.#lists.get(id);
    if (known !== undefined) return known;
    if (this.#lists.size >= SHARED) this.#lists = new Map();
    this.#lists.set(id, list);
    return list;
  }
}
