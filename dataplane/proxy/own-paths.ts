// Paths that are the gateway's own: no route gets them, and nothing of them goes upstream.

export const USAGE_PATH = "/.airl/usage";

const OWN = ".airl";
const DOT = 0x2e;
const PERCENT = 0x25;

/** /.airl and everything below it, also when it is spelled with percent-encoding: another reader may undo that. */
export function isOwnPath(path: string): boolean {
  // Of other paths not more is looked at than one character.
  const first = path.charCodeAt(1);
  return (first === DOT || first === PERCENT) && firstSegment(path) === OWN;
}

function firstSegment(path: string): string {
  const end = path.indexOf("/", 1);
  const segment = path.slice(1, end < 0 ? undefined : end);
  return segment.replace(/%([2-7][0-9a-f])/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}
