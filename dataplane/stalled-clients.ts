// Cuts clients that take none of the bytes that wait for them. A client that reads slowly holds its upstream back, which is
// right; one that reads nothing at all would hold it, and memory, for ever.

import type { Socket } from "node:net";

export interface StallTimes {
  readonly stalledClientMs: number;
  readonly checkMs: number;
}

interface Progress {
  readonly takenBytes: number;
  readonly sinceMs: number;
}

/** Looks at the sockets every `checkMs`; the timer does not keep the process alive. */
export function sweepStalled(
  sockets: () => Iterable<Socket>,
  { stalledClientMs, checkMs }: StallTimes,
): NodeJS.Timeout {
  const progress = new WeakMap<Socket, Progress>();
  const look = (socket: Socket, nowMs: number): void => {
    if (socket.writableLength === 0) {
      progress.delete(socket);
      return;
    }
    const takenBytes = socket.bytesWritten - socket.writableLength;
    const before = progress.get(socket);
    if (before?.takenBytes !== takenBytes) progress.set(socket, { takenBytes, sinceMs: nowMs });
    else if (nowMs - before.sinceMs >= stalledClientMs) socket.destroy();
  };
  return setInterval(() => {
    const nowMs = performance.now();
    for (const socket of sockets()) look(socket, nowMs);
  }, checkMs).unref();
}
