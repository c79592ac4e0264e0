// What may stand in a setting or behind an option, as text -> value. Each reader says undefined to what it cannot read;
// whoever asks names the setting and says what is wanted.

import { isIP } from "node:net";

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** "127.0.0.1:8080", "[::1]:8080", "localhost:8080", or a port alone, which means 127.0.0.1. Port 0 takes a free one. */
export function readAddress(text: string): Address | undefined {
  const [, ipv6, name, digits] = /^(?:(?:\[([^\]]+)\]|([^:[\]]+)):)?(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  const isAddress = ipv6 === undefined || isIP(ipv6) === 6;
  return isAddress && port <= 65_535 ? { host: ipv6 ?? name ?? "127.0.0.1", port } : undefined;
}

const SIZE_BYTES = new Map([
  ["", 1],
  ["KB", 1000],
  ["MB", 1_000_000],
  ["KIB", 1024],
  ["MIB", 1_048_576],
]);
const MAX_SIZE_BYTES = 1_073_741_824;

/** Bytes of "1048576", "512KiB", "32MiB", "10MB"; 1 byte to 1 GiB. */
export function readSize(text: string): number | undefined {
  const match = /^(\d{1,10})([A-Za-z]*)$/.exec(text);
  const bytes = Number(match?.[1]) * (SIZE_BYTES.get((match?.[2] ?? "").toUpperCase()) ?? Number.NaN);
  return Number.isNaN(bytes) || bytes < 1 || bytes > MAX_SIZE_BYTES ? undefined : bytes;
}

const UNIT_MS = new Map([
  ["ms", 1],
  ["s", 1000],
  ["m", 60_000],
  ["h", 3_600_000],
]);
const MAX_DURATION_MS = 86_400_000;

/** Milliseconds of "500ms", "30s", "5m"; at most a day. */
export function readDuration(text: string): number | undefined {
  const [, digits, unit = ""] = /^(\d{1,8})(ms|s|m|h)$/.exec(text) ?? [];
  const durationMs = Number(digits) * (UNIT_MS.get(unit) ?? Number.NaN);
  return Number.isNaN(durationMs) || durationMs > MAX_DURATION_MS ? undefined : durationMs;
}

export function readSwitch(text: string): boolean | undefined {
  return text === "true" ? true : text === "false" ? false : undefined;
}

/** Names of namespaces as Kubernetes has them (RFC 1123 labels), separated by commas. */
export function readNamespaces(text: string): readonly string[] | undefined {
  const names = [...new Set(readList(text))];
  return names.length > 0 && names.every(isNamespace) ? names : undefined;
}

export function isNamespace(text: string): boolean {
  return /^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/.test(text);
}

/** Parts between commas, without space around them and without empty ones. */
export function readList(text: string): readonly string[] {
  return text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}
