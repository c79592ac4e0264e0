// What is said of credentials that expire, at which time, and that it is said when the time comes.

import { expect, test } from "vitest";
import { compile } from "../../compiler/compile.ts";
import { createIncrementalCompiler } from "../../compiler/incremental.ts";
import { createRing } from "../../dataplane/contract/keyring.ts";
import { createFakeClock } from "../helpers/clock.ts";
import { aConsumer, linesOf, MASTER, type Manifest } from "./manifest-builders.ts";

const DAY = 86_400_000;
const AT = Date.UTC(2026, 5, 1);
const ringFor = createRing([MASTER]);
const input = { ringFor, systemNamespace: "default" };

const keyHash = (digit: string): string => `sha256:${digit.repeat(64)}`;
const expiring = (name: string, expiresAt?: string): Manifest => ({
  name,
  apiKey: { keyHash: keyHash(String(name.length)) },
  ...(expiresAt === undefined ? {} : { expiresAt }),
});
const alice = aConsumer({}, { credentials: [expiring("a", "2026-06-01T02:00:00+02:00"), expiring("bb")] });

const SOON =
  'warning: Consumer default/it spec.credentials[0].expiresAt: found "2026-06-01T02:00:00+02:00", less than 7 days from now, wanted another credential beside it by then, or a later time';
const PAST =
  'warning: Consumer default/it spec.credentials[0].expiresAt: found "2026-06-01T02:00:00+02:00", which has passed, wanted a time to come, or the credential removed';

test.for([
  { name: "more than a week before", nowMs: AT - 7 * DAY - 1, lines: [] },
  { name: "a week before", nowMs: AT - 7 * DAY, lines: [SOON] },
  { name: "a moment before", nowMs: AT - 1, lines: [SOON] },
  { name: "at its time", nowMs: AT, lines: [PAST] },
  { name: "without a clock", nowMs: undefined, lines: [] },
])("[unit] $name: $lines.length warnings, and the credential is compiled with its time", ({ nowMs, lines }) => {
  const output = compile({ ...input, manifests: [alice], ...(nowMs === undefined ? {} : { nowMs }) });
  expect(linesOf(output)).toEqual(lines);
  expect(output.objects).toMatchObject([{ credentials: [{ name: "a", expiresAtMs: AT }, { name: "bb" }] }]);
});

test("[unit] a consumer all of whose credentials have expired has warnings, as it is in force as it stands", () => {
  const consumer = aConsumer({}, { credentials: [expiring("a", "2026-01-01T00:00:00Z")] });
  const { findings, objects } = compile({ ...input, manifests: [consumer], nowMs: AT });
  expect(findings.map(({ severity, code }) => [severity, code])).toEqual([["warning", "CredentialExpired"]]);
  expect(objects).toHaveLength(1);
});

test("[unit] as time passes it is said anew, once, and nothing is published for it", () => {
  const clock = createFakeClock(AT - 30 * DAY);
  const compiler = createIncrementalCompiler({ ...input, nowMs: clock.nowMs });
  compiler.apply([{ type: "Upsert", manifest: alice }]);
  const passed = (): unknown => {
    const { reports, namespaces } = compiler.timePassed();
    return [reports.map(({ findings }) => findings.map(({ code }) => code)), namespaces.size];
  };
  expect(passed()).toEqual([[], 0]);
  clock.set(AT - 7 * DAY);
  expect([passed(), passed()]).toEqual([
    [[["CredentialExpiring"]], 0],
    [[], 0],
  ]);
  clock.set(AT);
  expect([passed(), passed()]).toEqual([
    [[["CredentialExpired"]], 0],
    [[], 0],
  ]);
  compiler.apply([{ type: "Delete", ref: { kind: "Consumer", namespace: "default", name: "it" } }]);
  expect(passed()).toEqual([[], 0]);
});
