// The header lines of HTTP/1.1, checked in one go (RFC 9110 sections 5.5 and 5.6.2). Pure. Whatever could end a line and begin
// another must not be in one.

const TOKEN = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
/** Above 0xFF a character has no latin1 byte and would be cut down to another one, CR and LF included. */
const FIELD_VALUE = "[\\t\\x20-\\x7e\\x80-\\xff]*";
const TOKEN_ONLY = new RegExp(`^${TOKEN}$`);
const VALUE_ONLY = new RegExp(`^${FIELD_VALUE}$`);

export function isToken(text: string): boolean {
  return TOKEN_ONLY.test(text);
}

export function isFieldValue(text: string): boolean {
  return VALUE_ONLY.test(text);
}

const READ_LINES = new RegExp(`^(?:${TOKEN}:${FIELD_VALUE}\\r\\n)*$`);

/** Whether a text is header lines only, each with its end. Blanks around a value count as of it. */
export function areReadLines(text: string): boolean {
  return READ_LINES.test(text);
}

/** Messages have some tens of headers, and some hundreds at most where an answer tells of all of its limits. */
const MOST_KEPT = 512;
const patterns = new Map<number, RegExp>();

/**
 * Whether a text, put together of `count` names and values as "name: value\r\n", is so many lines. Neither pattern matches an
 * end of line, so one more has been smuggled in. Of a text made of pieces this makes the one piece that is sent.
 */
export function areFieldLines(text: string, count: number): boolean {
  let pattern = patterns.get(count);
  if (pattern === undefined) {
    pattern = new RegExp(`^(?:${TOKEN}: ${FIELD_VALUE}\\r\\n){${count}}$`);
    if (count <= MOST_KEPT) patterns.set(count, pattern);
  }
  return pattern.test(text);
}
