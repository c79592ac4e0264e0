// A new master is used alone only when every data plane holds it.

import { describe, expect, test } from "vitest";
import { createKeyRotation } from "../../controller/key-rotation.ts";
import { masterId } from "../../dataplane/contract/keyring.ts";
import { type Heartbeat, SCHEMA } from "../../dataplane/contract/published.ts";

const [OLD, NEW] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)];
const [OLD_ID, NEW_ID] = [masterId(OLD), masterId(NEW)];

const holding = (...keyIds: string[]): { readonly heartbeat: Heartbeat } => ({
  heartbeat: { schema: SCHEMA, version: "1", keyIds, namespaces: {} },
});

describe("which masters are used", () => {
  test.for([
    { name: "no data plane is known", seen: [], ids: [NEW_ID, OLD_ID] },
    { name: "all hold the newest", seen: [holding(NEW_ID, OLD_ID), holding(NEW_ID)], ids: [NEW_ID] },
    { name: "one holds the older alone", seen: [holding(NEW_ID, OLD_ID), holding(OLD_ID)], ids: [NEW_ID, OLD_ID] },
    { name: "one cannot be read", seen: [holding(NEW_ID), { heartbeat: undefined }], ids: [NEW_ID, OLD_ID] },
  ])("[unit] $name", ({ seen, ids }) => {
    const rotation = createKeyRotation([NEW, OLD]);
    rotation.acknowledged(seen);
    expect(rotation.ids()).toEqual(ids);
    expect(
      rotation
        .ringFor()("ai")
        .map(({ id }) => id),
    ).toEqual(ids);
  });

  test("[unit] a data plane that comes later with the older master alone brings it back", () => {
    const rotation = createKeyRotation([NEW, OLD]);
    expect(rotation.acknowledged([holding(NEW_ID, OLD_ID)])).toBe(true);
    expect(rotation.acknowledged([holding(NEW_ID, OLD_ID)])).toBe(false);
    expect(rotation.acknowledged([holding(NEW_ID), holding(OLD_ID)])).toBe(true);
    expect(rotation.ids()).toEqual([NEW_ID, OLD_ID]);
  });
});

describe("a changed key ring file", () => {
  test("[unit] with a new master beside the old one is used whole, until the new one is everywhere", () => {
    const rotation = createKeyRotation([OLD]);
    expect(rotation.acknowledged([holding(OLD_ID)])).toBe(false);
    expect(rotation.replace([NEW, OLD])).toBe(true);
    expect(rotation.ids()).toEqual([NEW_ID, OLD_ID]);
    expect(rotation.acknowledged([holding(NEW_ID, OLD_ID)])).toBe(true);
    expect(rotation.ids()).toEqual([NEW_ID]);
  });

  test("[unit] without the old master any more changes nothing that is not changed already", () => {
    const rotation = createKeyRotation([NEW, OLD]);
    rotation.acknowledged([holding(NEW_ID, OLD_ID)]);
    expect(rotation.replace([NEW])).toBe(false);
    expect(rotation.ids()).toEqual([NEW_ID]);
  });
});
