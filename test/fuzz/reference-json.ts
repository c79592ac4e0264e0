// A second, slow reading of JSON texts to compare with, made of patterns instead of a state machine. Works on latin1, one
// character for each byte.

/** Control characters as blanks, which is what the scan takes them for inside strings; and no byte order mark. */
export function latin1WithoutControls(bytes: Buffer): string {
  const text = bytes.toString("latin1").replace(/^\u00ef\u00bb\u00bf/, "");
  // Outside of strings only four of them are allowed: the others must stay to be refused.
  return text.replace(STRING, (string) => string.replace(/[\0-\x1f]/g, " "));
}

const STRING = /"(?:[^"\\]|\\[^])*(?:"|$)/g;
const TOKEN = /"(?:[^"\\]|\\[^])*"|[{}[\],:]|[^\s"{}[\],:]+/g;

export function longestString(text: string): number {
  return Math.max(0, ...Array.from(text.matchAll(STRING), (match) => match[0].length));
}

/** UTF-8 bytes of the strings that are values of the keys, also inside lists of theirs; without data URLs. */
export function textBytesOf(json: string, keys: readonly string[]): number {
  /** Whether strings count in the containers that are open; in an object a key decides anew. */
  const counting: boolean[] = [];
  let counts = false;
  let bytes = 0;
  const tokens = Array.from(json.matchAll(TOKEN), (match) => match[0]);
  for (const [i, token] of tokens.entries()) {
    switch (token.charAt(0)) {
      case "[":
      case "{":
        counts &&= token === "[";
        counting.push(counts);
        break;
      case "]":
      case "}":
        counting.pop();
        counts = counting.at(-1) ?? false;
        break;
      case ",":
        counts = counting.at(-1) ?? false;
        break;
      case '"':
        if (tokens[i + 1] === ":") counts = keys.includes(unescaped(token));
        else if (counts) bytes += stringBytes(token);
    }
  }
  return bytes;
}

function unescaped(token: string): string {
  const value: unknown = JSON.parse(Buffer.from(token, "latin1").toString("utf8"));
  return String(value);
}

/** A half of a surrogate pair that stands alone counts as half of a pair. */
function stringBytes(token: string): number {
  const inside = token.slice(1, -1);
  if (inside.startsWith("data:")) return 0;
  const escapes = inside.match(/\\u[0-9a-fA-F]{4}|\\./g) ?? [];
  return escapes.reduce((sum, escape) => sum - escape.length + utf8Length(escape), inside.length);
}

function utf8Length(escape: string): number {
  const unit = escape.length === 2 ? 0 : Number.parseInt(escape.slice(2), 16);
  if (unit < 0x80) return 1;
  return unit < 0x800 || (unit >= 0xd800 && unit < 0xe000) ? 2 : 3;
}
