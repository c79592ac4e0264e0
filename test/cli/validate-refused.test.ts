// `validate` refuses every manifest that the compiler's tables know to be wrong, with the line that its author is shown.

import { expect, test } from "vitest";
import { z } from "zod";
import { runCommand } from "../../cli/command.ts";
import { REFUSED_CASES } from "../compiler/refused-all.ts";
import { createFakePlatform } from "./fake-platform.ts";

const output = z.object({
  errors: z.number(),
  findings: z.array(
    z.object({ severity: z.string(), line: z.number(), field: z.string(), found: z.string(), wanted: z.string() }),
  ),
});

test.for(REFUSED_CASES)("[unit] validate refuses $name", async ({ manifest, others, line }) => {
  const stdin = [manifest, ...others].map((each) => JSON.stringify(each)).join("\n---\n");
  const fake = createFakePlatform({ stdin, env: {} });
  expect(await runCommand(["validate", "-f", "-", "-o", "json"], fake.platform)).toBe(1);
  const { findings } = output.parse(JSON.parse(fake.out.all.join("\n")));
  const errors = findings.filter(({ severity }) => severity === "error");
  expect(errors.map(({ field, found, wanted }) => `${field}: found ${found}, wanted ${wanted}`)).toEqual([line]);
  expect(errors.map((error) => error.line)).toEqual([1]);
});

test("[unit] there are more than two hundred ways to be wrong, no two the same", () => {
  expect(new Set(REFUSED_CASES.map(({ manifest }) => JSON.stringify(manifest))).size).toBe(REFUSED_CASES.length);
  expect(REFUSED_CASES.length).toBeGreaterThan(200);
});
