import type { Reporter, TestModule } from "vitest/node";

/**
 * Prints why tests were skipped, which the usual reporter does not: a line per reason with the number of tests. Reasons
 * stand in titles as `[skipped: …]`; a skipped test without one is printed by its name, so that none goes unexplained.
 */
export default class SkipReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const counts = new Map<string, number>();
    for (const module of modules) {
      for (const test of module.children.allTests("skipped")) {
        const reason = /\[skipped: ([^\]]+)\]/.exec(test.fullName)?.[1] ?? `no reason given: ${module.relativeModuleId} > ${test.fullName}`;
        counts.set(reason, (counts.get(reason) ?? 0) + 1);
      }
    }
    for (const [reason, count] of [...counts].toSorted()) process.stdout.write(`Skipped ${count}: ${reason}\n`);
  }
}
