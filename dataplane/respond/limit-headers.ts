// The limit headers of an answer: each limit in the formats that its own policy wants, all together within a bound.

import { FORMAT, type Format, LABELLED_FORMATS } from "./header-rules.ts";
import { writeIetf, writeRefusedIetf } from "./ietf-headers.ts";
import { ANTHROPIC, IETF_DRAFT_03, type KindFormat, OPENAI, writeKinds } from "./kind-headers.ts";
import { INSTANCE, RULE, writeLabels } from "./label-headers.ts";
import { type LabelledStatus, shownIn } from "./labelled-status.ts";
import { writeQueryCost } from "./query-cost.ts";
import type { RefusedWait } from "./retry-after.ts";
import { writeWindow, writeWindowResets } from "./window-headers.ts";

/** Names, values and 4 bytes for each. Clients of Node refuse heads of more than 16 KiB, and an answer has other headers. */
const LIMIT_HEADER_BYTES = 12_288;
const DEFAULT_FORMATS = FORMAT.Window | FORMAT.IETF;
/** As many limits have less than half of that in the default formats, whatever their names: nobody has to count. */
const FEW = 4;

/** Adds name, value, name, value, ... for an answer that is passed on. Returns the formats that were needed. */
export function writeLimitHeaders(out: string[], labelled: readonly LabelledStatus[]): number {
  let formats = 0;
  for (const { words } of labelled) formats |= words.rules.shown;
  if (formats === 0) return 0;
  const start = out.length;
  writePassed(out, { labelled, formats, cap: labelled.length });
  const isShort = labelled.length <= FEW && (formats & ~DEFAULT_FORMATS) === 0;
  if (!isShort && bytesFrom(out, start) > LIMIT_HEADER_BYTES) {
    writeFewer(out, { start, cap: labelled.length }, (cap) => {
      writePassed(out, { labelled, formats, cap });
    });
  }
  return formats;
}

/** For a refusal. What is reset is said only where a limit in that format refuses. */
export function writeRefusedLimitHeaders(out: string[], labelled: readonly LabelledStatus[], wait: RefusedWait): void {
  let formats = 0;
  for (const { words } of labelled) formats |= words.rules.resets;
  const start = out.length;
  writeRefused(out, { labelled, formats, cap: labelled.length }, wait);
  writeFewer(out, { start, cap: labelled.length }, (cap) => {
    writeRefused(out, { labelled, formats, cap }, wait);
  });
}

interface Shown {
  readonly labelled: readonly LabelledStatus[];
  /** Those that any of them wants. */
  readonly formats: number;
  /** At most so many in each format. */
  readonly cap: number;
}

function writePassed(out: string[], { labelled, formats, cap }: Shown): void {
  const start = out.length;
  if ((formats & FORMAT.Window) !== 0) {
    const shown = shownIn(FORMAT.Window, labelled);
    writeWindow(out, shown, cap);
    writeQueryCost(out, shown);
  }
  if ((formats & FORMAT.IETF) !== 0) writeIetf(out, shownIn(FORMAT.IETF, labelled), cap);
  if ((formats & ~DEFAULT_FORMATS) !== 0) writeOthers(out, { formats, cap, entriesIn: (f) => shownIn(f, labelled) });
  dropRepeats(out, start, formats);
}

function writeRefused(out: string[], { labelled, formats, cap }: Shown, wait: RefusedWait): void {
  const start = out.length;
  if ((formats & FORMAT.Window) !== 0) {
    const shown = shownIn(FORMAT.Window, labelled);
    writeWindow(out, shown, cap);
    writeQueryCost(out, shown);
    const exhausted = labelled.filter(
      ({ status, words }) => status.exhausted && (words.rules.resets & FORMAT.Window) !== 0,
    );
    if (exhausted.length > 0) writeWindowResets(out, { exhausted, wait }, cap);
  }
  if ((formats & FORMAT.IETF) !== 0) writeRefusedIetf(out, shownIn(FORMAT.IETF, labelled), cap);
  const entriesIn = (format: Format): readonly LabelledStatus[] => {
    return labelled.filter(({ status, words: { rules } }) => {
      return ((status.exhausted ? rules.resets : rules.shown) & format) !== 0;
    });
  };
  writeOthers(out, { formats, cap, entriesIn });
  dropRepeats(out, start, formats);
}

const KIND_FORMATS: readonly KindFormat[] = [IETF_DRAFT_03, OPENAI, ANTHROPIC];

interface Others extends Omit<Shown, "labelled"> {
  readonly entriesIn: (format: Format) => readonly LabelledStatus[];
}

function writeOthers(out: string[], { formats, cap, entriesIn }: Others): void {
  for (const as of [INSTANCE, RULE]) {
    if ((formats & as.format) !== 0) writeLabels(out, entriesIn(as.format), { as, cap });
  }
  for (const as of KIND_FORMATS) {
    if ((formats & as.format) !== 0) writeKinds(out, entriesIn(as.format), as);
  }
}

/** Labels of two formats can make one name of a header: the first stays. Within a format the names are told apart before. */
function dropRepeats(out: string[], start: number, formats: number): void {
  const labelled = formats & LABELLED_FORMATS;
  if ((labelled & (labelled - 1)) === 0) return;
  const names = new Set<string>();
  let kept = start;
  for (let i = start; i < out.length; i += 2) {
    const name = out[i] ?? "";
    const lower = name.toLowerCase();
    if (names.has(lower)) continue;
    names.add(lower);
    out[kept] = name;
    out[kept + 1] = out[i + 1] ?? "";
    kept += 2;
  }
  out.length = kept;
}

interface Written {
  /** Where the limit headers begin. */
  readonly start: number;
  /** What they were written with. */
  readonly cap: number;
}

/** Until they fit: fewer limits in each format, those with the least share remaining. One limit always fits. */
function writeFewer(out: string[], { start, cap }: Written, write: (cap: number) => void): void {
  let fewer = cap;
  for (let bytes = bytesFrom(out, start); bytes > LIMIT_HEADER_BYTES && fewer > 1; bytes = bytesFrom(out, start)) {
    fewer = Math.max(1, Math.min(fewer - 1, Math.floor((fewer * LIMIT_HEADER_BYTES) / bytes)));
    out.length = start;
    write(fewer);
  }
}

/** As HTTP/1.1 sends them: ": " and a line end for each. */
function bytesFrom(out: readonly string[], start: number): number {
  let bytes = (out.length - start) * 2;
  for (let i = start; i < out.length; i += 1) bytes += out[i]?.length ?? 0;
  return bytes;
}
