// What an endpoint of the demo upstream gives back. Endpoints are pure: the server sends, paces and counts.

/** A body as parsed: its members are not to be trusted. */
export type JsonRecord = Readonly<Record<string, unknown>>;

export interface DemoRequest {
  readonly body: JsonRecord;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly nowSeconds: number;
  /** A fresh id on each call: 24 hexadecimal characters. */
  readonly newId: () => string;
}

/** A piece of a stream, and how many completion tokens the client has with it. */
export interface Frame {
  readonly text: string;
  readonly completionTokens: number;
}

export type Answer =
  | { readonly kind: "error"; readonly status: number; readonly body: string }
  | {
      readonly kind: "json";
      readonly body: string;
      /** Absent: nothing is charged, as for a list of models. */
      readonly charged?: { readonly promptTokens: number; readonly completionTokens: number };
    }
  | { readonly kind: "stream"; readonly promptTokens: number; readonly frames: Iterable<Frame> };

/** A provider's ways: how it names what is wrong outside an endpoint, and its headers. */
export interface Dialect {
  readonly unauthorized: (headers: DemoRequest["headers"], requestId: string) => Answer | undefined;
  readonly malformed: (requestId: string) => Answer;
  readonly tooLarge: (requestId: string) => Answer;
  readonly notFound: (where: { method: string; path: string }, requestId: string) => Answer;
  readonly headers: (requestId: string, nowSeconds: number) => Readonly<Record<string, string>>;
}
