// Amounts of money as people write them -> nano units (1e-9), the whole numbers that counters hold. Pure.

const FORM = /^(\d{1,9})(?:\.(\d{1,9}))?$/;
const DIGITS = 9;

/** "12.50" is 12500000000. Undefined when the text is no such amount, or has no exact double (2^53 nano units and more). */
export function parseNano(text: string): number | undefined {
  const match = FORM.exec(text);
  if (match === null) return undefined;
  const [, whole = "", fraction = ""] = match;
  const nano = Number(whole + fraction.padEnd(DIGITS, "0"));
  return Number.isSafeInteger(nano) ? nano : undefined;
}
