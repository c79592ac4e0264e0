// Tells when files on the command line change. The file system's own events make it quick; a slow comparison of what is
// there makes it sure: editors replace files, mounts change behind links, and some file systems send no events.

import { type FSWatcher, watch } from "node:fs";
import { stat } from "node:fs/promises";
import { dirname } from "node:path";
import { findFiles } from "./manifest-files.ts";

export interface WatchOptions {
  readonly paths: readonly string[];
  readonly onChange: () => void;
  /** How long the file system must be quiet after an event. */
  readonly settleMs: number;
  readonly pollMs: number;
}

export interface Watcher {
  /** Remembers what is there now. Call before the files are read: an edit during the reading then still counts. */
  readonly start: () => Promise<void>;
  readonly close: () => void;
}

export function createWatcher({ paths, onChange, settleMs, pollMs }: WatchOptions): Watcher {
  const folders = new FolderEvents(() => {
    eventDuringCheck = checking;
    schedule(settleMs);
  });
  const watched = paths.filter((path) => path !== "-");
  let seen = "";
  let timer: NodeJS.Timeout | undefined;
  let checking = false;
  let eventDuringCheck = false;
  let closed = false;

  function schedule(afterMs: number): void {
    if (closed || checking) return;
    clearTimeout(timer);
    timer = setTimeout(() => void check(), afterMs);
  }

  async function look(): Promise<string> {
    const { files, folders: inside } = await findFiles(watched);
    if (!closed) folders.watchOnly(new Set([...watched.map((path) => dirname(path)), ...inside]));
    return (await Promise.all(files.map(fingerprint))).join("\n");
  }

  async function check(): Promise<void> {
    checking = true;
    const now = await look();
    checking = false;
    if (closed) return;
    schedule(eventDuringCheck ? settleMs : pollMs);
    eventDuringCheck = false;
    if (now === seen) return;
    seen = now;
    onChange();
  }

  return {
    start: async () => {
      seen = await look();
      if (watched.length > 0) schedule(pollMs);
    },
    close: () => {
      closed = true;
      clearTimeout(timer);
      folders.watchOnly(new Set());
    },
  };
}

/** A file that is gone again has a fingerprint too. */
async function fingerprint(path: string): Promise<string> {
  return stat(path).then(
    (found) => `${path} ${found.ino} ${found.size} ${found.mtimeMs}`,
    () => `${path} gone`,
  );
}

class FolderEvents {
  readonly #watchers = new Map<string, FSWatcher>();
  readonly #onEvent: () => void;

  constructor(onEvent: () => void) {
    this.#onEvent = onEvent;
  }

  watchOnly(folders: ReadonlySet<string>): void {
    for (const [folder, watcher] of this.#watchers) {
      if (!folders.has(folder)) this.#drop(folder, watcher);
    }
    for (const folder of folders) {
      if (!this.#watchers.has(folder)) this.#add(folder);
    }
  }

  /** A folder that cannot be watched (gone, or the system's watches are used up) is left to the slow comparison. */
  #add(folder: string): void {
    try {
      const watcher = watch(folder, this.#onEvent);
      watcher.on("error", () => this.#drop(folder, watcher));
      this.#watchers.set(folder, watcher);
    } catch {
      this.#watchers.delete(folder);
    }
  }

  #drop(folder: string, watcher: FSWatcher): void {
    watcher.close();
    this.#watchers.delete(folder);
  }
}
