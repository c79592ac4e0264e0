// What a key is looked up by: a part of its HMAC that is long enough to be met by nobody, as 20 characters.

/** "<8 hex digits of the master's id>.<base64url of 32 bytes>". */
const HMAC = /^[0-9a-f]{8}\.[A-Za-z0-9_-]{43}$/;
const ID_DIGITS = 8;
/** Of a master's id, and then of the HMAC: 128 bits cannot be met by search. */
const ID_BYTES = 4;
const KEY_BYTES = ID_BYTES + 16;

const bytes = Buffer.alloc(ID_BYTES + 32);

/** `hmac` as `keyHmac` makes it. Through bytes, so that the text is one of its own and keeps no longer one alive. */
export function shortKey(hmac: string): string {
  bytes.write(hmac.slice(0, ID_DIGITS), 0, "hex");
  bytes.write(hmac.slice(ID_DIGITS + 1), ID_BYTES, "base64url");
  return bytes.toString("latin1", 0, KEY_BYTES);
}

/** The short keys of a credential, one behind the other, each once: a single one is the text that it is looked up by. */
export function shortKeys(hmacs: readonly string[]): string {
  const keys = new Set<string>();
  for (const hmac of hmacs) if (HMAC.test(hmac)) keys.add(shortKey(hmac));
  const [first = ""] = keys;
  return keys.size < 2 ? first : Buffer.from([...keys].join(""), "latin1").toString("latin1");
}

export function splitKeys(keys: string): string[] {
  if (keys.length <= KEY_BYTES) return keys === "" ? [] : [keys];
  return Array.from({ length: keys.length / KEY_BYTES }, (_, i) => keys.slice(i * KEY_BYTES, (i + 1) * KEY_BYTES));
}
