import path from "node:path";
import { defineConfig } from "vitest/config";

export default defineConfig({
  plugins: [
    {
      // A worker thread runs compiled JavaScript only; tests run the sources. Point the URLs of workers at the build.
      name: "worker-from-build",
      transform(code, id) {
        const [, below] = /\/src\/(node\/(?:[a-z-]+\/)*)[a-z-]+\.ts$/.exec(id) ?? [];
        if (below === undefined) return null;
        const build = `${"../".repeat(below.split("/").length)}dist/${below}`;
        return code.replace(/new URL\("\.\/([a-z-]+-worker\.js)", import\.meta\.url\)/g, `new URL("${build}$1", import.meta.url)`);
      },
    },
  ],
  // Packages are tested against the sources of this one; a worker thread still runs the build.
  resolve: {
    alias: [
      { find: /^inceptionkit$/, replacement: path.join(import.meta.dirname, "src/index.ts") },
      { find: /^inceptionkit\/core$/, replacement: path.join(import.meta.dirname, "src/core.ts") },
      { find: /^inceptionkit\/([a-z]+)$/, replacement: path.join(import.meta.dirname, "src/$1/index.ts") },
    ],
  },
  test: {
    // The JSON report is where .ci/run takes its counts from.
    reporters: ["default", "./tools/skip-reporter.ts", "json"],
    outputFile: { json: "tmp/test-results.json" },
    include: ["src/**/*.test.ts", "test/**/*.test.ts", "packages/*/test/**/*.test.ts"],
    // A network in the browser on a software adapter takes a minute on two quiet cores.
    testTimeout: 300_000,
    hookTimeout: 120_000,
    pool: "forks",
    maxWorkers: 2,
  },
});
