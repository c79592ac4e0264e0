// A watch's bytes -> its events: one JSON object per line (Kubernetes API concepts, "Efficient detection of changes").

import { z } from "zod";
import type { WatchEvent } from "./kube-api.ts";
import { errorFromStatus, KubeError, REASONS } from "./kube-error.ts";
import { kubeObject } from "./kube-object.ts";

/** Above what etcd accepts for one object many times over. */
const MAX_LINE_BYTES = 32 * 1024 * 1024;
const NEWLINE = 0x0a;

const line = z.object({ type: z.string(), object: z.unknown() });
const bookmark = z.object({ metadata: z.object({ resourceVersion: z.string().min(1) }) });

export interface WatchLines {
  /** Throws KubeError on an ERROR of the server and on what is no event. */
  push(bytes: Buffer): void;
}

/** `call` names the watch in errors. Calls `onEvent` for each complete line; the rest of a line that was cut is dropped. */
export function createWatchLines(call: string, onEvent: (event: WatchEvent) => void): WatchLines {
  let pieces: Buffer[] = [];
  let pending = 0;

  function keep(bytes: Buffer): void {
    pieces.push(bytes);
    pending += bytes.length;
    if (pending > MAX_LINE_BYTES) throw new KubeError({ status: 0, reason: REASONS.tooLarge, call });
  }

  return {
    push(bytes) {
      let from = 0;
      for (let end = bytes.indexOf(NEWLINE); end !== -1; end = bytes.indexOf(NEWLINE, from)) {
        keep(bytes.subarray(from, end));
        const text = Buffer.concat(pieces).toString("utf8");
        pieces = [];
        pending = 0;
        from = end + 1;
        if (text.trim() !== "") onEvent(readEvent(text, call));
      }
      if (from < bytes.length) keep(bytes.subarray(from));
    },
  };
}

function readEvent(text: string, call: string): WatchEvent {
  const malformed = (): KubeError => new KubeError({ status: 0, reason: REASONS.malformed, call });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw malformed();
  }
  const read = line.safeParse(value);
  if (!read.success) throw malformed();
  const { type, object } = read.data;
  if (type === "ERROR") throw errorFromStatus(object, call);
  if (type === "BOOKMARK") {
    const mark = bookmark.safeParse(object);
    if (!mark.success) throw malformed();
    return { kind: "bookmark", resourceVersion: mark.data.metadata.resourceVersion };
  }
  const changed = kubeObject.safeParse(object);
  if (!changed.success) throw malformed();
  if (type === "ADDED" || type === "MODIFIED") return { kind: "upsert", object: changed.data };
  if (type === "DELETED") return { kind: "delete", object: changed.data };
  throw malformed();
}
