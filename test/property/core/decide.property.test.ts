// Laws of decisions: what may not depend on order, and what every status promises.

import fc from "fast-check";
import { test } from "vitest";
import { type CheckedLimit, decide } from "../../../dataplane/core/decide.ts";
import { usageAt, windowIndex } from "../../../dataplane/core/window.ts";

const checked = fc
  .record({
    mode: fc.constantFrom("Enforce" as const, "Shadow" as const),
    algorithm: fc.constantFrom("Sliding" as const, "Fixed" as const, "FixedFromFirst" as const),
    limit: fc.integer({ min: 1, max: 50 }),
    durationMs: fc.constantFrom(1000, 60_000, 3_600_000),
    ago: fc.integer({ min: -1, max: 2 }),
    current: fc.nat({ max: 60 }),
    previous: fc.nat({ max: 60 }),
  })
  .map(
    ({ mode, algorithm, limit, durationMs, ago, current, previous }) =>
      (nowMs: number, name: string): CheckedLimit => ({
        limit: {
          name,
          counterId: name,
          policy: { namespace: "ai", name: "p" },
          mode,
          when: [],
          per: [{ type: "Consumer" }],
          unit: "TotalTokens",
          limit,
          window: { algorithm, durationMs },
          label: { kind: "fixed", text: name },
        },
        state:
          algorithm === "FixedFromFirst"
            ? { index: nowMs - ago * durationMs - 1, current, previous: 0 }
            : { index: windowIndex(nowMs, durationMs) - ago, current, previous },
      }),
  );

const request = fc
  .record({
    nowMs: fc.integer({ min: 1_700_000_000_000, max: 1_900_000_000_000 }),
    limits: fc.array(checked, { maxLength: 8 }),
  })
  .map(({ nowMs, limits }) => ({ nowMs, limits: limits.map((make, i) => make(nowMs, `limit${String(i)}`)) }));

const names = (statuses: readonly { readonly limit: { readonly name: string } }[]): string[] =>
  statuses.map(({ limit }) => limit.name).sort();

test("[unit] the decision does not depend on the order of limits; which decides does so only among equal waits", () => {
  fc.assert(
    fc.property(request, fc.array(fc.nat(), { minLength: 8, maxLength: 8 }), ({ nowMs, limits }, ranks) => {
      const shuffled = limits
        .map((limit, i) => ({ limit, rank: ranks[i] ?? 0 }))
        .sort((a, b) => a.rank - b.rank)
        .map(({ limit }) => limit);
      const [one, other] = [decide(limits, nowMs), decide(shuffled, nowMs)];
      if (names(one.shadowed).join() !== names(other.shadowed).join()) return false;
      if (one.kind === "allow" || other.kind === "allow") return one.kind === other.kind;
      return (
        one.decidedBy.waitMs === other.decidedBy.waitMs && names(one.exhausted).join() === names(other.exhausted).join()
      );
    }),
  );
});

test("[unit] of equal waits the first in policy order decides, and none of the others waits longer", () => {
  fc.assert(
    fc.property(request, ({ nowMs, limits }) => {
      const decision = decide(limits, nowMs);
      if (decision.kind === "allow") return true;
      const longest = Math.max(...decision.exhausted.map((status) => status.waitMs));
      return decision.decidedBy === decision.exhausted.find((status) => status.waitMs === longest);
    }),
  );
});

test("[unit] a request is refused exactly when an enforced limit is exhausted, whatever shadow limits say", () => {
  fc.assert(
    fc.property(request, ({ nowMs, limits }) => {
      const decision = decide(limits, nowMs);
      const exhausted = decision.statuses.filter((status) => status.exhausted && status.limit.mode === "Enforce");
      return decision.kind === "deny" ? exhausted.length === decision.exhausted.length : exhausted.length === 0;
    }),
  );
});

test("[unit] remaining is a whole number from 0 to the limit, and 0 exactly when exhausted", () => {
  fc.assert(
    fc.property(request, ({ nowMs, limits }) =>
      decide(limits, nowMs).statuses.every(({ limit, remaining, usage, exhausted, waitMs }) => {
        const isInRange = Number.isInteger(remaining) && remaining >= 0 && remaining <= limit.limit;
        const isConsistent = exhausted === usage >= limit.limit && (!exhausted || remaining === 0);
        return isInRange && isConsistent && (exhausted ? waitMs > 0 : waitMs === 0 && remaining > 0);
      }),
    ),
  );
});

test("[unit] an ask that has to fit is refused exactly when it does not, and fits once it has waited", () => {
  const asks = fc.array(fc.nat({ max: 60 }), { minLength: 8, maxLength: 8 });
  fc.assert(
    fc.property(request, asks, ({ nowMs, limits }, amounts) => {
      const asking = limits.map((each, i) => ({ ...each, asked: { ask: amounts[i] ?? 0, mustFit: true } }));
      return decide(asking, nowMs).statuses.every(({ limit, state, usage, ask, exhausted, waitMs }) => {
        const fits = (amount: number): boolean => amount <= limit.limit - ask;
        if (exhausted === fits(usage)) return false;
        if (!exhausted) return waitMs === 0;
        if (waitMs === Infinity) return ask > limit.limit;
        const usageAfter = (ms: number): number => usageAt(limit.window, state, nowMs + ms);
        return fits(usageAfter(waitMs)) && !fits(usageAfter(waitMs - 1));
      });
    }),
  );
});
