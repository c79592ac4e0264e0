// The data plane of one process on files: what the options of the command choose.

import { randomBytes } from "node:crypto";
import { composeDataPlane } from "../dataplane/compose.ts";
import { DEFAULT_PREFIX } from "../dataplane/contract/keys.ts";
import type { Gateway } from "../dataplane/gateway.ts";
import type { GatewayInput } from "./platform.ts";

/** On one's own machine a provider may be on the machine itself; link-local and metadata addresses stay closed. */
const LOOPBACK = ["127.0.0.0/8", "::1/128"];

export function createFileGateway({ redisUrl, ...input }: GatewayInput, nowMs: () => number): Gateway {
  const { gateway } = composeDataPlane({
    ...input,
    redis: redisUrl === undefined ? undefined : { url: redisUrl, cluster: false },
    dataPlaneId: randomBytes(8).toString("hex"),
    keyPrefix: DEFAULT_PREFIX,
    egressAllow: LOOPBACK,
    nowMs,
    random: Math.random,
  });
  return gateway;
}
