// Times as Kubernetes writes them.

/** "2026-01-01T00:00:00Z", as metav1.Time is written. */
export function isoSeconds(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d{3}Z$/, "Z");
}
