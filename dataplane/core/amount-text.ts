// How an amount of a unit is written for people and in headers. Pure.

import type { Unit } from "./usage.ts";

const NANO_DIGITS = 9;
const NANO = 10 ** NANO_DIGITS;

/** An integer as it is; Cost, which counts nano units, as a decimal without exponent and trailing zeros: "4.9999858". */
export function amountText(unit: Unit, amount: number): string {
  if (unit !== "Cost") return String(amount);
  const rest = amount % NANO;
  const whole = String((amount - rest) / NANO);
  if (rest === 0) return whole;
  return `${whole}.${String(rest).padStart(NANO_DIGITS, "0").replace(/0+$/, "")}`;
}
