// The header that the operator's receiver wants to see, from a file of one line: "Authorization: Bearer ...".

export interface NotifyHeader {
  readonly name: string;
  /** A secret: never logged. */
  readonly value: string;
}

/** RFC 9110 sections 5.1 and 5.5: a token, and visible characters with spaces between. */
const LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}): *([\x21-\x7e](?:[\x20-\x7e]{0,8190}[\x21-\x7e])?)\s*$/;
/** These are the request's own. */
const TAKEN = new Set(["content-type", "content-length", "host", "connection", "transfer-encoding"]);

/** Throws when it is not one line "Name: value". The text, which is a secret, is not in the message. */
export function readNotifyHeader(text: string): NotifyHeader {
  const [, name, value] = LINE.exec(text.trim()) ?? [];
  if (name === undefined || value === undefined || TAKEN.has(name.toLowerCase())) {
    throw new Error('the notification header file does not hold one line "Name: value" of a header that may be set');
  }
  return { name, value };
}
