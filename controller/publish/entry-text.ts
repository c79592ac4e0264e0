// The text of a published entry, as dataplane/contract/published.ts has it. Its revision stands first, so that two texts
// are compared, and an object is given a new revision, without parsing.

import type { CompiledObject } from "../../dataplane/contract/compiled.ts";
import type { PublishedEntry } from "../../dataplane/contract/published.ts";

/** What is to be published; its revision comes from publishing. */
export interface PublishableObject {
  /** metadata.generation of the manifest; 0 when unknown. */
  readonly generation: number;
  /** metadata.uid; "" when unknown. */
  readonly uid: string;
  readonly object: CompiledObject;
}

const START = '{"revision":';
const REVISION = /^\{"revision":(\d{1,15})[,}]/;
const START_ALONE = /^\{"revision":\d{1,15}$/;

/** All of an entry but its revision. */
export function entryTail({ generation, uid, object }: PublishableObject): string {
  const rest: Omit<PublishedEntry, "revision"> = { generation, uid, object };
  return `,${JSON.stringify(rest).slice(1)}`;
}

export function entryText(revision: number, tail: string): string {
  return `${START}${String(revision)}${tail}`;
}

/** Whether the entry says the same as an object with this tail, whatever its revision. */
export function hasTail(text: string, tail: string): boolean {
  return text.endsWith(tail) && START_ALONE.test(text.slice(0, text.length - tail.length));
}

/** Undefined when the text is no entry of this form. */
export function readRevision(text: string): number | undefined {
  const digits = REVISION.exec(text)?.[1];
  return digits === undefined ? undefined : Number(digits);
}
