import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { ResponseMeter } from "../../dataplane/providers/provider.ts";
import { fixtureCases, fixtureFolders, OPERATION_OF } from "./fixture-cases.ts";
import { anyCuts, cutAt, cutInBytes, type Metered, replay } from "./replay.ts";

const CASES = fixtureCases();

test("[unit] every folder of fixtures belongs to an operation, and has some", () => {
  expect(fixtureFolders().sort()).toEqual(Object.keys(OPERATION_OF).sort());
  for (const folder of fixtureFolders()) {
    expect(CASES.filter(({ name }) => name.startsWith(`${folder}/`)).length).toBeGreaterThan(4);
  }
});

for (const stripInjectedUsage of [false, true]) {
  const how = stripInjectedUsage ? "taking injected usage out" : "passing all bytes";
  test.for(CASES)(`[unit] meters $name whatever its split, ${how} (apisix trap 30)`, (row) => {
    const output = stripInjectedUsage ? row.stripped : row.bytes;
    const wanted = { ...row.expected, output: output.toString("latin1") };
    const meter = (): ResponseMeter => row.operation.meterResponse(row.contentType, { stripInjectedUsage });
    expect(show(replay(meter(), [row.bytes]))).toEqual(wanted);
    expect(show(replay(meter(), cutInBytes(row.bytes)))).toEqual(wanted);
    fc.assert(
      fc.property(anyCuts(row.bytes.length), (cuts) => {
        expect(show(replay(meter(), cutAt(row.bytes, cuts)))).toEqual(wanted);
      }),
      { numRuns: 60 },
    );
  });
}

test.for(CASES)("[unit] passes the very buffers of $name on when nothing is to be taken out", (row) => {
  const meter = row.operation.meterResponse(row.contentType, { stripInjectedUsage: false });
  for (const piece of cutAt(row.bytes, [7, 90, 200])) expect(meter.push(piece)).toBe(piece);
  expect(meter.end()).toBeUndefined();
});

function show(metered: Metered): unknown {
  const { reported, output } = metered;
  return { ...metered, reported: reported ? withoutRaw(reported) : null, output: output.toString("latin1") };
}

/** What the provider said in its own words is another test's matter. */
function withoutRaw({ usage, source, missing }: NonNullable<Metered["reported"]>): object {
  return missing === undefined ? { usage, source } : { usage, source, missing };
}
