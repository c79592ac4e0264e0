// When certificates are made, announced, used and dropped, from what a Secret holds.

import { expect, test } from "vitest";
import { readAuthorities } from "../../../controller/certificates/authorities.ts";
import {
  readCertificateSecret,
  type SecretData,
  toSecretData,
} from "../../../controller/certificates/certificate-secret.ts";
import { issuePair } from "../../../controller/certificates/issue-pair.ts";
import { CERTIFICATE_TIMES, isToBeServed, type Known, nextStep } from "../../../controller/certificates/next-step.ts";
import { readPair, type ServingPair } from "../../../controller/certificates/serving-pair.ts";

const NAMES = ["webhook.system.svc", "webhook"];
const NOW_MS = Date.UTC(2026, 0, 1);
const DAY_MS = 86_400_000;
const { settleMs, retireMs } = CERTIFICATE_TIMES;
const OLD = aPair({ endsInDays: 20 });
const FRESH = aPair({ endsInDays: 90 });
const NEWER = aPair({ endsInDays: 89 });

interface PairWishes {
  readonly endsInDays: number;
  readonly startsInDays?: number;
  readonly names?: readonly string[];
}

function aPair({ endsInDays, startsInDays = -70, names = NAMES }: PairWishes): ServingPair {
  const times = { notBeforeMs: NOW_MS + startsInDays * DAY_MS, notAfterMs: NOW_MS + endsInDays * DAY_MS };
  const { cert, key, authority } = issuePair({ names, ...times });
  const authorities = readAuthorities(authority);
  const nowMs = times.notBeforeMs;
  const pair = readPair(cert, key, { names, authorities, nowMs });
  if ("problem" in pair) throw new Error(pair.problem);
  return pair;
}

function dataWith(current: ServingPair, next?: ServingPair, ...others: readonly ServingPair[]): SecretData {
  const pairs = [current, ...(next === undefined ? [] : [next]), ...others];
  return toSecretData({}, { current, next, authorities: pairs.map(({ authority }) => authority) });
}

const base64 = (text: string): string => Buffer.from(text, "utf8").toString("base64");
const read = (data: SecretData | undefined) => readCertificateSecret(data, { names: NAMES, nowMs: NOW_MS });

interface Wishes {
  readonly published?: ReadonlyMap<ServingPair, number>;
  readonly served?: ServingPair | undefined;
  readonly steadyForMs?: number;
}

function known({ published = new Map(), served, steadyForMs = 0 }: Wishes = {}): Known {
  const byId = new Map([...published].map(([pair, ms]) => [pair.authority.id, ms]));
  return { nowMs: NOW_MS, served, steadyForMs, publishedForMs: ({ id }) => byId.get(id) };
}

/** "promoted: fresh, next none, beside: old" */
function told(data: SecretData | undefined, wishes: Wishes = {}): string {
  const step = nextStep(read(data), known(wishes), CERTIFICATE_TIMES);
  if (step.kind === "wait") return `wait ${String(step.delayMs / 60_000)} min`;
  const { change, current, next, others } = step;
  const names = new Map([
    [OLD.authority.id, "old"],
    [FRESH.authority.id, "fresh"],
    [NEWER.authority.id, "newer"],
  ]);
  const nameOf = (pair: ServingPair | "new" | undefined): string =>
    pair === undefined ? "none" : pair === "new" ? "new" : (names.get(pair.authority.id) ?? "?");
  return `${change}: ${nameOf(current)}, next ${nameOf(next)}, beside ${others.map(({ id }) => names.get(id) ?? "?").join(" ")}`;
}

const afterSettling = new Map([[FRESH, settleMs]]);

test.for<{ name: string; data: SecretData | undefined; wishes?: Wishes; step: string }>([
  { name: "no Secret: a pair is made", data: undefined, step: "made: new, next none, beside " },
  {
    name: "a Secret that was deleted: a new pair, and what is served stays trusted",
    data: undefined,
    wishes: { served: OLD },
    step: "repaired: new, next none, beside old",
  },
  { name: "a pair with two thirds of its life left: nothing", data: dataWith(FRESH), step: "wait 10 min" },
  {
    name: "a pair with less than a third left: the next is announced beside it",
    data: dataWith(OLD),
    step: "announced: old, next new, beside old",
  },
  {
    name: "a next pair that no API server knows: wait",
    data: dataWith(OLD, FRESH),
    step: "wait 5 min",
  },
  {
    name: "a next pair that is not known for long enough: wait",
    data: dataWith(OLD, FRESH),
    wishes: { published: new Map([[FRESH, settleMs - 60_000]]) },
    step: "wait 1 min",
  },
  {
    name: "a next pair that is known everywhere: it is used, and the old one stays trusted",
    data: dataWith(OLD, FRESH),
    wishes: { published: afterSettling },
    step: "promoted: fresh, next none, beside old fresh",
  },
  {
    name: "an old authority, not long after: it stays",
    data: dataWith(FRESH, undefined, OLD),
    wishes: { steadyForMs: retireMs - 60_000 },
    step: "wait 1 min",
  },
  {
    name: "an old authority, long after: it is dropped",
    data: dataWith(FRESH, undefined, OLD),
    wishes: { steadyForMs: retireMs },
    step: "tidied: fresh, next none, beside ",
  },
  {
    name: "a next pair that could not be published until it is due itself: another is announced",
    data: dataWith(aPair({ endsInDays: 10 }), OLD),
    step: "announced: ?, next new, beside ? old",
  },
  {
    name: "a current pair that is gone while the next is there: the next is taken",
    data: { ...dataWith(OLD, FRESH), "tls.crt": "" },
    step: "repaired: fresh, next none, beside old fresh",
  },
  {
    name: "half of a next pair: it is removed",
    data: { ...dataWith(FRESH, NEWER), "next.key": base64("nonsense") },
    step: "tidied: fresh, next none, beside fresh newer",
  },
  {
    name: "words between the authorities: they are removed",
    data: { ...dataWith(FRESH), "ca.crt": base64(`hello\n${FRESH.authority.pem}`) },
    step: "tidied: fresh, next none, beside fresh",
  },
])("[unit] $name", ({ data, wishes, step }) => {
  expect(told(data, wishes)).toBe(step);
});

