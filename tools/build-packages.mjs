/**
 * Builds the packages of packages/, as part of `npm run build`. One whose dependencies are not installed is left out and named:
 * whoever works on the root package alone installs with `npm ci --workspaces=false`.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";

const ROOT = path.resolve(import.meta.dirname, "..");
const PACKAGES = path.join(ROOT, "packages");
const TSC = path.join(ROOT, "node_modules/typescript/bin/tsc");

/** Whether a package is in the node_modules of its user or of the root. */
const isInstalled = (user, name) => [user, ROOT].some((folder) => existsSync(path.join(folder, "node_modules", name)));

for (const name of readdirSync(PACKAGES)) {
  const folder = path.join(PACKAGES, name);
  const { dependencies, devDependencies } = JSON.parse(readFileSync(path.join(folder, "package.json"), "utf8"));
  const missing = Object.keys({ ...dependencies, ...devDependencies }).filter((each) => !isInstalled(folder, each));
  if (missing.length > 0) console.log(`packages/${name} is not built: run npm ci for ${missing.join(", ")}`);
  else execFileSync(process.execPath, [TSC, "-p", path.join(folder, "tsconfig.build.json")], { stdio: "inherit" });
}
