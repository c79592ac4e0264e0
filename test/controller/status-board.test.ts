// Policies on the board: enforced when the data planes say so, at a calm pace, and anew for an object that came again.

import { beforeEach, expect, test } from "vitest";
import { createIncrementalCompiler, type IncrementalCompiler } from "../../compiler/incremental.ts";
import type { DataPlane } from "../../controller/status/data-planes.ts";
import type { ObjectStatus } from "../../controller/status/object-state.ts";
import { boardKey, createStatusBoard, type StatusBoard } from "../../controller/status-board.ts";
import { createRing } from "../../dataplane/contract/keyring.ts";
import { aLimit, aPolicy, MASTER } from "../compiler/manifest-builders.ts";

const POLICY = { kind: "AIRateLimitPolicy", namespace: "ai", name: "it" };
const position = (revision: number) => () => ({ generation: "g", revision });

let nowMs: number;
let board: StatusBoard;
let compiler: IncrementalCompiler;
let written: ObjectStatus[];
let forgotten: string[];

beforeEach(() => {
  nowMs = Date.UTC(2026, 0, 1);
  written = [];
  forgotten = [];
  board = createStatusBoard({
    nowMs: () => nowMs,
    write: (_report, status) => written.push(status),
    forget: ({ ref }) => forgotten.push(boardKey(ref)),
  });
  compiler = createIncrementalCompiler({ ringFor: createRing([MASTER]), systemNamespace: "system" });
});

function put(meta: object, spec: Record<string, unknown> = {}): void {
  const manifest = aPolicy({ namespace: "ai" }, spec);
  const metadata = { namespace: "ai", name: "it", uid: "u-1", generation: 1, ...meta };
  const mark = board.compiled(compiler.apply([{ type: "Upsert", manifest: { ...manifest, metadata } }]));
  board.published(mark, [boardKey(POLICY)], position(3));
}

const plane = (name: string, revision: number): DataPlane => ({
  scope: "*",
  id: name,
  name,
  silentSinceMs: undefined,
  serves: undefined,
  acknowledged: { ai: { generation: "g", revision } },
});

function enforced(): string {
  const condition = written.at(-1)?.conditions.find(({ type }) => type === "Enforced");
  return `${condition?.status ?? ""} ${condition?.reason ?? ""} ${written.at(-1)?.fields.proxies ?? ""}`;
}

test("[unit] is False without data planes, Pending while one is behind, True when all have it", () => {
  put({});
  expect(board.awaitsDataPlanes()).toBe(true);
  board.dataPlanes([], position(3));
  expect(enforced()).toBe("False NoProxies 0/0");
  expect(board.awaitsDataPlanes()).toBe(false);
  board.dataPlanes([plane("a", 3), plane("b", 2)], position(3));
  expect(enforced()).toBe("False Pending 1/2");
  expect(board.awaitsDataPlanes()).toBe(true);
  board.dataPlanes([plane("a", 3), plane("b", 3)], position(3));
  expect(enforced()).toBe("True Enforced 2/2");
  expect(board.awaitsDataPlanes()).toBe(false);
});

test("[unit] counts alone are written every ten seconds at most", () => {
  put({});
  board.dataPlanes([plane("a", 3)], position(3));
  const before = written.length;
  board.dataPlanes([plane("a", 3), plane("b", 3)], position(3));
  expect(written.length).toBe(before);
  nowMs += 10_000;
  board.dataPlanes([plane("a", 3), plane("b", 3)], position(3));
  expect(enforced()).toBe("True Enforced 2/2");
});

test("[unit] a store that was filled anew has to be acknowledged anew", () => {
  put({});
  board.dataPlanes([plane("a", 3)], position(3));
  board.dataPlanes([plane("a", 3)], () => ({ generation: "h", revision: 4 }));
  expect(enforced()).toBe("False Pending 0/1");
});

test("[unit] a policy whose limits are all in Shadow is not enforced", () => {
  put({}, { limits: [{ ...aLimit(), mode: "Shadow" }] });
  board.dataPlanes([plane("a", 3)], position(3));
  expect(enforced()).toBe("False Shadow 1/1");
});

test("[unit] what is deleted is forgotten, and one of the same name begins anew", () => {
  put({});
  board.dataPlanes([plane("a", 3)], position(3));
  board.compiled(compiler.apply([{ type: "Delete", ref: POLICY }]));
  expect(forgotten).toEqual([boardKey(POLICY)]);
  expect([...board.all()]).toEqual([]);
  put({ uid: "u-2" });
  expect([...board.all()].map(({ report }) => report.uid)).toEqual(["u-2"]);
});

test("[unit] nothing is said of a policy while it is not published yet and the data planes are not known", () => {
  const manifest = aPolicy({ namespace: "ai" });
  const metadata = { namespace: "ai", name: "it", uid: "u-1", generation: 1 };
  const mark = board.compiled(compiler.apply([{ type: "Upsert", manifest: { ...manifest, metadata } }]));
  expect(written).toEqual([]);
  board.published(mark, [boardKey(POLICY)], position(3));
  expect(written).toEqual([]);
  board.dataPlanes([plane("a", 3)], position(3));
  expect(written).toHaveLength(1);
  expect(enforced()).toBe("True Enforced 1/1");
});

test("[unit] what is not published for long, or cannot be while the store is away, is told", () => {
  const manifest = aPolicy({ namespace: "ai" });
  const metadata = { namespace: "ai", name: "it", uid: "u-1", generation: 1 };
  board.dataPlanes([], position(3));
  board.compiled(compiler.apply([{ type: "Upsert", manifest: { ...manifest, metadata } }]));
  board.dataPlanes([], position(3));
  expect(written).toEqual([]);
  nowMs += 10_000;
  board.dataPlanes([], position(3));
  expect(enforced()).toBe("Unknown Pending 0/0");
  board.storeAway(nowMs);
  expect(enforced()).toBe("Unknown StoreUnavailable 0/0");
});

test("[unit] a policy that comes to be about all namespaces is enforced when all data planes have it there", () => {
  const write = (scope: string, generation: number): void => {
    const manifest = aPolicy({ namespace: "system" }, { scope });
    const metadata = { namespace: "system", name: "it", uid: "u-1", generation };
    const mark = board.compiled(compiler.apply([{ type: "Upsert", manifest: { ...manifest, metadata } }]));
    board.published(mark, [boardKey({ ...POLICY, namespace: "system" })], position(3));
  };
  const having = (name: string, part: string): DataPlane => ({
    ...plane(name, 3),
    scope: name,
    acknowledged: { [part]: { generation: "g", revision: 3 } },
  });
  write("Namespace", 1);
  board.dataPlanes([having("system", "system"), having("ai", "Cluster")], position(3));
  expect(enforced()).toBe("True Enforced 1/1");
  write("Cluster", 2);
  expect(enforced()).toBe("False Pending 1/2");
  board.dataPlanes([having("system", "Cluster"), having("ai", "Cluster")], position(3));
  expect(enforced()).toBe("True Enforced 2/2");
});
