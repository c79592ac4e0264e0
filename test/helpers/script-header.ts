// Reads the header block of a Lua script, so that a test can compare it with what the calling code says.

export interface ScriptHeader {
  readonly sections: string[];
  readonly keys: string[];
  readonly args: string[];
  readonly perItem: string[];
  readonly returns: string[];
  readonly perItemReturns: string[];
}

export const SECTIONS = ["Does", "Keys", "Args", "Returns", "Guarantee", "Errors"];

/**
 * Rows read "<position> <name> <text>"; a row of repeated values reads "<position>.. per <what> <name>, <name> (text), ..."
 * and may go on in the next line.
 */
export function readHeader(text: string): ScriptHeader {
  const header: ScriptHeader = { sections: [], keys: [], args: [], perItem: [], returns: [], perItemReturns: [] };
  let repeated: string[] = [];
  for (const { section, body } of headerLines(text)) {
    if (header.sections.at(-1) !== section) header.sections.push(section);
    if (!["Keys", "Args", "Returns"].includes(section)) continue;
    const { single, perItem } = listsOf(header, section);
    const { name, items, isContinued } = readRow(body);
    if (name !== undefined) single.push(name);
    if (!isContinued) repeated = perItem;
    repeated.push(...items);
  }
  return header;
}

function readRow(body: string): { name?: string; items: string[]; isContinued: boolean } {
  const row = /^(\d+)(\.\.)? +(per \w+ +)?(.*)$/.exec(body);
  if (row === null) return { items: namesIn(body), isContinued: true };
  const [, , more = "", per, rest = ""] = row;
  if (per !== undefined) return { items: namesIn(rest), isContinued: false };
  return { name: `${/^\w+/.exec(rest)?.[0] ?? ""}${more}`, items: [], isContinued: false };
}

function headerLines(text: string): { section: string; body: string }[] {
  const lines = text.split("\n");
  let section = "";
  return lines
    .slice(
      0,
      lines.findIndex((line) => !line.startsWith("--")),
    )
    .map((line) => {
      section = line.slice(3, 14).trim() || section;
      return { section, body: line.slice(14) };
    });
}

function listsOf(
  { keys, args, perItem, returns, perItemReturns }: ScriptHeader,
  section: string,
): Record<"single" | "perItem", string[]> {
  if (section === "Keys") return { single: keys, perItem: [] };
  return section === "Args" ? { single: args, perItem } : { single: returns, perItem: perItemReturns };
}

/** "key (1 = the first), field, index: as of now" -> key, field, index */
function namesIn(text: string): string[] {
  const plain = text.replace(/\([^)]*\)?/g, "").replace(/:.*$/, "");
  return plain.split(",").flatMap((part) => /^\s*(\w+)\s*$/.exec(part)?.[1] ?? []);
}
