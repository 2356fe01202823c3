import { existsSync, readFileSync } from "node:fs";
import path from "node:path";

/** The folder of the project: tests run from their sources or, by `npm run fuzz`, compiled in tmp/. */
export const ROOT = projectAbove(import.meta.dirname);

function projectAbove(folder: string): string {
  return existsSync(path.join(folder, "package.json")) ? folder : projectAbove(path.dirname(folder));
}

/** Where the larger test data lies, beside the checkout. It is never part of the project. */
const SHARED = path.join(ROOT, "../shared");

/**
 * The absolute path of a file or folder of the shared test data, or null where it is absent.
 * A test that needs it skips and says so: `describe.skipIf(!data)(title("…", data), …)`.
 */
export function sharedPath(relative: string): string | null {
  const full = path.join(SHARED, relative);
  return existsSync(full) ? full : null;
}

/** A test title that says why the test is skipped, so that the reason is printed with it. */
export function titleNeeding(title: string, found: string | null, relative: string): string {
  return found === null ? `${title} [skipped: ../shared/${relative} is not here]` : title;
}

/** The absolute path of a golden that is part of the project. */
export function goldenPath(relative: string): string {
  return path.join(ROOT, "test/goldens", relative);
}

/** Names of the packages that the package needs everywhere, as its package.json lists them. */
export function packageDependencies(): readonly string[] {
  const manifest: unknown = JSON.parse(readFileSync(path.join(ROOT, "package.json"), "utf8"));
  const dependencies: unknown = typeof manifest === "object" && manifest !== null ? Reflect.get(manifest, "dependencies") : null;
  if (typeof dependencies !== "object" || dependencies === null) throw new TypeError("package.json has no dependencies");
  return Object.keys(dependencies);
}
