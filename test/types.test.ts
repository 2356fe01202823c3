/** The published types under the oldest TypeScript that is supported, for modules of each kind. */
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { installPackages, registryAnswers, titleOnline } from "./registry.js";
import { ROOT } from "./shared.js";

const run = promisify(execFile);
const FOLDER = mkdtempSync(path.join(tmpdir(), "inceptionkit-types-"));
const OLDEST = path.join(FOLDER, "oldest");
const reachable = registryAnswers();

/** "nodenext" resolves as "node16" does, and lets a CommonJS module require more. */
const MODES = [
  { module: "node16", moduleResolution: "node16", files: ["use.mts", "use.cts"] },
  { module: "esnext", moduleResolution: "bundler", files: ["use.ts"] },
];

beforeAll(() => {
  const { exports } = JSON.parse(readFileSync(path.join(ROOT, "package.json"), "utf8")) as { exports: Record<string, object | string> };
  const subpaths = Object.keys(exports).filter((subpath) => typeof exports[subpath] === "object");
  const imports = subpaths.map((subpath, index) => `import * as entry${index} from "inceptionkit${subpath.slice(1)}";`);
  // A type that an old compiler cannot read would be `any`, and everything could be assigned to it.
  const use = `import { concatChunks, type OpName } from "inceptionkit/core";
export const op: OpName = "conv";
export const model: Uint8Array = concatChunks([]);
// @ts-expect-error
export const wrong: number = concatChunks([]);
export const all = [${subpaths.map((_, index) => `entry${index}`).join(", ")}];`;
  for (const file of MODES.flatMap(({ files }) => files)) writeFileSync(path.join(FOLDER, file), `${[...imports, use].join("\n")}\n`);
  mkdirSync(path.join(FOLDER, "node_modules"));
  symlinkSync(ROOT, path.join(FOLDER, "node_modules/inceptionkit"));
  symlinkSync(path.join(ROOT, "node_modules/@types"), path.join(FOLDER, "node_modules/@types"));
});
afterAll(() => rmSync(FOLDER, { recursive: true, force: true }));

describe.skipIf(!reachable)(titleOnline("TypeScript 5.4 reads all types", reachable), () => {
  beforeAll(() => installPackages(OLDEST, "typescript@5.4.5"));
  test.each(MODES)("under $moduleResolution in $files", async ({ module, moduleResolution, files }) => {
    const options = ["--strict", "--noEmit", "--target", "es2022", "--lib", "es2023,dom", "--types", "node"];
    const args = [...options, "--skipLibCheck", "false", "--module", module, "--moduleResolution", moduleResolution, ...files];
    const tsc = path.join(OLDEST, "node_modules/typescript/lib/tsc.js");
    const printed = await run(process.execPath, [tsc, ...args], { cwd: FOLDER }).then(
      ({ stdout }) => stdout,
      (thrown: { readonly stdout: string }) => thrown.stdout,
    );
    expect(printed).toBe("");
  });
});
