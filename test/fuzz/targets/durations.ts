// Durations, sizes, addresses and endpoints as options give them: a value in bounds or a message.

import { CliError } from "../../../cli/cli-error.ts";
import { readAddress, readCidr, readDuration, readEndpoint, readSize } from "../../../cli/option-values.ts";
import { parseDuration } from "../../../dataplane/core/duration.ts";
import { law, same } from "../laws.ts";
import type { FuzzTarget } from "../target.ts";

const UNITS = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1000],
  ["ms", 1],
] as const;

/** The shortest text of a duration. */
function durationText(milliseconds: number): string {
  let left = milliseconds;
  const parts = UNITS.map(([unit, size]) => {
    const count = Math.floor(left / size);
    left -= count * size;
    return count === 0 ? "" : `${String(count)}${unit}`;
  });
  return parts.join("") || "0s";
}

function orMessage<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    law(error instanceof CliError && error.message !== "", "a wrong option is told as one", String(error));
    return undefined;
  }
}

export const target: FuzzTarget = {
  name: "durations",
  shape: "text",
  seeds: [
    "30s",
    "1m30s",
    "24h",
    "7d",
    "500ms",
    "1d2h3m4s5ms",
    "32MiB",
    "127.0.0.1:8080",
    "[::1]:9090",
    "llm=http://127.0.0.1:9000",
    "10.0.0.0/8",
  ],
  tokens: [
    "d",
    "h",
    "m",
    "s",
    "ms",
    "0",
    "99999999",
    "-",
    "+",
    ".",
    " ",
    "MiB",
    "KB",
    ":",
    "=",
    "http://",
    "[",
    "]",
    "65536",
  ],
  run(input) {
    const text = input.toString("utf8");
    const milliseconds = parseDuration(text);
    if (milliseconds !== undefined) {
      law(Number.isSafeInteger(milliseconds) && milliseconds >= 0, "a whole number of milliseconds", milliseconds);
      // More days than the form has digits for cannot be written back.
      if (milliseconds < 1e15)
        same(parseDuration(durationText(milliseconds)), milliseconds, "reads back from its shortest text");
    }
    const option = orMessage(() => readDuration("--x", text));
    law(option === undefined || option <= 86_400_000, "at most a day");
    const size = orMessage(() => readSize("--x", text));
    law(size === undefined || (size >= 1 && size <= 1_073_741_824), "a size in bounds", size);
    const address = orMessage(() => readAddress("--x", text));
    law(address === undefined || (address.port >= 0 && address.port <= 65_535), "a port", address?.port);
    const rest = [orMessage(() => readCidr("--x", text)), orMessage(() => readEndpoint("--x", text))];
    return [milliseconds, option, size, address, ...rest].map((value) => (value === undefined ? 0 : 1)).join("");
  },
};
