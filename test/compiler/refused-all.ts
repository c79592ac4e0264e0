// Every manifest that is refused for what it says by itself: one table for the compiler, `validate`, the API server and the
// webhook.

import { aBackend, type Manifest, withField } from "./manifest-builders.ts";
import type { Refused } from "./refused-fields.ts";
import { REFUSED_MANIFESTS } from "./refused-manifests.ts";
import { REFUSED_POLICIES } from "./refused-policies.ts";
import { REFUSED_RESPONSES } from "./refused-responses.ts";
import { REFUSED_TEMPLATES } from "./refused-templates.ts";

export const REFUSED: readonly Refused[] = [
  ...REFUSED_MANIFESTS,
  REFUSED_POLICIES,
  REFUSED_RESPONSES,
  REFUSED_TEMPLATES,
];

export interface RefusedCase {
  readonly name: string;
  readonly manifest: Manifest;
  /** What it refers to. */
  readonly others: readonly Manifest[];
  /** The finding: "<field>: found ..., wanted ...". */
  readonly line: string;
}

export const REFUSED_CASES: readonly RefusedCase[] = REFUSED.flatMap(({ title, base, rows }) =>
  rows.map(({ at, to, line }) => ({
    name: `${title} ${at}: ${shown(to)}`,
    manifest: withField(base, at, to),
    others: [aBackend()].filter(() => base["kind"] === "AIRoute"),
    line,
  })),
);

function shown(value: unknown): string {
  return value === undefined ? "absent" : JSON.stringify(value).slice(0, 100);
}
