// How tests run: files under test/, in forked processes, two at a time. Which level a test is on stands in its title.
// Those that need a Kubernetes control plane are a project of their own, so that one is started only when they run; those
// that need a whole cluster another one, which make e2e runs and make test does not.

import { defineConfig } from "vitest/config";
import { ClosingLine } from "./test/reporter/closing-line.ts";

export default defineConfig({
  test: {
    environment: "node",
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 20_000,
    hookTimeout: 60_000,
    chaiConfig: { truncateThreshold: 0 }, // titles and differences in full
    reporters: ["default", new ClosingLine()],
    projects: [
      {
        extends: true,
        test: {
          name: "product",
          include: ["test/**/*.test.ts"],
          exclude: [
            "**/node_modules/**",
            "test/fixtures/**",
            "test/golden/**",
            "test/kubernetes/**",
            "test/cluster/**",
          ],
        },
      },
      {
        extends: true,
        test: {
          name: "kubernetes",
          include: ["test/kubernetes/**/*.test.ts"],
          globalSetup: "test/kubernetes/global-setup.ts",
        },
      },
      {
        extends: true,
        test: {
          name: "cluster",
          include: ["test/cluster/**/*.test.ts"],
          globalSetup: "test/cluster/global-setup.ts",
          testTimeout: 120_000,
          hookTimeout: 300_000,
        },
      },
    ],
    coverage: {
      enabled: false,
      include: [
        "crds/**/*.ts",
        "compiler/**/*.ts",
        "controller/**/*.ts",
        "dataplane/**/*.ts",
        "cli/**/*.ts",
        "settings/**/*.ts",
      ],
    },
  },
});
