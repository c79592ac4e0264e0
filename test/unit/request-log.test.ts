// Lines that are put together as text are those that the logger would have written.

import { pino } from "pino";
import { expect, test } from "vitest";
import { createLineWriter } from "../../dataplane/request-log.ts";

const FIXED_TIME = { timestamp: () => ',"time":1700000000000' };

function collect(): { readonly lines: string[]; readonly stream: { write(line: string): void } } {
  const lines: string[] = [];
  return { lines, stream: { write: (line) => void lines.push(line) } };
}

test.for([
  { name: "without bindings", base: null, bindings: {} },
  { name: "with a base and a child's bindings", base: { pod: "a-1" }, bindings: { part: "proxy" } },
])("[unit] writes the logger's own line $name", ({ base, bindings }) => {
  const { lines, stream } = collect();
  const log = pino({ base, ...FIXED_TIME }, stream).child(bindings);
  log.info({ status: 200, model: "gpt-4o" }, "request");
  createLineWriter(log, "request")('"status":200,"model":"gpt-4o"');
  expect(lines).toHaveLength(2);
  expect(lines[1]).toBe(lines[0]);
});

test("[unit] writes nothing while the level is above info", () => {
  const { lines, stream } = collect();
  const log = pino({ base: null, level: "warn" }, stream);
  const write = createLineWriter(log, "request");
  write('"status":200');
  expect(lines).toEqual([]);
  log.level = "info";
  write('"status":200');
  expect(lines).toHaveLength(1);
});
