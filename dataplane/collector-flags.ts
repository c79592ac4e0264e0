// How V8 collects garbage here. To be called by a process that serves traffic, before it does.

import { setFlagsFromString } from "node:v8";

/**
 * V8 measures which places of the code make objects that live long, and lets those be made among the old ones from then
 * on. At the start of a load the young generation is small and all that is under way lives through it: V8 then takes most
 * of a request for long-lived. What is old is collected late, and keeps what it refers to from being collected early.
 */
export function keepYoungObjectsYoung(): void {
  setFlagsFromString("--no-allocation-site-pretenuring");
}
