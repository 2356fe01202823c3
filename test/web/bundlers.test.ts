/**
 * One page, built from the packed package by each bundler, classifies a photograph in headless Chromium as Node does,
 * with and without the headers that isolate a page. The short form takes one version of each bundler; all of them, the
 * servers of Vite and WebGPU take minutes: BUNDLER_MATRIX=1 npx vitest run test/web/bundlers.test.ts
 */
import { spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import type { Browser } from "playwright-core";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parsePreprocessing, preprocess, preprocessedShape } from "../../src/data/index.js";
import { decodeImage } from "../../src/node/decode-image.js";
import { createNodeSession } from "../../src/node/ort-session.js";
import { float32Tensor } from "../../src/tensor/tensor.js";
import { installPackages } from "../registry.js";
import { ROOT } from "../shared.js";
import { chromiumPath, chromiumTitle, launchChromium, type TestServer } from "./browser.js";
import { buildPage, installForPages, servePage } from "./built-page.js";

const MATRIX = process.env.BUNDLER_MATRIX === "1";
const SOURCES = path.join(import.meta.dirname, "bundlers");
const DIGITS = path.join(ROOT, "examples/digits");
// Outside the project, whose node_modules a bundler would find.
const FOLDER = path.join("/tmp", `inceptionkit-bundlers-${process.pid}`);
const PAGE = path.join(FOLDER, "page");
const TOOLS = path.join(FOLDER, "tools");

/** Sizes of the WebAssembly of the decoders, for the CPU and for WebGPU; a bundle holds no other. */
const sizeOf = (file: string) => statSync(path.join(ROOT, "node_modules", file)).size;
const CPU_WASM = sizeOf("onnxruntime-web/dist/ort-wasm-simd-threaded.wasm");
const WEBGPU_WASM = sizeOf("onnxruntime-web/dist/ort-wasm-simd-threaded.asyncify.wasm");
const DECODERS = ["webp/codec/dec/webp_dec.wasm", "jpeg/codec/dec/mozjpeg_dec.wasm", "png/codec/pkg/squoosh_png_bg.wasm"].map((file) =>
  sizeOf(`@jsquash/${file}`),
);

interface Answer {
  readonly device: string;
  readonly isolated: boolean;
  readonly seconds: number;
  readonly logits: readonly number[];
}

const SHORT = [
  { bundler: "vite", wasm: [CPU_WASM, WEBGPU_WASM] },
  { bundler: "vite-cpu-only", wasm: [CPU_WASM] },
  { bundler: "webpack", wasm: [CPU_WASM, WEBGPU_WASM] },
  { bundler: "esbuild", wasm: [CPU_WASM] },
  { bundler: "rollup", wasm: [CPU_WASM] },
];
/** Installed for the matrix alone. */
const VERSIONS = { vite5: "npm:vite@5", vite7: "npm:vite@7", vite8: "npm:vite@8" };
const LONG = Object.keys(VERSIONS).map((bundler) => ({ bundler, wasm: [CPU_WASM, WEBGPU_WASM] }));

