// One line per request, in the form and on the stream of the logger that it is made from. Put together as text: an object
// that pino goes through member by member costs more than all else that is recorded of a request.

import { type Logger, pino } from "pino";

/** `members` is what stands between the line's time and its message: `"name":value,"name":value`. */
export type WriteLine = (members: string) => void;

const LEVEL = "info";

/** Does nothing while the logger's level is above info. The logger's serializers, mixins and formatters play no part. */
export function createLineWriter(log: Logger, message: string): WriteLine {
  const { streamSym, timeSym, lsCacheSym, chindingsSym } = pino.symbols;
  const stream = part(log, streamSym);
  const time = part(log, timeSym);
  const write = part(stream, "write");
  if (typeof time !== "function" || typeof write !== "function") throw new TypeError("this logger is none of pino's");
  const level = part(part(log, lsCacheSym), log.levels.values[LEVEL] ?? "");
  const bindings = part(log, chindingsSym);
  const end = `,"msg":${JSON.stringify(message)}}\n`;
  return (members) => {
    if (!log.isLevelEnabled(LEVEL)) return;
    Reflect.apply(write, stream, [
      String(level) + String(Reflect.apply(time, log, [])) + String(bindings) + `,${members}${end}`,
    ]);
  };
}

function part(holder: unknown, key: PropertyKey): unknown {
  return typeof holder === "object" && holder !== null ? Reflect.get(holder, key) : undefined;
}
