// The key ring's file: read at the start, and again whenever it says something else. Its text is compared, not its times or
// inode: a mounted Secret is replaced by switching a symbolic link above it.

import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import type { Logger } from "pino";
import { readMasters } from "./contract/keyring.ts";

export interface KeyRingFileOptions {
  readonly path: string;
  readonly pollMs: number;
  /** The file has changed and can be read. */
  readonly changed: (masters: readonly Buffer[]) => void;
  readonly log: Logger;
}

export interface KeyRingFile {
  readonly masters: readonly Buffer[];
  close(): void;
}

/** Throws when it cannot be read at the start; later the last good ring stays. No message holds a key. */
export function openKeyRingFile({ path, pollMs, changed, log }: KeyRingFileOptions): KeyRingFile {
  let text = readFileSync(path, "utf8");
  const masters = readMasters(text);
  let problem = "";
  async function look(): Promise<void> {
    try {
      const found = await readFile(path, "utf8");
      if (found !== text) changed(readMasters(found));
      text = found;
      problem = "";
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (reason !== problem) log.error({ reason }, "the key ring cannot be read; the last good one stays");
      problem = reason;
    }
  }
  const timer = setInterval(() => void look(), pollMs);
  timer.unref();
  return {
    masters,
    close() {
      clearInterval(timer);
    },
  };
}
