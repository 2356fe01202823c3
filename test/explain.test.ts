/** `inception explain` as a user runs it: overlays, a page, a plain ONNX file; and a photograph whose answer is known. */
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { PREPROCESSING, parsePreprocessing } from "../src/data/index.js";
import type { ExplanationName } from "../src/explain/index.js";
import { concatChunks } from "../src/formats/concat-chunks.js";
import { encodeModel } from "../src/formats/onnx/encode.js";
import { node, model as onnxModel } from "../src/formats/onnx/onnx-graphs.cases.js";
import { encodeSafetensors } from "../src/formats/safetensors.js";
import { describeModel } from "../src/models/index.js";
import { decodeImage } from "../src/node/decode-image.js";
import { openExplainer } from "../src/node/explain/explainer.js";
import { imageBatch } from "../src/predict/predict.js";
import { heatOf, overlay } from "../src/report/overlay.js";
import { goldenParameters } from "../src/weights/golden.js";
import { inception, json, ROOT, refused } from "./program.js";
import { sharedPath, titleNeeding } from "./shared.js";

const SMALL = ["--option", "widthMultiplier=0.125", "--option", "numClasses=6", "--option", "inputSize=64"];
const SIZE = { widthMultiplier: 0.125, numClasses: 6, inputSize: 64 } as const;

let folder = "";
let weights = "";
let photo = "";
beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), "inception-explain-"));
  weights = path.join(folder, "small.safetensors");
  const { header, chunks } = encodeSafetensors([...goldenParameters(describeModel("googlenet.public", SIZE))], {});
  writeFileSync(weights, Buffer.concat([header, ...chunks]));
  photo = path.join(folder, "photo.png");
  const pixels = Buffer.from(Uint8Array.from({ length: 90 * 70 * 3 }, (_, index) => (index * 37) % 251));
  await sharp(pixels, { raw: { width: 90, height: 70, channels: 3 } })
    .png()
    .toFile(photo);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const model = () => ["--model", "googlenet.public", "--weights", weights, ...SMALL] as const;

