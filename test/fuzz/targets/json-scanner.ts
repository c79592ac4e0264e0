// The JSON scanner against JSON.parse, and against itself over other cuts of the same text.

import { ScanPlan } from "../../../dataplane/json/scan-plan.ts";
import { JsonScanner } from "../../../dataplane/json/scanner.ts";
import { isRecord, kindOf, law, parsed, same, sameForAll } from "../laws.ts";
import { latin1WithoutControls, longestString, textBytesOf } from "../reference-json.ts";
import { waysToCut } from "../split.ts";
import type { FuzzTarget } from "../target.ts";

const PATHS = [["model"], ["stream"], ["a", "b"], ["a", "c"], ["options"], ["usage"]] as const;
const TEXT_KEYS = ["content", "text", "name"];
const MAX_DEPTH = 40;
const MAX_CAPTURE_BYTES = 300;
/** Escapes are checked, and text is counted exactly, up to this length of a string. */
const WALKED_BYTES = 1024;

const PLANS = (["refuse", "last"] as const).map(
  (ambiguousKeys) =>
    new ScanPlan({
      paths: PATHS,
      textKeys: TEXT_KEYS,
      ambiguousKeys,
      maxCaptureBytes: MAX_CAPTURE_BYTES,
      maxDepth: MAX_DEPTH,
    }),
);

interface Scan {
  readonly fault: string | undefined;
  readonly isObject: boolean;
  readonly isComplete: boolean;
  readonly textBytes: number;
  readonly onlyText: unknown;
  readonly captures: readonly unknown[];
}

function scan(plan: ScanPlan, pieces: readonly Buffer[]): Scan {
  const scanner = new JsonScanner(plan);
  for (const piece of pieces) scanner.push(piece);
  scanner.end();
  return {
    fault: scanner.fault?.reason,
    isObject: scanner.isObject,
    isComplete: scanner.isComplete,
    textBytes: scanner.textBytes,
    onlyText: scanner.onlyText,
    captures: PATHS.map((_, path) => {
      const capture = scanner.captured(path);
      if (capture === undefined) return undefined;
      const { keyAt, start, end } = capture;
      return { keyAt, start, end, raw: capture.raw()?.toString("latin1") };
    }),
  };
}

function valueAt(document: unknown, path: readonly string[]): unknown {
  let value = document;
  for (const key of path) value = isRecord(value) && Object.hasOwn(value, key) ? value[key] : undefined;
  return value;
}

function checkAgainstParser(input: Buffer, { fault, textBytes, captures }: Scan, refuses: boolean): void {
  // As latin1 each byte is a character: offsets agree, and bytes that are no UTF-8 are allowed in strings, as they are in the scan.
  const text = latin1WithoutControls(input);
  const document = parsed(text);
  if (fault !== undefined) {
    const isBeyondJson = /^(nested deeper|duplicate key|found a key that differs)/.test(fault);
    law(document === undefined || isBeyondJson, "refuses what is JSON", fault);
    return;
  }
  if (longestString(text) > WALKED_BYTES) return;
  law(document !== undefined, "accepts what is no JSON");
  same(textBytes, textBytesOf(text, TEXT_KEYS), "counts the text");
  if (!refuses) return;
  PATHS.forEach((path, i) => {
    const capture = captures[i];
    const wanted = valueAt(document, path);
    law((capture === undefined) === (wanted === undefined), `finds ${path.join(".")} where it is`, wanted);
    if (!isRecord(capture) || typeof capture["raw"] !== "string") return;
    same(parsed(latin1WithoutControls(Buffer.from(capture["raw"], "latin1"))), wanted, `captures ${path.join(".")}`);
  });
}

export const target: FuzzTarget = {
  name: "json-scanner",
  shape: "json",
  seeds: [
    '{"model":"gpt-4o","stream":true,"messages":[{"role":"user","content":"Hi \\u00e9\\n"}],"a":{"b":[1,{"x":2}],"c":"d"}}',
    '\ufeff {"usage":{"prompt_tokens":5},"text":["a","b",{"text":"c"}],"options":null} ',
    `{"content":"data:image/png;base64,${"A".repeat(90)}","name":"${"long ".repeat(600)}"}`,
    '[1,-0.5e+7,true,false,null,"\\ud83d\\ude00"]',
  ],
  tokens: [
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    '"',
    "\\",
    "\\u",
    "\\u00",
    "null",
    "true",
    '"model"',
    '"a"',
    '"b"',
    '"text":',
    '"\\u006dodel":',
    '"MODEL":',
    '"\u017ftream":',
    "1e5",
    "-",
    "\ufeff",
  ],
  run(input, random) {
    const ways = waysToCut(input, random);
    const kinds = PLANS.map((plan) => {
      const result = sameForAll(ways, (pieces) => scan(plan, pieces), "another cut gives another result");
      law(result.isComplete === (result.fault === undefined), "complete or at fault");
      law(result.textBytes >= 0 && result.textBytes <= input.length, "text is part of the input", result.textBytes);
      checkAgainstParser(input, result, plan === PLANS[0]);
      return `${kindOf(result.fault)}/${result.captures.map((capture) => (capture === undefined ? 0 : 1)).join("")}`;
    });
    return kinds.join(" ");
  },
};
