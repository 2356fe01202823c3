import { defineConfig } from "vitest/config";

export default defineConfig({
  plugins: [
    {
      // A worker thread runs compiled JavaScript only; tests run the sources. Point the one worker URL at the build.
      name: "worker-from-build",
      transform(code, id) {
        if (!id.endsWith("/src/node/ort-session.ts")) return null;
        return code.replace('new URL("./ort-worker.js", import.meta.url)', 'new URL("../../dist/node/ort-worker.js", import.meta.url)');
      },
    },
  ],
  test: {
    // The JSON report is where .ci/run takes its counts from.
    reporters: ["default", "./tools/skip-reporter.ts", "json"],
    outputFile: { json: "tmp/test-results.json" },
    include: ["src/**/*.test.ts", "test/**/*.test.ts"],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    pool: "forks",
    maxWorkers: 2,
  },
});
