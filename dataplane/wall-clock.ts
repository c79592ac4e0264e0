// The only reader of the machine's clock in the data plane's program; everything else is handed a time.

export function wallClockMs(): number {
  return Date.now();
}
