// Durations as people write them: "30s", "1m30s", "24h", "7d". Pure.

const FORM = /^(?:(\d{1,8})d)?(?:(\d{1,8})h)?(?:(\d{1,8})m)?(?:(\d{1,8})s)?(?:(\d{1,8})ms)?$/;
const UNITS_MS = [86_400_000, 3_600_000, 60_000, 1000, 1];

/** Milliseconds; undefined when the text is no duration. Units stand from large to small, each at most once; a day is 24h. */
export function parseDuration(text: string): number | undefined {
  const match = text === "" ? null : FORM.exec(text);
  if (match === null) return undefined;
  return UNITS_MS.reduce((sum, unitMs, i) => sum + Number(match[i + 1] ?? 0) * unitMs, 0);
}
