// Distinguished Encoding Rules (X.690) as far as a certificate needs them, for writing only: what others wrote is read by
// OpenSSL behind node:crypto. Knows no certificate.

const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  utf8String: 0x0c,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

/** Any value behind its tag and length. Context tags are 0x80 (primitive) or 0xa0 (constructed) and their number. */
export function tagged(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([tag]), lengthOf(content.length), content]);
}

/** Below 128 in one byte, else the number of bytes and the bytes (X.690 section 10.1: as few as possible). */
function lengthOf(length: number): Buffer {
  if (length < 0x80) return Buffer.from([length]);
  const bytes = bigEndian(length);
  return Buffer.from([0x80 | bytes.length, ...bytes]);
}

function bigEndian(value: number): readonly number[] {
  const bytes: number[] = [];
  for (let rest = value; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return bytes;
}

export function sequence(...parts: readonly Buffer[]): Buffer {
  return tagged(TAG.sequence, ...parts);
}

/** Of one element: more would have to be sorted (X.690 section 11.6). */
export function setOf(element: Buffer): Buffer {
  return tagged(TAG.set, element);
}

/** FALSE is left out where it is the default; so there is only this one. */
export function isTrue(): Buffer {
  return tagged(TAG.boolean, Buffer.from([0xff]));
}

/** Not negative, most significant byte first; zeros in front are dropped. */
export function integer(bytes: Buffer): Buffer {
  const first = bytes.findIndex((byte) => byte !== 0);
  const digits = first === -1 ? Buffer.from([0]) : bytes.subarray(first);
  // A leading one would be the sign.
  const isSigned = (digits[0] ?? 0) >= 0x80;
  return tagged(TAG.integer, isSigned ? Buffer.concat([Buffer.from([0]), digits]) : digits);
}

/** Whole bytes. */
export function bitString(bytes: Buffer): Buffer {
  return tagged(TAG.bitString, Buffer.from([0]), bytes);
}

/** Flags by their numbers, below 8; zeros at the end are cut (X.690 section 11.2.2). At least one. */
export function flags(...numbers: readonly number[]): Buffer {
  const byte = numbers.reduce((sum, number) => sum | (0x80 >> number), 0);
  return tagged(TAG.bitString, Buffer.from([7 - Math.max(...numbers), byte]));
}

export function octetString(bytes: Buffer): Buffer {
  return tagged(TAG.octetString, bytes);
}

export function utf8String(text: string): Buffer {
  return tagged(TAG.utf8String, Buffer.from(text, "utf8"));
}

/** Of "2.5.29.17"; numbers below 2^31. */
export function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  const bytes = [first * 40 + second, ...rest].flatMap(base128);
  return tagged(TAG.oid, Buffer.from(bytes));
}

/** Seven bits in a byte, all but the last with the high bit. */
function base128(value: number): readonly number[] {
  const bytes = [value & 0x7f];
  for (let rest = value >>> 7; rest > 0; rest >>>= 7) bytes.unshift((rest & 0x7f) | 0x80);
  return bytes;
}

/** Milliseconds since 1970, cut to seconds. UTCTime through 2049, then GeneralizedTime (RFC 5280 section 4.1.2.5). */
export function time(wallMs: number): Buffer {
  const text = `${new Date(wallMs).toISOString().slice(0, 19).replaceAll(/[-:T]/g, "")}Z`;
  return Number(text.slice(0, 4)) < 2050
    ? tagged(TAG.utcTime, Buffer.from(text.slice(2)))
    : tagged(TAG.generalizedTime, Buffer.from(text));
}
