// Whatever is put in comes out in its order, across any number of turns and growths of the ring.

import fc from "fast-check";
import { expect, test } from "vitest";
import { type Command, createCommand } from "../../../dataplane/redis/command.ts";
import { CommandQueue } from "../../../dataplane/redis/command-queue.ts";

test("[unit] behaves as a list that is pushed to and shifted from", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -150, max: 150 }), { maxLength: 30 }), (steps) => {
      const queue = new CommandQueue();
      const model: Command[] = [];
      for (const step of steps) {
        for (let i = 0; i < step; i += 1) {
          const command = createCommand("get", [String(i)], () => undefined);
          queue.push(command);
          model.push(command);
        }
        for (let i = 0; i > step; i -= 1) expect(queue.shift()).toBe(model.shift());
        expect(queue.isEmpty).toBe(model.length === 0);
      }
    }),
  );
});