describe("explain", () => {
  test("writes an overlay for each method, and a page", async () => {
    const out = path.join(folder, "all");
    const result = json(await inception("explain", photo, ...model(), "--method", "all", "--out", out, "--json"));
    const methods = ["grad_cam", "input_gradient", "integrated_gradients", "occlusion"];
    expect(result).toMatchObject([
      { file: photo, maps: methods.map((method) => ({ method, overlay: path.join(out, `photo.${method}.png`) })) },
    ]);
    expect(readdirSync(out).sort()).toEqual(["explanation.json", "index.html", ...methods.map((method) => `photo.${method}.png`)].sort());
    for (const method of methods) {
      const { width, height, format } = await sharp(path.join(out, `photo.${method}.png`)).metadata();
      expect([format, width, height]).toEqual(["png", 448, 448]);
    }
    const page = readFileSync(path.join(out, "index.html"), "utf8");
    expect(page.match(/<img src="data:image\/png;base64,/g)?.length).toBe(5);
    expect(page.replaceAll(/data:image\/png;base64,[A-Za-z0-9+/=]+/g, "")).not.toMatch(/(src|href)="(?!")|url\(/);
  });

  test("of a class by its index, with several images of one name; a bad file does not stop the rest", async () => {
    const out = path.join(folder, "two");
    const bad = path.join(folder, "bad.png");
    writeFileSync(bad, "no picture");
    const result = await inception("explain", photo, bad, photo, ...model(), "--class", "4", "--out", out);
    expect(result.code).toBe(1);
    expect(result.out).toMatch(/photo\.png: 4 \(\d+\.\d%\)\n {2}grad_cam {2}maximum at \(\d+, \d+\) {2}.*photo\.grad_cam\.png\n/);
    expect(result.err).toMatch(/^inception: Cannot .*bad\.png.*\ninception: 1 of 3 files failed\n$/);
    expect(readdirSync(out).sort()).toEqual(["explanation.json", "index.html", "photo-2.grad_cam.png", "photo.grad_cam.png"]);
    // Again with one picture: none of the earlier results stays, and a foreign file does.
    writeFileSync(path.join(out, "notes.txt"), "");
    await inception("explain", photo, ...model(), "--out", out);
    expect(readdirSync(out).sort()).toEqual(["explanation.json", "index.html", "notes.txt", "photo.grad_cam.png"]);
  });

  test("an exported map is the map, in plain onnxruntime", async () => {
    const file = path.join(folder, "cam.onnx");
    const method = "input_gradient";
    expect(json(await inception("explain", "--export", file, ...model(), "--method", method, "--json"))).toMatchObject({
      file,
      method,
      inputs: ["input", "target"],
      outputs: ["map", "gradient", "logits"],
    });
    await expectSameMap(file, { model: "googlenet.public", weights, options: SIZE, method }, photo, 3);
  });

  test.each<[readonly string[], string]>([
    [
      ["--method", "cam"],
      "invalid --method cam: expected grad_cam, input_gradient, integrated_gradients, occlusion, several separated by commas, or all",
    ],
    [["--steps", "8"], "unexpected --steps: not used by --method grad_cam; see inception explain --help"],
    [["--out", "x", "--export", "y.onnx"], "unexpected images, --out: not supported with --export; see inception explain --help"],
    [["--out", "x", "--class", "espresso"], 'Cannot explain class "espresso": expected a name or an index below 6, such as'],
  ])("%s is refused", async (flags, message) => {
    const place = (flag: string): string => (flag === "x" || flag === "y.onnx" ? path.join(folder, flag) : flag);
    const result = await refused("explain", photo, ...model(), ...flags.map(place));
    expect(result.code).toBe(2);
    expect(result.err).toContain(`inception: ${message}`);
    expect(existsSync(path.join(folder, "x")) || existsSync(path.join(folder, "y.onnx"))).toBe(false);
  });

  test("without a place for the results it is the folder explanation", async () => {
    const args = [path.join(ROOT, "bin/inception.js"), "explain", photo, ...model(), "--json"];
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: folder });
    expect(JSON.parse(stdout)).toMatchObject([{ file: photo, maps: [{ overlay: "explanation/photo.grad_cam.png" }] }]);
    expect(readdirSync(path.join(folder, "explanation")).sort()).toEqual(["explanation.json", "index.html", "photo.grad_cam.png"]);
  });

  test("an earlier explanation outlives a class that does not exist", async () => {
    const out = path.join(folder, "earlier");
    expect(await refused("explain", photo, ...model(), "--out", out)).toMatchObject({ code: 0 });
    const before = readdirSync(out);
    expect(await refused("explain", photo, ...model(), "--out", out, "--class", "espresso")).toMatchObject({ code: 2 });
    expect(readdirSync(out)).toEqual(before);
  });

  test("no images, nothing to explain", async () => {
    expect(await refused("explain", ...model())).toEqual({
      code: 2,
      out: "",
      err: "inception: missing images: pass image files or directories; see inception explain --help\n",
    });
  });

  test("an exported model has the maps of the network that it was exported from", async () => {
    const file = path.join(folder, "exported.onnx");
    const recipe = ["--preprocessing", path.join(ROOT, "examples/digits/preprocessing.json")];
    expect(await inception("export", ...model().slice(1), ...recipe, "--out", file)).toMatchObject({ code: 0 });
    const image = await decodeImage(photo);
    const methods = ["grad_cam", "input_gradient"] as const;
    const preprocessing = parsePreprocessing(JSON.parse(readFileSync(recipe[1] ?? "", "utf8")), "preprocessing.json");
    const explainers = [
      await openExplainer(file, { methods }),
      await openExplainer("googlenet.public", { weights, options: SIZE, preprocessing, methods }),
    ];
    const [exported, described] = await Promise.all(explainers.map((explainer) => explainer.explain(image, 2)));
    expect(exported).toEqual(described);
    await Promise.all(explainers.map((explainer) => explainer.close()));
  });

  test("a model of another program or with integers is rejected: there is nothing to differentiate", async () => {
    const foreign = path.join(folder, "foreign.onnx");
    writeFileSync(foreign, concatChunks(encodeModel(onnxModel({ nodes: [node("Relu", "x", "y")] })).chunks));
    expect(await refused("explain", photo, "--model", foreign, "--out", path.join(folder, "none"))).toEqual({
      code: 2,
      out: "",
      err: `inception: Cannot open the network of "${foreign}": it was not exported by inceptionkit, expected a model id with weights or the directory of a run\n`,
    });
    const about = {
      version: 1,
      model: "googlenet.public",
      options: SIZE,
      preprocessing: null,
      labels: null,
      source: "a test",
      licence: "none",
    };
    const quantization = { kernelBits: 8, method: "minmax", images: 1, kept: [], agreement: 1, evaluated: 1 };
    const metadata = new Map([["inceptionkit", JSON.stringify({ ...about, quantization, weightsSha256: null, golden: null })]]);
    writeFileSync(foreign, concatChunks(encodeModel({ ...onnxModel({ nodes: [node("Relu", "x", "y")] }), metadata }).chunks));
    expect(await refused("explain", photo, "--model", foreign, "--out", path.join(folder, "none"))).toEqual({
      code: 2,
      out: "",
      err: `inception: Cannot open the network of "${foreign}": it is an int8 model, expected the float32 model that it was quantized from\n`,
    });
  });
});

