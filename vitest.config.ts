// How tests run: files under test/, in forked processes, two at a time. Which level a test is on stands in its title.

import { defineConfig } from "vitest/config";
import { ClosingLine } from "./test/reporter/closing-line.ts";

export default defineConfig({
  test: {
    environment: "node",
    include: ["test/**/*.test.ts"],
    exclude: ["**/node_modules/**", "test/fixtures/**", "test/golden/**"],
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 20_000,
    hookTimeout: 60_000,
    chaiConfig: { truncateThreshold: 0 }, // titles and differences in full
    reporters: ["default", new ClosingLine()],
    coverage: {
      enabled: false,
      include: ["crds/**/*.ts", "compiler/**/*.ts", "controller/**/*.ts", "dataplane/**/*.ts", "cli/**/*.ts"],
    },
  },
});
