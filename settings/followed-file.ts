// A file that is read at the start, and again whenever it says something else. Its text is compared, not its times or inode:
// a mounted Secret is replaced by switching a symbolic link above it.

import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";

export interface FollowedFileOptions<T> {
  readonly path: string;
  readonly pollMs: number;
  /** Throws when the text is not what is wanted. */
  readonly read: (text: string) => T;
  /** The file has changed and can be read. */
  readonly changed: (value: T) => void;
  /** The last good value stays. Called once for each reason in a row. */
  readonly failed: (reason: string) => void;
}

export interface FollowedFile<T> {
  /** As at the start. */
  readonly value: T;
  close(): void;
}

/** Throws when it cannot be read at the start. */
export function followFile<T>({ path, pollMs, read, changed, failed }: FollowedFileOptions<T>): FollowedFile<T> {
  let text = readFileSync(path, "utf8");
  const value = read(text);
  let problem = "";
  async function look(): Promise<void> {
    try {
      const found = await readFile(path, "utf8");
      if (found !== text) changed(read(found));
      text = found;
      problem = "";
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (reason !== problem) failed(reason);
      problem = reason;
    }
  }
  const timer = setInterval(() => void look(), pollMs);
  timer.unref();
  return {
    value,
    close() {
      clearInterval(timer);
    },
  };
}