describe("the overlay", () => {
  test("is gray where the map is 0 and full of heat where it is largest", () => {
    const seen = { width: 2, height: 1, channels: 3 as const, data: Uint8Array.of(200, 100, 0, 200, 100, 0) };
    const map = { method: "grad_cam", width: 2, height: 1 } as const;
    const { data } = overlay(seen, { ...map, values: Float32Array.of(0, 1) });
    const gray = 0.299 * 200 + 0.587 * 100;
    expect([...data.slice(0, 3)]).toEqual([200, 100, 0].map((value) => Math.round(0.5 * gray + 0.5 * value)));
    const hottest = heatOf(1);
    for (const [channel, color] of hottest.entries()) expect(Math.abs((data[3 + channel] ?? 0) - color)).toBeLessThan(64);
    expect([...overlay(seen, { ...map, values: new Float32Array(2) }).data.slice(3)]).toEqual([...data.slice(0, 3)]);
  });

  test("heat grows brighter with every step", () => {
    const bright = Array.from({ length: 21 }, (_, index) => heatOf(index / 20)).map(([r, g, b]) => 0.299 * r + 0.587 * g + 0.114 * b);
    for (const [index, value] of bright.slice(1).entries()) expect(value).toBeGreaterThan(bright[index] ?? Number.NaN);
  });
});

describe("a cup of espresso", () => {
  const bvlc = "data/googlenet_bvlc/bvlc_googlenet.safetensors";
  const sample = "data/googlenet_bvlc/sample_input.jpg";
  const here = sharedPath(bvlc) && sharedPath(sample);
  test.skipIf(!here)(titleNeeding("Grad-CAM peaks inside the cup, as does the exported file", here, bvlc), async () => {
    const [file, image] = [sharedPath(bvlc) ?? "", sharedPath(sample) ?? ""];
    const explainer = await openExplainer("googlenet.paper", { weights: file, methods: ["grad_cam", "occlusion"] });
    try {
      const { targetClass: seen, attributions: maps } = await explainer.explain(await decodeImage(image));
      expect(seen.className).toBe("espresso");
      // The rim of the cup on the photograph of 400×266: an ellipse around (173, 115) with half axes 128 and 95. The network
      // sees it squeezed to 256×256, without a border of 16 pixels.
      for (const { method, peak } of maps) {
        const [x, y] = [((peak.x + 16) * 400) / 256, ((peak.y + 16) * 266) / 256];
        expect(((x - 173) / 128) ** 2 + ((y - 115) / 95) ** 2, method).toBeLessThan(1);
      }
    } finally {
      await explainer.close();
    }
    const exported = path.join(folder, "espresso.onnx");
    const { code, out } = await inception("explain", "--export", exported, "--model", "googlenet.paper", "--weights", file);
    expect(code).toBe(0);
    const size = `${(readFileSync(exported).length / 1e6).toFixed(1)} MB`;
    expect(out).toBe(`wrote ${exported} (${size}): inputs input, target; outputs map, coarse, logits\n`);
    await expectSameMap(exported, { model: "googlenet.paper", weights: file, options: {}, method: "grad_cam" }, image, 967);
  });
});

interface Network {
  readonly model: string;
  readonly weights: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly method: ExplanationName;
}

/** An exported file, run by onnxruntime without any of our code, against the explainer. */
async function expectSameMap(file: string, network: Network, image: string, target: number): Promise<void> {
  const { model: id, weights: source, options, method } = network;
  const explainer = await openExplainer(id, { weights: source, options, methods: [method] });
  const decoded = await decodeImage(image);
  const { attributions: maps } = await explainer.explain(decoded, target);
  await explainer.close();
  const side = typeof options.inputSize === "number" ? options.inputSize : 224;
  const recipe = id === "googlenet.paper" ? PREPROCESSING.bvlc_googlenet : scaledRecipe(side);
  const input = imageBatch([decoded], recipe);
  const session = await InferenceSession.create(file);
  const feeds = {
    input: new OrtTensor("float32", Float32Array.from(input.data, Number), [...input.shape]),
    target: new OrtTensor("int32", Int32Array.of(target), [1]),
  };
  const { map } = await session.run(feeds);
  await session.release();
  const values = Float32Array.from(map?.data as Float32Array);
  const largest = Math.max(...(maps[0]?.values ?? [Number.NaN]));
  expect(values.length).toBe(maps[0]?.values.length);
  for (const [index, value] of values.entries())
    expect(Math.abs(value - (maps[0]?.values[index] ?? Number.NaN))).toBeLessThan(1e-5 * largest);
}

/** torchvision's recipe for another input: the same share of the image. */
function scaledRecipe(side: number) {
  const recipe = PREPROCESSING.torchvision_googlenet;
  return { ...recipe, resize: { ...recipe.resize, size: Math.round((256 * side) / 224) }, crop: [side, side] as const };
}
