// Equal values are kept once, and not more than so many of them.

import { expect, test } from "vitest";
import { createSharedValues } from "../../controller/shared-values.ts";

test("[controller] an equal value is the one that was shared before", () => {
  const values = createSharedValues<{ readonly a: number }>(2);
  const first = values.share({ a: 1 });
  expect(values.share({ a: 1 })).toBe(first);
  expect(values.share({ a: 2 })).not.toBe(first);
});

test("[controller] the oldest is forgotten beyond the bound, and shared anew", () => {
  const values = createSharedValues<{ readonly a: number }>(2);
  const first = values.share({ a: 1 });
  const second = values.share({ a: 2 });
  values.share({ a: 3 });
  expect(values.share({ a: 2 })).toBe(second);
  expect(values.share({ a: 1 })).not.toBe(first);
  expect(values.share({ a: 1 })).toEqual(first);
});
