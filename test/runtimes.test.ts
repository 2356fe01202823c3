/** The built command under Bun and Deno, from their npm packages. */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { installPackages, registryAnswers, titleOnline } from "./registry.js";
import { ROOT } from "./shared.js";

const run = promisify(execFile);
const FOLDER = mkdtempSync(path.join(tmpdir(), "inceptionkit-runtimes-"));
const DIGITS = path.join(ROOT, "examples/digits");
const reachable = registryAnswers();

afterAll(() => rmSync(FOLDER, { recursive: true, force: true }));

describe.skipIf(!reachable)(titleOnline("classify", reachable), () => {
  beforeAll(async () => {
    await installPackages(FOLDER, "bun@1.4.5", "deno@2.9.6");
    // Bun's npm package runs by way of its install script only, which puts the platform's program in place.
    await run(process.execPath, ["install.js"], { cwd: path.join(FOLDER, "node_modules/bun") });
  });

  test.each([
    ["bun", []],
    ["deno", ["run", "--allow-all"]],
  ])("runs under %s and ends without complaint", async (program, args) => {
    const command = [path.join(ROOT, "bin/inception.js"), "classify", `${DIGITS}/images/7-a.png`, "--model", `${DIGITS}/digits.onnx`];
    const { stdout, stderr } = await run(path.join(FOLDER, "node_modules/.bin", program), [...args, ...command]);
    expect(stderr).toBe("");
    expect(stdout).toMatch(/95\.3 ?% {2}seven/);
  });
});
