// Finds clients that take none of the bytes that wait for them. A client that reads slowly holds its upstream back, which is
// right; one that reads nothing at all would hold it, and memory, for ever.

import type { Socket } from "node:net";

interface Progress {
  readonly takenBytes: number;
  readonly sinceMs: number;
}

/** To be asked of each socket again and again: true when it has taken nothing for `stalledMs` although bytes wait. */
export function createStallWatch(stalledMs: number): (socket: Socket, nowMs: number) => boolean {
  const progress = new WeakMap<Socket, Progress>();
  return (socket, nowMs) => {
    if (socket.writableLength === 0) {
      progress.delete(socket);
      return false;
    }
    const takenBytes = socket.bytesWritten - socket.writableLength;
    const before = progress.get(socket);
    if (before?.takenBytes === takenBytes) return nowMs - before.sinceMs >= stalledMs;
    progress.set(socket, { takenBytes, sinceMs: nowMs });
    return false;
  };
}
