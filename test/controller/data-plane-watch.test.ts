// Which data planes are there, by what they say and by which of their Pods exist.

import { expect, test } from "vitest";
import { watchDataPlanes } from "../../controller/data-plane-watch.ts";
import type { KubeObject } from "../../controller/kube/kube-object.ts";
import type { DataPlane as Found } from "../../controller/publish/data-planes.ts";
import type { DataPlane } from "../../controller/status/data-planes.ts";
import { type Heartbeat, SCHEMA, SILENT_AFTER_MS } from "../../dataplane/contract/published.ts";
import { createHandClock } from "../helpers/hand-clock.ts";

const beat = (pod?: string): Heartbeat => ({
  schema: SCHEMA,
  version: "1",
  keyIds: [],
  namespaces: {},
  ...(pod === undefined ? {} : { pod: { namespace: "ai", name: pod, uid: `u-${pod}` } }),
});

interface World {
  readonly found: readonly Found[] | Error;
  /** uid by name. */
  readonly pods?: Readonly<Record<string, string>>;
}

/** One look at it. */
async function look({ found, pods = {} }: World) {
  const ended = new AbortController();
  const asked: string[] = [];
  const forgotten: string[] = [];
  const told: { present?: readonly DataPlane[]; failed?: unknown } = {};
  await watchDataPlanes(
    {
      reader: {
        async readDataPlanes() {
          if (found instanceof Error) throw found;
          return found;
        },
        async forgetDataPlane(scope, id) {
          forgotten.push(`${scope} ${id}`);
        },
      },
      api: {
        async get(_resource, { name }): Promise<KubeObject | undefined> {
          asked.push(name);
          const uid = pods[name];
          return uid === undefined ? undefined : { metadata: { name, namespace: "ai", uid, resourceVersion: "1" } };
        },
      },
      clock: { ...createHandClock(), after: (_ms, run) => (setImmediate(run), () => {}) },
      namespaces: () => ["ai"],
      isAwaited: () => false,
      seen: (present) => {
        told.present = present;
        setImmediate(() => {
          ended.abort();
        });
      },
      failed: (error) => {
        told.failed = error;
        ended.abort();
      },
    },
    ended.signal,
  );
  const names = told.present?.map(({ name, silentSinceMs }) => (silentSinceMs === undefined ? name : `${name} silent`));
  return { names, asked, forgotten, failed: told.failed };
}

const plane = (id: string, ageMs: number, heartbeat: Heartbeat | undefined): Found => ({
  scope: "*",
  id,
  ageMs,
  heartbeat,
});
const OLD = SILENT_AFTER_MS + 1;

test("[unit] the Pod of one that speaks is not asked for", async () => {
  expect(await look({ found: [plane("a", 10, beat("gw-0"))] })).toMatchObject({ names: ["gw-0"], asked: [] });
});

test.for([
  { name: "is there", pods: { "gw-0": "u-gw-0" }, names: ["gw-0 silent"], forgotten: [] },
  { name: "is gone", pods: {}, names: [], forgotten: ["* a"] },
  { name: "is another one of that name", pods: { "gw-0": "u-later" }, names: [], forgotten: ["* a"] },
])("[unit] a silent one whose Pod $name", async ({ pods, names, forgotten }) => {
  const seen = await look({ found: [plane("a", OLD, beat("gw-0"))], pods });
  expect(seen).toMatchObject({ names, forgotten, asked: ["gw-0"] });
});

test("[unit] what tells no time is forgotten, and breaks nothing", async () => {
  const seen = await look({ found: [plane("a", Infinity, undefined), plane("b", 5, beat())] });
  expect(seen).toMatchObject({ names: ["b"], forgotten: ["* a"], failed: undefined });
});

test("[unit] a Redis that does not answer is told, and is no end", async () => {
  expect(await look({ found: new Error("away") })).toMatchObject({ names: undefined, failed: new Error("away") });
});
