// Feeds pieces of one response to a reader and gathers what it said, so that tests compare whole outcomes.

import { type ReadState, ResponseReader } from "../../dataplane/upstream/response-reader.ts";

export interface ReadOptions {
  readonly method?: string;
  readonly maxHeadBytes?: number;
  /** The server closes after the last piece. */
  readonly eof?: boolean;
}

export interface ReadOutcome {
  readonly state: ReadState;
  readonly status: number | undefined;
  readonly headers: readonly string[];
  readonly body: string;
  readonly fault: string;
  readonly surplus: boolean;
  readonly keepAlive: boolean | undefined;
}

export function readResponse(pieces: readonly Uint8Array[], options: ReadOptions = {}): ReadOutcome {
  const reader = new ResponseReader(options.maxHeadBytes ?? 4096);
  reader.begin(options.method ?? "POST");
  let body = "";
  const take = (): void => {
    body += reader.data?.toString("latin1") ?? "";
  };
  for (const piece of pieces) {
    // A copy: the reader moves bytes within the buffers it is given.
    reader.push(Buffer.from(piece));
    take();
  }
  if (options.eof === true) {
    reader.eof();
    take();
  }
  const { state, head, fault, surplus } = reader;
  return {
    state,
    status: head?.status,
    headers: head?.headers ?? [],
    body,
    fault,
    surplus,
    keepAlive: head?.keepAlive,
  };
}

export function readText(text: string, options?: ReadOptions): ReadOutcome {
  return readResponse([Buffer.from(text, "latin1")], options);
}
