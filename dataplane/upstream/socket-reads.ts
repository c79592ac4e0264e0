// How what a socket reads comes to its connection. For plain sockets by way of one buffer for all of them: node's own way
// makes a buffer of 64 KB for each read, cuts it down to what came, and takes that through a stream.

import type { OnReadOpts, Socket } from "node:net";

/** Given once, before the socket has read anything. */
export type TakeChunk = (chunk: Buffer) => void;

export interface SocketReads {
  /** From now on calls `take` with what each read brings; the taker owns the chunk. */
  to(take: TakeChunk): void;
}

const READ_BYTES = 65_536;

export interface PlainReads extends SocketReads {
  /** For net.connect. */
  readonly onread: OnReadOpts;
}

/** Reads for any number of sockets: a read is taken before the next one begins, so they share one buffer. */
export function createPlainReads(): () => PlainReads {
  const buffer = Buffer.allocUnsafeSlow(READ_BYTES);
  return () => {
    let take: TakeChunk | undefined;
    return {
      to(taker) {
        take = taker;
      },
      onread: {
        buffer,
        callback: (bytes) => {
          const chunk = Buffer.allocUnsafe(bytes);
          buffer.copy(chunk, 0, 0, bytes);
          take?.(chunk);
          return true;
        },
      },
    };
  };
}

/** Reads of a socket that only has them as a stream: TLS. */
export function streamReads(socket: Socket): SocketReads {
  return {
    to(take) {
      socket.on("data", take);
    },
  };
}
