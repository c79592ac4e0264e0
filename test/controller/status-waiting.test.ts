// When the board writes a status, and when it waits for what was compiled to be published.

import { beforeEach, describe, expect, test } from "vitest";
import type { ObjectReport } from "../../compiler/change-log.ts";
import type { CompiledChanges } from "../../compiler/incremental.ts";
import { createStatusBoard, type StatusBoard } from "../../controller/status-board.ts";

const POSITION = { generation: "0123456789abcdef", revision: 7 };

let nowMs: number;
let written: string[];
let board: StatusBoard;

beforeEach(() => {
  nowMs = Date.UTC(2026, 0, 1);
  written = [];
  board = createStatusBoard({
    nowMs: () => nowMs,
    write: ({ ref }, { conditions }) => {
      const programmed = conditions.find(({ type }) => type === "Programmed");
      written.push(`${ref.name} ${String(programmed?.status)} ${String(programmed?.reason)}`);
    },
    forget: () => {},
  });
});

function consumers(count: number): CompiledChanges {
  const names = Array.from({ length: count }, (_, index) => `c${String(index)}`);
  const reports: ObjectReport[] = names.map((name) => ({
    ref: { kind: "Consumer", namespace: "ai", name },
    uid: `uid-${name}`,
    generation: 1,
    findings: [],
    inForceGeneration: 1,
  }));
  const set = names.map((name) => ({
    generation: 1,
    uid: `uid-${name}`,
    object: { kind: "Consumer" as const, namespace: "ai", name, username: name, groups: [], credentials: [] },
  }));
  const namespaces = new Map([["ai", { set, removed: [] }]]);
  return { namespaces, reports, gone: [], secrets: { added: [], removed: [] }, unnamed: [] };
}

describe("an object that is compiled and not published yet", () => {
  test("[controller] has its status written once, when it is published", () => {
    const mark = board.compiled(consumers(1));
    board.dataPlanes([], () => POSITION);
    expect(written).toEqual([]);
    board.published(mark, ["Consumer/ai/c0"], () => POSITION);
    expect(written).toEqual(["c0 True Programmed"]);
  });

  test("[controller] is told as pending once publishing takes long, once", () => {
    board.compiled(consumers(1));
    nowMs += 10_000;
    board.dataPlanes([], () => POSITION);
    board.dataPlanes([], () => POSITION);
    expect(written).toEqual(["c0 Unknown Pending"]);
  });

  test("[controller] is told at once while the store is away", () => {
    board.storeAway(nowMs);
    board.compiled(consumers(1));
    expect(written).toEqual(["c0 False StoreUnavailable"]);
  });

  test("[controller] is told in turn where very many wait, all of them in the end", () => {
    board.compiled(consumers(2_500));
    nowMs += 10_000;
    const counts = [1, 2, 3].map(() => {
      board.dataPlanes([], () => POSITION);
      return written.length;
    });
    expect(counts).toEqual([1_000, 2_000, 2_500]);
  });
});

test("[controller] equal statuses of many objects are one", () => {
  const mark = board.compiled(consumers(3));
  board.published(mark, ["Consumer/ai/c0", "Consumer/ai/c1", "Consumer/ai/c2"], () => POSITION);
  expect(new Set(Array.from(board.all(), ({ status }) => status)).size).toBe(1);
});
