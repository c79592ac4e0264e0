// Settings that mean the same in several programs.

import type { Setting } from "./setting.ts";
import type { Address } from "./values.ts";
import { isNamespace, readAddress, readNamespaces } from "./values.ts";

const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"];

export function words(setting: Omit<Setting<string>, "read" | "wanted">): Setting<string> {
  return { ...setting, wanted: "a text", read: (text) => text };
}

export function address(setting: Omit<Setting<Address>, "read" | "wanted" | "type">): Setting<Address> {
  return {
    ...setting,
    type: "HOST:PORT",
    wanted: "HOST:PORT, for example 127.0.0.1:8080 (0.0.0.0:8080 for all interfaces)",
    read: readAddress,
  };
}

export const KEYRING_FILE: Setting<string> = {
  ...words({
    name: "AIRL_KEYRING_FILE",
    type: "FILE",
    text: "Master keys, one base64 line each, newest first, the same for controller and data planes. Read again when it changes.",
    isRequired: true,
  }),
  wanted: "the path of the key ring",
};

export function namespaces(text: string): Setting<readonly string[]> {
  return {
    name: "AIRL_NAMESPACES",
    type: "NAME[,NAME]",
    text,
    wanted: "names of namespaces, separated by commas",
    read: readNamespaces,
  };
}

export const SYSTEM_NAMESPACE: Setting<string> = {
  name: "AIRL_SYSTEM_NAMESPACE",
  type: "NAME",
  fallback: "ai-rate-limit-system",
  text: "Its consumers identify on the routes of all namespaces.",
  wanted: "the name of a namespace",
  read: (text) => (isNamespace(text) ? text : undefined),
};

export function logLevel(text: string): Setting<string> {
  return {
    name: "AIRL_LOG_LEVEL",
    type: LOG_LEVELS.join(" | "),
    fallback: "info",
    text,
    wanted: `one of ${LOG_LEVELS.join(", ")}`,
    read: (found) => LOG_LEVELS.find((level) => level === found),
  };
}

export function keyPrefix(fallback: string): Setting<string> {
  return {
    name: "AIRL_KEY_PREFIX",
    type: "TEXT",
    fallback,
    text: "What all keys and channels in Redis begin with; the same in all programs that belong together.",
    wanted: "1 to 64 letters, digits, or any of : . _ -",
    read: (text) => (/^[A-Za-z0-9:._-]{1,64}$/.test(text) ? text : undefined),
  };
}
