/**
 * The package as its users get it: the tarball of `npm pack`, unpacked into a directory that resolves it by name. Every
 * subpath imports and has the committed names, and every example of the README, of docs/ and of the docstrings compiles
 * against the published types and runs, or is built for a page.
 */
import { execFile } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { build } from "esbuild";
import ts from "typescript";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CLAIM_MODULE, type Example, findExamples, withClaims } from "./examples.js";
import { unpackPackage } from "./packed-package.js";
import { ROOT } from "./program.js";
import { fillWorkspace } from "./sample-workspace.js";

const run = promisify(execFile);
// Inside the project, so that the package's dependencies are found by walking up.
const FOLDER = path.join(ROOT, "tmp", `packed-${process.pid}`);
const INSTALLED = path.join(FOLDER, "node_modules", "inceptionkit");
/** Names of every subpath. To write them anew: UPDATE_DOCS=1 npx vitest run test/packed.test.ts */
const NAMES = path.join(ROOT, "test/goldens/exports.json");

beforeAll(async () => {
  mkdirSync(FOLDER, { recursive: true });
  // A package of its own: inside ours, the name would resolve to the working tree.
  writeFileSync(path.join(FOLDER, "package.json"), '{ "name": "user", "type": "module" }');
  await unpackPackage(FOLDER);
});
afterAll(() => rmSync(FOLDER, { recursive: true }));

describe("the packed package", () => {
  test("holds what it must and nothing else", () => {
    const files = readdirSync(INSTALLED, { recursive: true, encoding: "utf8" });
    for (const file of ["bin/inception.js", "dist/node/ort-worker.js", "examples/digits/digits.onnx", "LICENSE", "NOTICE", "README.md"]) {
      expect(files).toContain(file);
    }
    const example = files.filter((file) => file.startsWith("examples/segment/")).toSorted();
    expect(example).toEqual(
      ["README.md", "hippocampus_001-labels.nii.gz", "hippocampus_001.nii.gz"].map((name) => `examples/segment/${name}`),
    );
    expect(files.filter((file) => /\.(test|cases)\./.test(file) || /^(src|test|bench|tools)\//.test(file))).toEqual([]);
  });

  test("every subpath imports and exports the committed names", async () => {
    const { exports } = JSON.parse(readFileSync(path.join(INSTALLED, "package.json"), "utf8")) as {
      exports: Record<string, object | string>;
    };
    const subpaths = Object.keys(exports).filter((subpath) => typeof exports[subpath] === "object");
    const source = `const names = {};
    for (const subpath of ${JSON.stringify(subpaths)}) names[subpath] = Object.keys(await import("inceptionkit" + subpath.slice(1))).sort();
    console.log(JSON.stringify(names));`;
    writeFileSync(path.join(FOLDER, "subpaths.mjs"), source);
    const { stdout } = await run(process.execPath, [path.join(FOLDER, "subpaths.mjs")]);
    if (process.env.UPDATE_DOCS) writeFileSync(NAMES, `${JSON.stringify(JSON.parse(stdout), null, 2)}\n`);
    expect(JSON.parse(stdout)).toEqual(JSON.parse(readFileSync(NAMES, "utf8")));
  });

  test("its command runs", async () => {
    const { stdout } = await run(process.execPath, [path.join(INSTALLED, "bin/inception.js"), "--version"]);
    const { version } = JSON.parse(readFileSync(path.join(ROOT, "package.json"), "utf8")) as { version: string };
    expect(stdout.trim()).toBe(version);
  });
});

const examples = findExamples().map((example) => ({ ...example, name: example.place.replace(/\W+/g, "-") }));
const ofUse = (use: Example["use"]) => examples.filter((example) => example.use === use);

describe("examples", () => {
  test.each([
    { kind: "for Node", used: [...ofUse("run"), ...ofUse("compile")], options: { types: ["node"] } },
    { kind: "for pages", used: ofUse("page"), options: { types: [], lib: ["lib.es2023.d.ts", "lib.dom.d.ts", "lib.dom.iterable.d.ts"] } },
  ])("$kind compile against the published types", ({ kind, used, options }) => {
    const folder = path.join(FOLDER, "types", kind.replaceAll(" ", "-"));
    mkdirSync(folder, { recursive: true });
    const files = used
      .filter(({ language }) => language === "ts")
      .map(({ name, code }) => ({ file: path.join(folder, `${name}.ts`), code }));
    for (const { file, code } of files) writeFileSync(file, `${code}\nexport {};\n`);
    const shared = { module: ts.ModuleKind.NodeNext, target: ts.ScriptTarget.ES2023, strict: true, noEmit: true, skipLibCheck: true };
    const program = ts.createProgram(
      files.map(({ file }) => file),
      { ...shared, ...options },
    );
    const problems = ts.getPreEmitDiagnostics(program).map(({ file, start, messageText }) => {
      const line = file === undefined || start === undefined ? "" : `:${file.getLineAndCharacterOfPosition(start).line + 1}`;
      return `${path.basename(file?.fileName ?? "")}${line} ${ts.flattenDiagnosticMessageText(messageText, " ")}`;
    });
    expect(problems).toEqual([]);
  });

  describe("run as they are written", () => {
    const workspace = path.join(FOLDER, "workspace");
    beforeAll(async () => {
      mkdirSync(workspace);
      writeFileSync(path.join(FOLDER, "claim.mjs"), CLAIM_MODULE);
      await fillWorkspace(workspace);
    });

    test.each(ofUse("run"))("$place", async ({ name, code }) => {
      const options = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2023 };
      const file = path.join(FOLDER, `${name}.mjs`);
      writeFileSync(file, ts.transpileModule(withClaims(code), { compilerOptions: options }).outputText);
      await run(process.execPath, [file], { cwd: workspace });
    });
  });

  describe("are built for pages", () => {
    test.each(ofUse("page"))("$place", async ({ code, language }) => {
      const { errors, outputFiles } = await build({
        stdin: { contents: code, resolveDir: FOLDER, loader: language },
        bundle: true,
        format: "esm",
        platform: "browser",
        write: false,
        logLevel: "silent",
      });
      expect(errors).toEqual([]);
      expect(outputFiles.length).toBeGreaterThan(0);
    });
  });
});
