// What the fuzzer asks of a target. A file in targets/ that exports `target` is one; nothing else has to be told of it.

import type { Random } from "./random.ts";

export interface FuzzTarget {
  readonly name: string;
  /** Shape of an input, for mutations that keep it in shape. */
  readonly shape: "bytes" | "text" | "json" | "sse";
  /** Inputs to start from, beside those in corpus/<name>/. At least one. */
  readonly seeds: readonly string[];
  /** Tokens that mean something to the parser. */
  readonly tokens: readonly string[];
  /** A longer input is cut. Default 65536. */
  readonly maxBytes?: number;
  /** CPU time that one case may take, for all its readings together. Default 250. */
  readonly maxMs?: number;
  /**
   * Feeds one input to the parser and checks its laws; throws when one is broken, and whatever the parser throws is a
   * finding too. Returns the kind of outcome in a few words: an input with a new kind is kept to start from.
   */
  run(input: Buffer, random: Random): string;
}

const SHAPES = new Set<unknown>(["bytes", "text", "json", "sse"]);

export function isFuzzTarget(value: unknown): value is FuzzTarget {
  if (typeof value !== "object" || value === null) return false;
  return "name" in value && "run" in value && "shape" in value && SHAPES.has(value.shape);
}