describe.skipIf(chromiumPath === null)(chromiumTitle("a page in headless Chromium"), () => {
  let browser: Browser;
  let expected: readonly number[];
  beforeAll(async () => {
    expected = await makePage();
    browser = await launchChromium();
  });
  afterAll(async () => {
    await browser?.close();
    rmSync(FOLDER, { recursive: true, force: true });
  });

  describe.each(SHORT)("built by $bundler", ({ bundler, wasm }) => {
    checkBundle(ROOT, bundler, wasm, ["cpu"]);
  });

  describe.skipIf(!MATRIX)(MATRIX ? "in the matrix" : "in the matrix [skipped: BUNDLER_MATRIX=1 is not set]", () => {
    beforeAll(() => installPackages(TOOLS, ...Object.entries(VERSIONS).map(([name, version]) => `${name}@${version}`)), 600_000);

    describe.each(LONG)("built by $bundler", ({ bundler, wasm }) => {
      checkBundle(TOOLS, bundler, wasm, ["cpu", "webgpu"]);
    });
    describe.each(Object.keys(VERSIONS))("served by %s", (bundler) => {
      test.each([
        ["isolated", true],
        ["not isolated", false],
      ])("%s, classifies", async (_, isolated) => {
        // As in a new clone: nothing is prepared yet.
        rmSync(path.join(PAGE, "node_modules/.vite"), { recursive: true, force: true });
        const server = await startDevelopment(bundler, isolated);
        try {
          await checkAnswer(server.url, isolated, "cpu");
        } finally {
          await server.close();
        }
      });
    });
  });

  function checkBundle(tools: string, bundler: string, wasm: readonly number[], devices: readonly string[]): void {
    const out = path.join(FOLDER, `out-${bundler}`);
    beforeAll(async () => {
      await buildPage(PAGE, out, bundler, tools);
      for (const file of ["index.html", ...readdirSync(path.join(PAGE, "public"))]) {
        const source = file === "index.html" ? PAGE : path.join(PAGE, "public");
        if (!existsSync(path.join(out, file))) cpSync(path.join(source, file), path.join(out, file));
      }
    });

    test("holds only the WebAssembly that may run", () => {
      const files = readdirSync(out, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".wasm"));
      expect(files.map((file) => statSync(path.join(out, file)).size).toSorted((a, b) => a - b)).toEqual([...DECODERS, ...wasm]);
    });

    test.each(devices.flatMap((device) => [true, false].map((isolated) => ({ device, isolated }))))(
      "classifies on $device, isolated: $isolated",
      async ({ device, isolated }) => {
        const server = await servePage(out, isolated);
        try {
          await checkAnswer(server.url, isolated, device);
        } finally {
          await server.close();
        }
      },
    );
  }

  async function checkAnswer(url: string, isolated: boolean, device: string): Promise<void> {
    const tab = await browser.newPage();
    const complaints: string[] = [];
    tab.on("console", (message) => {
      if (["warning", "error"].includes(message.type())) complaints.push(message.text());
    });
    tab.on("pageerror", (error) => complaints.push(error.message));
    try {
      await tab.goto(`${url}?device=${device}`);
      // A server that finds a new dependency loads the page again.
      const answer = JSON.parse((await tab.locator("#answer").textContent({ timeout: 120_000 })) ?? "null") as Answer;
      // The software adapter for WebGPU computes in another order.
      const logits = expected.map((value) => expect.closeTo(value, device === "cpu" ? 4 : 0) as number);
      expect(answer).toMatchObject({ device, isolated, logits });
      expect(complaints).toEqual([]);
    } finally {
      await tab.close();
    }
  }
});

/** The sources of the page and what they need, and the logits that Node computes for its photograph. */
async function makePage(): Promise<readonly number[]> {
  await installForPages(PAGE);
  for (const file of ["index.html", "main.js"]) cpSync(path.join(SOURCES, file), path.join(PAGE, file));
  const model = readFileSync(path.join(DIGITS, "digits.onnx"));
  const recipe = parsePreprocessing(JSON.parse(readFileSync(path.join(DIGITS, "preprocessing.json"), "utf8")), "digits");
  const photo = await sharp(path.join(DIGITS, "images/7-a.png"))
    .removeAlpha()
    .toColourspace("srgb")
    .resize(500, 375, { fit: "fill", kernel: "nearest" })
    .jpeg({ quality: 90 })
    .toBuffer();
  const image = await decodeImage(photo);
  const files = path.join(PAGE, "public");
  mkdirSync(files);
  writeFileSync(path.join(files, "digits.onnx"), model);
  writeFileSync(path.join(files, "photo.jpg"), photo);
  cpSync(path.join(DIGITS, "preprocessing.json"), path.join(files, "preprocessing.json"));
  const session = await createNodeSession(model, { device: "cpu" });
  const [input] = session.inputs;
  const shape = [1, ...preprocessedShape(recipe, image)];
  const outputs = await session.run({ [input?.name ?? ""]: float32Tensor(shape, preprocess(image, recipe)) });
  await session.close();
  return [...(outputs.logits?.data ?? [])].map(Number);
}

/** The server with which a page is developed. */
async function startDevelopment(bundler: string, isolated: boolean): Promise<TestServer> {
  const args = [path.join(SOURCES, "build.mjs"), TOOLS, `${bundler}-serve`, PAGE, "", ...(isolated ? ["isolated"] : [])];
  const server = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise((resolve) => server.once("exit", resolve));
  for await (const line of createInterface({ input: server.stdout })) {
    const url = /^listening on (.*)$/.exec(line)?.[1];
    if (url === undefined) continue;
    return {
      url,
      close: async () => {
        server.kill();
        await ended;
      },
    };
  }
  throw new Error(`the server of ${bundler} ended`);
}
