// The file with the receiver's header: what it may hold, and that nothing of it gets into a message.

import { expect, test } from "vitest";
import { readNotifyHeader } from "../../../controller/notify/notify-header.ts";

test.for([
  ["Authorization: Bearer abc", { name: "Authorization", value: "Bearer abc" }],
  ["X-Key:abc\n", { name: "X-Key", value: "abc" }],
] as const)("[unit] %s", ([text, header]) => {
  expect(readNotifyHeader(text)).toEqual(header);
});

test.for(["", "planted", "Bad Name: planted", "A: planted\nB: planted", "Host: planted", "X: planted\u0000", "X: "])(
  "[unit] %j is refused without being told",
  (text) => {
    expect(() => readNotifyHeader(text)).toThrow(/one line "Name: value"/);
    expect(() => readNotifyHeader(text)).not.toThrow(/planted/);
  },
);
