// The only reader of the machine's clock on the command line's side; everything else is handed a time.

export function wallClockMs(): number {
  return Date.now();
}
