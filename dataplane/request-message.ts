// The requests of the traffic listener. node:http asks each for its header object, whose making costs as much as reading the
// request, for two fields of it (Host and Expect). All else here reads the raw headers (identify/header-list.ts), so those few fields are
// looked up in them.

import { IncomingMessage } from "node:http";

/** The fields that node:http itself or the reader of bodies goes by; of a repeated one the first. */
class FramingFields {
  readonly #raw: readonly string[];

  constructor(raw: readonly string[]) {
    this.#raw = raw;
  }

  get host(): string | undefined {
    return this.#first("host");
  }

  get expect(): string | undefined {
    return this.#first("expect");
  }

  get "content-length"(): string | undefined {
    return this.#first("content-length");
  }

  get "transfer-encoding"(): string | undefined {
    return this.#first("transfer-encoding");
  }

  /** Lengths first: spares most names the lower-casing. */
  #first(name: string): string | undefined {
    const raw = this.#raw;
    for (let i = 0; i < raw.length; i += 2) {
      if (raw[i]?.length === name.length && raw[i]?.toLowerCase() === name) return raw[i + 1];
    }
    return undefined;
  }
}

/** For `createServer`. Its `headers` has the framing fields and no other. */
export class RequestMessage extends IncomingMessage {
  static {
    Object.defineProperty(RequestMessage.prototype, "headers", {
      get(this: RequestMessage): FramingFields {
        return new FramingFields(this.rawHeaders);
      },
    });
  }
}
