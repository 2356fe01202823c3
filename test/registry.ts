/** The npm registry, from which some tests install what is no part of the project's own node_modules. */
import { execFile, execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";

/** Whether it answers. */
export function registryAnswers(): boolean {
  try {
    execFileSync("npm", ["ping", "--fetch-retries=0", "--fetch-timeout=10000"], { stdio: "ignore", timeout: 20_000 });
    return true;
  } catch {
    return false;
  }
}

/** A title that says why the test is skipped where the registry does not answer. */
export const titleOnline = (text: string, reachable: boolean): string =>
  reachable ? text : `${text} [skipped: the npm registry does not answer]`;

/** Installs packages into a new project in `folder`, without their scripts. */
export async function installPackages(folder: string, ...packages: readonly string[]): Promise<void> {
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, "package.json"), '{ "name": "tools", "private": true }');
  await promisify(execFile)("npm", ["install", "--ignore-scripts", "--no-audit", "--no-fund", ...packages], { cwd: folder });
}
