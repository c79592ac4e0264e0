// Benchmark figures as a Markdown table: medians with minimum and maximum, ratios pair by pair within a round.

export function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

function spread(numbers, digits = 1) {
  const show = (value) => value.toFixed(digits);
  return `${show(median(numbers))} (${show(Math.min(...numbers))}-${show(Math.max(...numbers))})`;
}

/** The ratio is the reference's CPU over this one's: above 1 means more requests per core than the pass-through. */
export function table(results) {
  const lines = [
    "| load | target | CPU us per request | requests/s per core | ratio to pass-through | p50 us | p99 us | RSS MB |",
    "|---|---|---|---|---|---|---|---|",
  ];
  for (const { scenario, rows } of results) {
    for (const [name, runs] of Object.entries(rows)) {
      const ratios = runs.map((run, i) => rows.undici[i].cpu / run.cpu);
      lines.push(
        `| ${scenario.name}, c=${scenario.connections} | ${name} | ${spread(runs.map((r) => r.cpu))} | ` +
          `${Math.round(1e6 / median(runs.map((r) => r.cpu)))} | ${spread(ratios, 2)} | ` +
          `${median(runs.map((r) => r.p50))} | ${median(runs.map((r) => r.p99))} | ${runs.at(-1).megabytes} |`,
      );
    }
  }
  const redis = results.map(({ scenario, redisCpu }) => `${scenario.name} ${redisCpu.toFixed(1)} us`).join(", ");
  return `${lines.join("\n")}\n\nRedis CPU per gateway request: ${redis}.\n`;
}

/** The ratio is a case's CPU over that of the simple case in the same round: 1.1 is a tenth more. */
export function limitsTable(rows) {
  const lines = [
    "| limits | CPU us per request | ratio to the simple case | Redis CPU us per request | p50 us | p99 us |",
    "|---|---|---|---|---|---|",
  ];
  for (const [name, runs] of Object.entries(rows)) {
    const ratios = runs.map((run, i) => run.cpu / rows.simple[i].cpu);
    lines.push(
      `| ${name === "simple" ? "two (the simple case)" : name} | ${spread(runs.map((r) => r.cpu))} | ${spread(ratios, 2)} | ` +
        `${spread(runs.map((r) => r.redisCpu))} | ${median(runs.map((r) => r.p50))} | ${median(runs.map((r) => r.p99))} |`,
    );
  }
  return `${lines.join("\n")}\n`;
}
