import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { openAiDialect } from "../../dataplane/providers/openai.ts";
import type { ResponseMeter } from "../../dataplane/providers/provider.ts";
import { anyCuts, cutAt, cutInBytes, type Metered, replay } from "./replay.ts";

const FOLDER = fileURLToPath(new URL("../fixtures/providers/openai/", import.meta.url));
const FILES = readdirSync(FOLDER);
const CASES = FILES.filter((file) => /^[^.]+\.(json|sse)$/.test(file)).map(readCase);

test("[unit] the folder of OpenAI fixtures is read", () => {
  expect(CASES.length).toBeGreaterThan(30);
});

for (const stripInjectedUsage of [false, true]) {
  const how = stripInjectedUsage ? "taking injected usage out" : "passing all bytes";
  test.for(CASES)(`[unit] meters $name whatever its split, ${how}`, (row) => {
    const output = stripInjectedUsage ? row.stripped : row.bytes;
    const wanted = { ...row.expected, output: output.toString("latin1") };
    const meter = (): ResponseMeter =>
      openAiDialect.defaultOperation.meterResponse(row.contentType, { stripInjectedUsage });
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
  const meter = openAiDialect.defaultOperation.meterResponse(row.contentType, { stripInjectedUsage: false });
  for (const piece of cutAt(row.bytes, [7, 90, 200])) expect(meter.push(piece)).toBe(piece);
  expect(meter.end()).toBeUndefined();
});

interface Case {
  readonly name: string;
  readonly contentType: string;
  readonly bytes: Buffer;
  readonly stripped: Buffer;
  readonly expected: object;
}

function readCase(file: string): Case {
  const [name = "", extension = ""] = file.split(".");
  const bytes = readFileSync(FOLDER + file);
  const strippedFile = `${name}.stripped.${extension}`;
  const stripped = FILES.includes(strippedFile) ? readFileSync(FOLDER + strippedFile) : bytes;
  const expected: unknown = JSON.parse(readFileSync(`${FOLDER}${name}.expected.json`, "utf8"));
  if (typeof expected !== "object" || expected === null) throw new TypeError(`${name}: expected is no object`);
  const contentType = extension === "sse" ? "text/event-stream; charset=utf-8" : "application/json";
  return { name, contentType, bytes, stripped, expected };
}

function show(metered: Metered): unknown {
  return { ...metered, reported: metered.reported ?? null, output: metered.output.toString("latin1") };
}
