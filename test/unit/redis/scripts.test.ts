// The header block of each script and its typed entry say the same, so that the order of arguments cannot drift.

import { readdirSync } from "node:fs";
import { expect, test } from "vitest";
import { EMPTY_STATE } from "../../../dataplane/core/window.ts";
import {
  ADMIT,
  CHARGE,
  HEARTBEAT,
  KeyList,
  NOTIFY,
  readAdmitReply,
  readChargeReply,
  readState,
  scriptText,
} from "../../../dataplane/redis/scripts.ts";
import { readHeader, SECTIONS } from "../../helpers/script-header.ts";

const ENTRIES = [ADMIT, CHARGE, HEARTBEAT, NOTIFY];

test.for(ENTRIES)("[unit] the header of $file says what its entry says", (entry) => {
  const { sections, ...rest } = readHeader(scriptText(entry));
  const { file: _file, ...expected } = entry;
  expect(sections).toEqual(SECTIONS);
  expect(rest).toEqual(expected);
});

test("[unit] every script has an entry, and none is longer than 75 lines", () => {
  const folder = new URL("../../../dataplane/redis/scripts/", import.meta.url);
  expect(readdirSync(folder).sort()).toEqual(ENTRIES.map(({ file }) => file).sort());
  for (const entry of ENTRIES) expect(scriptText(entry).trimEnd().split("\n").length).toBeLessThanOrEqual(75);
});

test.for([
  { name: "three integers are a state", text: "12 3 4", state: { index: 12, current: 3, previous: 4 } },
  {
    name: "2^53 - 1 is read to the digit",
    text: "1 9007199254740991 9007199254740991",
    state: { index: 1, current: Number.MAX_SAFE_INTEGER, previous: Number.MAX_SAFE_INTEGER },
  },
  { name: "nothing is empty", text: "", state: EMPTY_STATE },
  { name: "two integers are empty", text: "1 2", state: EMPTY_STATE },
  { name: "four integers are empty", text: "1 2 3 4", state: EMPTY_STATE },
  { name: "a sign makes it empty", text: "1 -2 3", state: EMPTY_STATE },
  { name: "a fraction makes it empty", text: "1 2.5 3", state: EMPTY_STATE },
  { name: "a gap makes it empty", text: "1  3", state: EMPTY_STATE },
  { name: "a trailing space makes it empty", text: "1 2 ", state: EMPTY_STATE },
])("[unit] a stored value: $name", ({ text, state }) => {
  expect(readState(text)).toEqual(state);
});

test.for([
  { name: "null, as HMGET answers for a field that is absent", value: null },
  { name: "bytes in place of text", value: Buffer.from("1 2 3") },
])("[unit] a stored value: $name is empty", ({ value }) => {
  expect(readState(value)).toEqual(EMPTY_STATE);
});

test.for([
  { name: "applied", reply: [0, 7, 1000, 0], read: { status: "applied", last: 7, nowMs: 1000, skipped: 0 } },
  { name: "gap", reply: [2, 3, 1000, 0], read: { status: "gap", last: 3, nowMs: 1000, skipped: 0 } },
  { name: "early", reply: [4, 3, 1000, 0], read: { status: "early", last: 3, nowMs: 1000, skipped: 0 } },
  { name: "an unknown status", reply: [9, 3, 1000, 0], read: undefined },
  { name: "text", reply: "OK", read: undefined },
  { name: "a list of texts", reply: ["0", "1"], read: undefined },
])("[unit] a reply to a charge: $name", ({ reply, read }) => {
  expect(readChargeReply(reply)).toEqual(read);
});

test("[unit] a reply to an admission must tell as many states as were asked for", () => {
  const reply = [5, 1, "1 2 3"];
  const states = [{ index: 1, current: 2, previous: 3 }];
  expect(readAdmitReply(reply, 1)).toEqual({ nowMs: 5, outcome: "taken", states });
  expect(readAdmitReply([5, 0, "1 2 3"], 1)).toEqual({ nowMs: 5, outcome: "refused", states });
  expect(readAdmitReply([5, 2], 1)).toEqual({ nowMs: 5, outcome: "otherWindow", states: [] });
  expect(readAdmitReply(reply, 2)).toBeUndefined();
  expect(readAdmitReply(["5", 1], 0)).toBeUndefined();
});

test("[unit] a key is named once and found again by its position", () => {
  const list = new KeyList(["sequence"]);
  expect(["a", "b", "a", "c", "b"].map((key) => list.position(key))).toEqual(["1", "2", "1", "3", "2"]);
  expect(list.keys).toEqual(["sequence", "a", "b", "c"]);
});
