// What the sockets of clients read, by way of one buffer for all of them. Node has this for sockets that it connects (onread
// of net.connect) and not for those that it accepts; for these it makes a buffer of 64 KB for each read, cuts it down to what
// came, and takes that through a stream. The same fields of the socket are set here as node sets for onread. A release of node
// that has them otherwise reads as node does by itself.

import type { Socket } from "node:net";

/** The bytes are the taker's only until it returns. */
export type TakeBytes = (bytes: Buffer) => void;

const READ_BYTES = 65_536;

export interface SharedReads {
  /** Calls `take` with what each read brings. To be called once, before anything has been read. False: by node's own way. */
  of(socket: Socket, take: TakeBytes): boolean;
}

export function createSharedReads(): SharedReads {
  const buffer = Buffer.allocUnsafeSlow(READ_BYTES);
  return {
    of(socket, take) {
      if (!share(socket, buffer, take)) {
        socket.on("data", take);
        return false;
      }
      socket.resume();
      return true;
    },
  };
}

function share(socket: Socket, buffer: Buffer, take: TakeBytes): boolean {
  const bufferField = fieldOf(socket, "kBuffer");
  const takerField = fieldOf(socket, "kBufferCb");
  const handle: unknown = Reflect.get(socket, "_handle");
  if (bufferField === undefined || takerField === undefined || typeof handle !== "object" || handle === null)
    return false;
  const useUserBuffer: unknown = Reflect.get(handle, "useUserBuffer");
  if (typeof useUserBuffer !== "function") return false;
  Reflect.set(socket, bufferField, buffer);
  Reflect.set(socket, takerField, (bytes: number) => {
    take(buffer.subarray(0, bytes));
    return true;
  });
  Reflect.apply(useUserBuffer, handle, [buffer]);
  return true;
}

function fieldOf(socket: Socket, name: string): symbol | undefined {
  return Object.getOwnPropertySymbols(socket).find(({ description }) => description === name);
}
