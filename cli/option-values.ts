// What may stand behind an option: addresses, durations, sizes, ranges, overrides. Each reader names the option, what it
// found and what it wanted.

import { parseDuration } from "../dataplane/core/duration.ts";
import { parseCidr } from "../dataplane/core/ip.ts";
import * as values from "../settings/values.ts";
import { usageError } from "./cli-error.ts";

export type Address = values.Address;

/** "127.0.0.1:8080", "[::1]:8080", "localhost:8080", or a port alone, which means 127.0.0.1. Port 0 takes a free one. */
export function readAddress(option: string, text: string): Address {
  const address = values.readAddress(text);
  if (address !== undefined) return address;
  throw wrong(option, text, "HOST:PORT, for example 127.0.0.1:8080 (0.0.0.0:8080 for all interfaces)");
}

/** As one would type it: an IPv6 address in brackets. */
export function formatAddress({ host, port }: Address): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

const MAX_DURATION_MS = 86_400_000;

/** Milliseconds of "500ms", "30s", "1m30s"; at most a day. */
export function readDuration(option: string, text: string): number {
  const durationMs = parseDuration(text);
  if (durationMs === undefined || durationMs > MAX_DURATION_MS) {
    throw wrong(option, text, "a number and ms, s, m or h, at most 24h: for example 30s");
  }
  return durationMs;
}

/** Bytes of "1048576", "512KiB", "32MiB", "10MB"; 1 byte to 1 GiB. */
export function readSize(option: string, text: string): number {
  const bytes = values.readSize(text);
  if (bytes === undefined) {
    throw wrong(option, text, "a number of bytes, or one with KB, MB, KiB or MiB, at most 1024MiB: for example 32MiB");
  }
  return bytes;
}

/** "10.0.0.0/8" or a single address; as it was given. */
export function readCidr(option: string, text: string): string {
  if (parseCidr(text) === undefined) throw wrong(option, text, "an address range, for example 10.0.0.0/8 or 192.0.2.7");
  return text;
}

export interface EndpointOverride {
  /** A backend's name, or a provider's in any case. */
  readonly name: string;
  readonly url: string;
}

/** "openai=http://127.0.0.1:9000". The URL may have a path; it may not hold a user, a query or a fragment. */
export function readEndpoint(option: string, text: string): EndpointOverride {
  const at = text.indexOf("=");
  const name = text.slice(0, Math.max(at, 0));
  const url = text.slice(at + 1);
  if (name === "" || !isPlainUrl(url)) {
    throw wrong(option, text, "NAME=URL with an http or https URL, for example openai=http://127.0.0.1:9000");
  }
  return { name, url };
}

function isPlainUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  const http = url.protocol === "http:" || url.protocol === "https:";
  return http && url.username === "" && url.password === "" && url.search === "" && url.hash === "";
}

/** One of the words given. */
export function readChoice<Choice extends string>(option: string, text: string, choices: readonly Choice[]): Choice {
  const choice = choices.find((candidate) => candidate === text);
  if (choice === undefined) throw wrong(option, text, `one of ${choices.join(", ")}`);
  return choice;
}

function wrong(option: string, found: string, wanted: string): Error {
  return usageError(`--${option}: found "${found}", wanted ${wanted}`);
}
