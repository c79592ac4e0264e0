// Which models a consumer may ask for.

import { expect, test } from "vitest";
import { ModelRule } from "../../../dataplane/identify/model-rule.ts";

const row = (allow: string[], deny: string[], model: string | undefined, permits: boolean) => ({
  allow,
  deny,
  model,
  permits,
});

test.for([
  row(["gpt-4o*"], [], "gpt-4o", true),
  row(["gpt-4o*"], [], "gpt-4o-mini", true),
  row(["gpt-4o*"], [], "gpt-4", false),
  row(["gpt-4o*"], [], "GPT-4o", true),
  row(["gpt-4o*"], ["gpt-4o-mini"], "gpt-4o-mini", false),
  row(["gpt-4o*"], ["gpt-4o-mini"], "GPT-4O-MINI", false),
  row([], ["o1*"], "gpt-4o", true),
  row([], ["o1*"], "o1-pro", false),
  row(["*"], [], "anything", true),
  row(["gpt-?"], [], "gpt-4", true),
  row(["gpt-4"], [], "my-gpt-4", false),
  row(["*"], [], undefined, false),
  row([], ["o1*"], undefined, false),
  row(["*"], [], "x".repeat(513), false),
])("[unit] allow $allow deny $deny: $model is permitted: $permits", ({ allow, deny, model, permits }) => {
  expect(new ModelRule({ allow, deny }).permits(model)).toBe(permits);
});
