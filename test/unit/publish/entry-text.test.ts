// Entries as text, and how much of it goes into one call.

import fc from "fast-check";
import { expect, test } from "vitest";
import { Chunk, chunksOf } from "../../../controller/publish/chunks.ts";
import { entryTail, entryText, hasTail, readRevision } from "../../../controller/publish/entry-text.ts";
import { publishedEntry } from "../../../dataplane/contract/published.ts";
import { aConsumer } from "../../helpers/publisher.ts";

test("[unit] the text of an entry is what the contract reads", () => {
  const object = aConsumer("user1");
  expect(publishedEntry.parse(JSON.parse(entryText(7, entryTail(object))))).toEqual({ revision: 7, ...object });
});

test("[unit] two entries are the same but for the revision exactly when their objects are", () => {
  const text = fc.constantFrom("", "a", "b", "é", "😀", '"', "\\", ",", "}", "\ud800", "gold");
  const objects = fc.record({ generation: fc.nat(), uid: text, group: text });
  fc.assert(
    fc.property(objects, objects, fc.nat(), (a, b, revision) => {
      const [one, other] = [a, b].map(({ generation, uid, group }) => ({ ...aConsumer("u", group), generation, uid }));
      if (one === undefined || other === undefined) return;
      const entry = entryText(revision, entryTail(one));
      expect(readRevision(entry)).toBe(revision);
      expect(hasTail(entry, entryTail(one))).toBe(true);
      expect(hasTail(entry, entryTail(other))).toBe(JSON.stringify(a) === JSON.stringify(b));
    }),
  );
});

test.for(["", "{}", "rubbish", '{"generation":1,"revision":2}', '{"revision":-1,"x":1}', '{"revision":"1","x":1}'])(
  "[unit] %s has no revision",
  (text) => {
    expect(readRevision(text)).toBeUndefined();
  },
);

test("[unit] chunks hold everything once, in order, within their bounds", () => {
  const entries = fc.array(fc.tuple(fc.string(), fc.constantFrom("", "x", "x".repeat(300_000), "ü".repeat(600_000))), {
    maxLength: 500,
  });
  fc.assert(
    fc.property(entries, (all) => {
      const chunks = [...chunksOf(all)];
      expect(chunks.flat().map(({ field, entry }) => [field, entry])).toEqual(all);
      for (const chunk of chunks) {
        expect(chunk.length).toBeGreaterThan(0);
        expect(chunk.length).toBeLessThanOrEqual(200);
        const bytes = chunk.reduce((sum, { field, entry }) => sum + Buffer.byteLength(field + entry), 0);
        expect(chunk.length === 1 || bytes <= 1024 * 1024).toBe(true);
      }
    }),
    { numRuns: 30 },
  );
});

test("[unit] what did not fit is not in the chunk", () => {
  const chunk = new Chunk();
  expect(chunk.add({ field: "a", entry: "x".repeat(2_000_000) })).toBe(true);
  expect(chunk.add({ field: "b", entry: "x" })).toBe(false);
  expect(chunk.changes.map(({ field }) => field)).toEqual(["a"]);
});
