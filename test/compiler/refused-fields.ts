// One way to get a field wrong per row, with the exact line that its author is shown.

import { describe, test } from "vitest";
import { aBackend, compiled, type Manifest, withField } from "./manifest-builders.ts";

export interface Row {
  /** Field that is changed. */
  readonly at: string;
  /** What is written there; undefined takes the field away. */
  readonly to: unknown;
  /** The finding: "<field>: found ..., wanted ...". */
  readonly line: string;
}

export const LABEL = "a name: lower-case letters, digits and -, starting and ending with a letter or digit, at most 63";
export const OBJECT_NAME =
  "a name: lower-case letters, digits, - and ., starting and ending with a letter or digit, at most 253";

export interface Refused {
  readonly title: string;
  /** A valid object, of which each row changes one field. */
  readonly base: Manifest;
  readonly rows: readonly Row[];
}

export function rejects({ title, base, rows }: Refused): void {
  describe(title, () => {
    const others = [aBackend()].filter(() => base["kind"] === "AIRoute");
    for (const { at, to, line } of rows) {
      const shown = to === undefined ? "absent" : JSON.stringify(to).slice(0, 40);
      test(`[unit] refuses a ${title} with ${at}: ${shown}`, ({ expect }) => {
        const output = compiled(withField(base, at, to), ...others);
        const errors = output.findings.filter(({ severity }) => severity === "error");
        expect(errors.map(({ field, found, wanted }) => `${field}: found ${found}, wanted ${wanted}`)).toEqual([line]);
        expect(output.objects.filter(({ kind }) => kind === base["kind"])).toEqual([]);
      });
    }
  });
}