test.for<{ name: string; data: SecretData; problem: string }>([
  { name: "empty", data: {}, problem: "the certificate cannot be read" },
  { name: "not text", data: { ...dataWith(FRESH), "tls.crt": 7 }, problem: "the certificate cannot be read" },
  {
    name: "too long",
    data: { ...dataWith(FRESH), "tls.crt": base64(`${FRESH.cert}${"x".repeat(200_000)}`) },
    problem: "the certificate cannot be read",
  },
  {
    name: "no PEM",
    data: { ...dataWith(FRESH), "tls.crt": base64("planted") },
    problem: "the certificate cannot be read",
  },
  { name: "no key", data: { ...dataWith(FRESH), "tls.key": base64("planted") }, problem: "the key cannot be read" },
  {
    name: "another's key",
    data: { ...dataWith(FRESH), "tls.key": base64(OLD.key) },
    problem: "the key is not that of the certificate",
  },
  {
    name: "no authority",
    data: { ...dataWith(FRESH), "ca.crt": "" },
    problem: "no authority beside it has signed the certificate",
  },
  {
    name: "another authority",
    data: { ...dataWith(FRESH), "ca.crt": base64(OLD.authority.pem) },
    problem: "no authority beside it has signed the certificate",
  },
  {
    name: "for another name",
    data: dataWith(aPair({ endsInDays: 90, names: ["other.system.svc", "webhook"] })),
    problem: "the certificate is not for webhook.system.svc",
  },
  {
    name: "of the future",
    data: dataWith(aPair({ startsInDays: 1, endsInDays: 90 })),
    problem: "the certificate is not valid yet",
  },
  {
    name: "of the past",
    data: dataWith(aPair({ endsInDays: -1 })),
    problem: "no authority beside it has signed the certificate",
  },
])("[unit] a Secret that is $name is repaired, and what is told of it repeats nothing", ({ data, problem }) => {
  expect(told(data)).toMatch(/^repaired: new, next none/);
  expect(read(data).problem).toBe(problem);
});

test("[unit] what is written is read back, and other keys of the Secret stay", () => {
  const data = toSecretData({ "notes.txt": "a2VwdA==", "next.crt": "x" }, { ...read(dataWith(FRESH, undefined, OLD)) });
  expect(data["notes.txt"]).toBe("a2VwdA==");
  const found = read(data);
  expect([found.current?.id, found.next, found.isTidy]).toEqual([FRESH.id, undefined, true]);
  expect(found.authorities.map(({ id }) => id)).toEqual([FRESH.authority.id, OLD.authority.id]);
});

test("[unit] of any number of authorities eight are kept", () => {
  const pems = Array.from({ length: 12 }, () => aPair({ endsInDays: 90 }).authority.pem);
  expect(readAuthorities(pems.join(""))).toHaveLength(8);
  expect(
    read(toSecretData({}, { current: FRESH, next: undefined, authorities: readAuthorities(pems.join("")) }))
      .authorities,
  ).toHaveLength(8);
});

/** Made an hour after it is valid: now. */
const BRAND_NEW = aPair({ startsInDays: -1 / 24, endsInDays: 90 });

test.for<{ name: string; current?: ServingPair; served?: ServingPair; publishedMs?: number; is: boolean }>([
  { name: "nothing is served", is: true },
  { name: "what is served has expired", served: aPair({ endsInDays: -1 }), is: true },
  { name: "what is served is trusted by nobody", served: NEWER, is: true },
  { name: "its authority is not known yet", served: OLD, is: false },
  { name: "its authority is known everywhere", served: OLD, publishedMs: settleMs, is: true },
  {
    name: "it was made just now, and its authority published",
    served: OLD,
    current: BRAND_NEW,
    publishedMs: 0,
    is: false,
  },
  { name: "it was made long before its authority was seen here", served: OLD, publishedMs: 0, is: true },
])("[unit] a pair in the Secret is served: $name: $is", ({ current = FRESH, served, publishedMs, is }) => {
  const published = publishedMs === undefined ? new Map<ServingPair, number>() : new Map([[current, publishedMs]]);
  const found = read(dataWith(current, undefined, OLD));
  expect(isToBeServed(current, known({ served, published }), { ...found, settleMs })).toBe(is);
});
