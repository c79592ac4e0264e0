// Counters, gauges and histograms as they stand in the rendered text.

import fc from "fast-check";
import { Registry } from "prom-client";
import { describe, expect, test } from "vitest";
import { counter, gauge, histogram } from "../../../dataplane/metrics/series.ts";
import { type ParsedSample, parsePrometheus } from "./prometheus-text.ts";

async function samplesOf(registry: Registry): Promise<ParsedSample[]> {
  return parsePrometheus(await registry.metrics());
}

describe("counters and gauges", () => {
  test("[unit] render name, help, type, labels and value", async () => {
    const registry = new Registry();
    counter(registry, { name: "a_total", help: "Things.", labels: ["kind"] }).cell("x").value += 3;
    gauge(registry, { name: "b", help: "Now.", labels: [] }).cell().value = -1.5;
    expect(await registry.metrics()).toBe(
      '# HELP a_total Things.\n# TYPE a_total counter\na_total{kind="x"} 3\n\n# HELP b Now.\n# TYPE b gauge\nb -1.5\n',
    );
  });

  test("[unit] a metric without labels is there from the start, one with labels is not", async () => {
    const registry = new Registry();
    counter(registry, { name: "plain", help: "h", labels: [] });
    counter(registry, { name: "labelled", help: "h", labels: ["a"] });
    expect(await samplesOf(registry)).toEqual([{ name: "plain", labels: {}, value: 0 }]);
  });

  test("[unit] equal label values have one cell", () => {
    const family = counter(new Registry(), { name: "a", help: "h", labels: ["x", "y"] });
    expect(family.cell("1", "2")).toBe(family.cell("1", "2"));
    expect(family.cell("1", "2")).not.toBe(family.cell("12", ""));
  });

  test("[unit] any text is a label value that can be read back", async () => {
    const text = fc.string({ unit: fc.constantFrom("a", '"', "\\", "\n", "\r", "{", "}", ",", "=", " ", "é", "😀") });
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(text, { maxLength: 5 }), async (values) => {
        const registry = new Registry();
        const family = counter(registry, { name: "a", help: "h", labels: ["v"] });
        for (const value of values) family.cell(value).value++;
        const read = (await samplesOf(registry)).map(({ labels }) => labels["v"]);
        expect(read.toSorted()).toEqual(values.toSorted());
      }),
    );
  });
});

describe("the cap", () => {
  test("[unit] combinations beyond it share one series whose labels are all other", async () => {
    const registry = new Registry();
    const family = counter(registry, { name: "a", help: "h", labels: ["x", "y"], maxSeries: 2 });
    for (const x of ["1", "2", "3", "4", "1"]) family.cell(x, "y").value++;
    expect(await samplesOf(registry)).toEqual([
      { name: "a", labels: { x: "1", y: "y" }, value: 2 },
      { name: "a", labels: { x: "2", y: "y" }, value: 1 },
      { name: "a", labels: { x: "other", y: "other" }, value: 2 },
    ]);
  });

  test("[unit] holds for histograms too", async () => {
    const registry = new Registry();
    const family = histogram(registry, { name: "h", help: "h", labels: ["x"], buckets: [1], maxSeries: 1 });
    for (const x of ["1", "2", "3"]) family.cell(x).observe(0.5);
    const counts = (await samplesOf(registry)).filter(({ name }) => name === "h_count");
    expect(counts.map(({ labels, value }) => [labels["x"], value])).toEqual([
      ["1", 1],
      ["other", 2],
    ]);
  });

  test("[unit] nothing is lost: the series add up to what was counted", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(30)), fc.integer({ min: 1, max: 10 }), async (values, maxSeries) => {
        const registry = new Registry();
        const family = counter(registry, { name: "a", help: "h", labels: ["x"], maxSeries });
        for (const value of values) family.cell(String(value)).value++;
        const samples = await samplesOf(registry);
        expect(samples.reduce((sum, { value }) => sum + value, 0)).toBe(values.length);
        expect(samples.length).toBeLessThanOrEqual(maxSeries + 1);
      }),
    );
  });
});

describe("histograms", () => {
  test("[unit] buckets are cumulative, a bound belongs to its bucket, and +Inf holds all", async () => {
    const registry = new Registry();
    const cell = histogram(registry, { name: "h", help: "h", labels: ["x"], buckets: [0.1, 1, 5] }).cell("v");
    for (const value of [0.05, 0.1, 0.5, 1, 7, 7]) cell.observe(value);
    expect(await samplesOf(registry)).toEqual([
      { name: "h_bucket", labels: { x: "v", le: "0.1" }, value: 2 },
      { name: "h_bucket", labels: { x: "v", le: "1" }, value: 4 },
      { name: "h_bucket", labels: { x: "v", le: "5" }, value: 4 },
      { name: "h_bucket", labels: { x: "v", le: "+Inf" }, value: 6 },
      { name: "h_sum", labels: { x: "v" }, value: 15.65 },
      { name: "h_count", labels: { x: "v" }, value: 6 },
    ]);
  });

  test("[unit] each bucket counts the observations up to its bound", async () => {
    const buckets = [0.005, 0.1, 1, 60];
    const value = fc.oneof(fc.double({ min: 0, max: 100, noNaN: true }), fc.constantFrom(...buckets));
    await fc.assert(
      fc.asyncProperty(fc.array(value), async (values) => {
        const registry = new Registry();
        const cell = histogram(registry, { name: "h", help: "h", labels: [], buckets }).cell();
        for (const observed of values) cell.observe(observed);
        const samples = await samplesOf(registry);
        for (const { name, labels, value: counted } of samples) {
          if (name !== "h_bucket") continue;
          const bound = labels["le"] === "+Inf" ? Infinity : Number(labels["le"]);
          expect(counted).toBe(values.filter((observed) => observed <= bound).length);
        }
        expect(samples.find(({ name }) => name === "h_count")?.value).toBe(values.length);
      }),
    );
  });
});
