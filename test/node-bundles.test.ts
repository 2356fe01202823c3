/**
 * A program for Node, built from the packed package by bundlers, classifies an image in a directory without the package.
 * docs/bundling-node.md has the same commands.
 */
import { execFile } from "node:child_process";
import { cpSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { nodeResolve } from "@rollup/plugin-node-resolve";
import { build } from "esbuild";
import { rollup } from "rollup";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openClassifier } from "../src/index.js";
import { unpackPackage } from "./packed-package.js";
import { packageDependencies, ROOT } from "./shared.js";

const run = promisify(execFile);
// Outside the project, whose node_modules a bundler would find.
const FOLDER = path.join("/tmp", `inceptionkit-node-bundles-${process.pid}`);
const SOURCES = path.join(FOLDER, "program");

/** With native code or loaded on demand: they stay packages of the program. */
const EXTERNAL = ["onnxruntime-node", "sharp", "@huggingface/hub", "usearch"];
/** CommonJS, which Rollup alone does not read. */
const COMMONJS = ["tar-stream"];
/** Scripts of threads, beside the program's own: of the runtime, and of large images. */
const ENTRIES = {
  "ort-worker": "inceptionkit/node/ort-worker",
  "image-worker": "inceptionkit/node/image-worker",
};

const PROGRAM = `import { openClassifier } from "inceptionkit";
const classifier = await openClassifier("model.onnx", { device: "cpu" });
const found = await classifier.classify(["photo.jpg", "large.jpg"], { top: 1 });
await classifier.close();
console.log(JSON.stringify(found));
`;

const BUNDLERS: Readonly<Record<string, (out: string) => Promise<unknown>>> = {
  esbuild: (out) =>
    build({
      entryPoints: { main: "./main.js", ...ENTRIES },
      bundle: true,
      platform: "node",
      format: "esm",
      outdir: out,
      external: EXTERNAL,
      absWorkingDir: SOURCES,
      logLevel: "error",
    }),
  rollup: async (out) => {
    const bundle = await rollup({
      input: { main: path.join(SOURCES, "main.js"), ...ENTRIES },
      plugins: [nodeResolve({ exportConditions: ["node"], rootDir: SOURCES })],
      external: (id) => id.startsWith("node:") || [...EXTERNAL, ...COMMONJS].includes(id),
      onwarn: () => {},
    });
    await bundle.write({ dir: out, format: "es" });
    await bundle.close();
  },
};

describe("a bundle for Node", () => {
  beforeAll(async () => {
    mkdirSync(SOURCES, { recursive: true });
    await unpackPackage(SOURCES);
    for (const name of packageDependencies()) {
      mkdirSync(path.dirname(path.join(SOURCES, "node_modules", name)), { recursive: true });
      symlinkSync(path.join(ROOT, "node_modules", name), path.join(SOURCES, "node_modules", name));
    }
    writeFileSync(path.join(SOURCES, "package.json"), '{ "name": "program", "type": "module", "private": true }');
    writeFileSync(path.join(SOURCES, "main.js"), PROGRAM);
  });
  afterAll(() => rmSync(FOLDER, { recursive: true, force: true }));

  test.each(Object.keys(BUNDLERS))("of %s classifies", async (bundler) => {
    const out = path.join(FOLDER, bundler);
    await BUNDLERS[bundler]?.(out);
    // What is deployed: the bundle, and the packages that stayed outside of it.
    mkdirSync(path.join(out, "node_modules"));
    for (const name of ["onnxruntime-node", "sharp", ...COMMONJS])
      symlinkSync(path.join(ROOT, "node_modules", name), path.join(out, "node_modules", name));
    writeFileSync(path.join(out, "package.json"), '{ "type": "module" }');
    const digits = path.join(ROOT, "examples/digits");
    const model = path.join(digits, "digits.onnx");
    cpSync(model, path.join(out, "model.onnx"));
    const files = [path.join(out, "photo.jpg"), path.join(out, "large.jpg")];
    for (const [index, file] of files.entries()) {
      const photo = sharp(path.join(digits, "images/7-a.png")).resize(index === 0 ? 300 : 1500);
      await photo.jpeg().toFile(file);
    }
    const { stdout } = await run(process.execPath, ["main.js"], { cwd: out });
    await using classifier = await openClassifier(model, { device: "cpu" });
    expect(JSON.parse(stdout)).toEqual(await classifier.classify(files, { top: 1 }));
  });
});
