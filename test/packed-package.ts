/** The package as its users get it, from the tarball of `npm pack`. */
import { execFile } from "node:child_process";
import { cpSync, mkdirSync, rmSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { ROOT } from "./shared.js";

const run = promisify(execFile);

/** Packs the built package and unpacks it below `folder`, as its installation would. @returns its directory */
export async function unpackPackage(folder: string): Promise<string> {
  const installed = path.join(folder, "node_modules", "inceptionkit");
  mkdirSync(installed, { recursive: true });
  const { stdout } = await run("npm", ["pack", "--ignore-scripts", "--json", "--pack-destination", folder], { cwd: ROOT });
  const [packed] = JSON.parse(stdout) as { filename: string }[];
  const tarball = path.join(folder, packed?.filename ?? "");
  await run("tar", ["-xzf", tarball, "--strip-components=1", "-C", installed]);
  rmSync(tarball);
  return installed;
}

/** Puts a package of this project's node_modules into those of `folder`. Its own dependencies do not come along. */
export function addPackage(folder: string, name: string): void {
  cpSync(path.join(ROOT, "node_modules", name), path.join(folder, "node_modules", name), { recursive: true });
}
