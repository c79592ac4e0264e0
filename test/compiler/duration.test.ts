// Durations as people write them.

import fc from "fast-check";
import { test } from "vitest";
import { parseDuration } from "../../dataplane/core/duration.ts";

test.for([
  { text: "30s", ms: 30_000 },
  { text: "1m", ms: 60_000 },
  { text: "24h", ms: 86_400_000 },
  { text: "7d", ms: 604_800_000 },
  { text: "1m30s", ms: 90_000 },
  { text: "1d2h3m4s5ms", ms: 93_784_005 },
  { text: "250ms", ms: 250 },
  { text: "0s", ms: 0 },
  { text: "007s", ms: 7000 },
  { text: "", ms: undefined },
  { text: "30", ms: undefined },
  { text: "90x", ms: undefined },
  { text: "1.5h", ms: undefined },
  { text: "-1s", ms: undefined },
  { text: "1 s", ms: undefined },
  { text: "30s1m", ms: undefined },
  { text: "1s1s", ms: undefined },
  { text: "1H", ms: undefined },
  { text: "999999999s", ms: undefined },
])('[unit] reads "$text" as $ms ms', ({ text, ms }, { expect }) => {
  expect(parseDuration(text)).toBe(ms);
});

test("[unit] what is written from parts is the sum of the parts", () => {
  const part = fc.nat(9999);
  fc.assert(
    fc.property(part, part, part, part, part, (d, h, m, s, ms) => {
      const text = `${String(d)}d${String(h)}h${String(m)}m${String(s)}s${String(ms)}ms`;
      return parseDuration(text) === (((d * 24 + h) * 60 + m) * 60 + s) * 1000 + ms;
    }),
  );
});
