/** Values that are not finite are refused where they come in or out, and are in no answer. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createVolume } from "../src/data/volumes/volume.js";
import { bytesSource } from "../src/formats/byte-source.js";
import { concatChunks } from "../src/formats/concat-chunks.js";
import { encodeModel } from "../src/formats/onnx/encode.js";
import { float32, floats, model, node } from "../src/formats/onnx/onnx-graphs.cases.js";
import { encodeSafetensors } from "../src/formats/safetensors.js";
import { exportOnnx, exportSafetensors } from "../src/node/export-model.js";
import { prepareModel } from "../src/node/prepare-model.js";
import { writeVolume } from "../src/node/volumes.js";
import { METADATA_KEY } from "../src/predict/model-metadata.js";
import { float32Tensor, type Tensor } from "../src/tensor/tensor.js";
import { openWeightFile } from "../src/weights/containers/index.js";
import { failureOf } from "./failures.js";
import { refused as inception, ROOT } from "./program.js";
import { sharedPath, titleNeeding } from "./shared.js";

const DIGITS = path.join(ROOT, "examples/digits");
const DIGITS_WEIGHTS = path.join(DIGITS, "googlenet-digits.safetensors");
const DIGITS_OPTIONS = { widthMultiplier: 0.25, numClasses: 10, inputSize: 64 };
const OPTION_FLAGS = Object.entries(DIGITS_OPTIONS).flatMap(([name, value]) => ["--option", `${name}=${value}`]);
let folder = "";
const inFolder = (name: string): string => path.join(folder, name);

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), "inception-finite-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** The digits' weights, which are float16, with NaN in one place. */
async function spoiled(name: string, index: number): Promise<string> {
  const file = await openWeightFile(bytesSource("digits", Uint8Array.from(readFileSync(DIGITS_WEIGHTS))));
  const tensors: (readonly [string, Tensor])[] = [];
  for (const [key, entry] of file.tensors) {
    const tensor = await entry.read();
    if (key === name && tensor.data instanceof Uint16Array) tensor.data[index] = 0x7e00;
    tensors.push([key, tensor]);
  }
  const { header, chunks } = encodeSafetensors(tensors, Object.fromEntries(Object.entries(file.metadata)));
  const target = inFolder(`spoiled-${name}.safetensors`);
  writeFileSync(target, Buffer.concat([header, ...chunks]));
  return target;
}

/** A classifier of 8×8 images whose logits are the means of the channels times `weights`, divided by the means: black images give 0 / 0. */
function dividing(weights: Float32Array): Uint8Array {
  const metadata = {
    version: 1,
    model: "dividing",
    options: {},
    source: "a test",
    licence: "not stated",
    preprocessing: {
      resize: { kind: "warp", size: 8, filter: "bilinear" },
      crop: null,
      channelOrder: "RGB",
      mean: [0, 0, 0],
      std: [1, 1, 1],
    },
    labels: ["a", "b", "c"],
    weightsSha256: null,
    golden: null,
  };
  const graph = model({
    nodes: [
      node("GlobalAveragePool", "input", "pooled"),
      node("Flatten", "pooled", "flat"),
      node("Mul", "flat scale", "scaled"),
      node("Div", "scaled flat", "logits"),
    ],
    initializers: [float32("scale", [3], ...weights)],
    inputs: [floats("input", "N", 3, 8, 8)],
    outputs: [floats("logits", "N", 3)],
  });
  return concatChunks(encodeModel({ ...graph, metadata: new Map([[METADATA_KEY, JSON.stringify(metadata)]]) }).chunks);
}

/** A picture of one color, as a portable pixmap made into PNG by sharp. */
async function picture(file: string, level: number): Promise<string> {
  const { default: sharp } = await import("sharp");
  mkdirSync(path.dirname(file), { recursive: true });
  await sharp(Buffer.alloc(3 * 64, level), { raw: { width: 8, height: 8, channels: 3 } })
    .png()
    .toFile(file);
  return file;
}

describe("weights with a value that is not finite", () => {
  test("are refused at load, naming the parameter, by every command that takes weights", async () => {
    const weights = await spoiled("conv1.conv.weight", 5);
    const message =
      'Cannot load weights into "googlenet.public": parameter "conv1.conv.weight" is NaN at index 5; 1 of 2352 values is not finite';
    expect(await failureOf(prepareModel("googlenet", weights, { options: DIGITS_OPTIONS }))).toMatchObject({ code: "NOT_FINITE", message });
    const image = await picture(inFolder("white.png"), 255);
    const model = ["--model", "googlenet", "--weights", weights, ...OPTION_FLAGS];
    for (const args of [
      ["classify", image, ...model],
      ["embed", image, ...model],
      ["explain", image, ...model, "--out", inFolder("explained")],
      ["eval", "googlenet", folder, "--weights", weights, ...OPTION_FLAGS],
      ["export", "googlenet", "--weights", weights, ...OPTION_FLAGS, "--out", inFolder("bad.onnx")],
      ["quantize", "googlenet", "--weights", weights, ...OPTION_FLAGS, "--calibrate", folder, "--out", inFolder("bad.onnx")],
    ]) {
      expect(await inception(...args), args.join(" ")).toEqual({ code: 2, out: "", err: `inception: ${message}\n` });
    }
    expect(existsSync(inFolder("bad.onnx"))).toBe(false);
  });

  test("are refused by every export before anything is written", async () => {
    const prepared = await prepareModel("googlenet", DIGITS_WEIGHTS, { options: DIGITS_OPTIONS });
    const parameters = new Map([
      ...prepared.parameters,
      ["fc.bias", float32Tensor([10], new Float32Array(10).fill(Number.POSITIVE_INFINITY, 9))],
    ]);
    const spoiledModel = { ...prepared, parameters };
    const fact = 'parameter "fc.bias" is Infinity at index 9; 1 of 10 values is not finite';
    expect(await failureOf(exportOnnx(spoiledModel, inFolder("bad.onnx")))).toMatchObject({
      code: "NOT_FINITE",
      message: `Cannot compile "googlenet.public": ${fact}`,
    });
    expect(await failureOf(exportSafetensors(spoiledModel, inFolder("bad.safetensors"), "inceptionkit"))).toMatchObject({
      code: "NOT_FINITE",
      message: `Cannot export "googlenet.public": ${fact}`,
    });
    expect(existsSync(inFolder("bad.onnx"))).toBe(false);
    expect(existsSync(inFolder("bad.safetensors"))).toBe(false);
  });

  test("that are finite but give an output that is not are refused by the export of an ONNX file", async () => {
    const prepared = await prepareModel("googlenet", DIGITS_WEIGHTS, { options: DIGITS_OPTIONS });
    const weight = prepared.parameters.get("fc.weight");
    const huge = float32Tensor(weight?.shape ?? [], new Float32Array(weight?.data.length ?? 0).fill(3e38));
    const parameters = new Map([...prepared.parameters, ["fc.weight", huge]]);
    expect(await failureOf(exportOnnx({ ...prepared, parameters }, inFolder("bad.onnx")))).toMatchObject({
      code: "NOT_FINITE",
      message:
        'Cannot export "googlenet.public": output "logits" of the embedded self-check is Infinity at index 0; 10 of 10 values are not finite',
    });
    expect(existsSync(inFolder("bad.onnx"))).toBe(false);
  });

  test("of an ONNX file are refused at load, naming the initializer", async () => {
    const file = inFolder("weights.onnx");
    writeFileSync(file, dividing(Float32Array.of(1, Number.NEGATIVE_INFINITY, 1)));
    const image = await picture(inFolder("white.png"), 255);
    expect(await inception("classify", image, "--model", file)).toEqual({
      code: 2,
      out: "",
      err: `inception: Cannot load "${file}": initializer "scale" is -Infinity at index 1; 1 of 3 values is not finite\n`,
    });
  });
});

describe("outputs that are not finite", () => {
  const fact = (name: string) => `Cannot use the prediction for "${name}": output "logits" is NaN at index 0; 3 of 3 values are not finite`;

  test("are an error of the image alone in classify and embed", async () => {
    const file = inFolder("dividing.onnx");
    writeFileSync(file, dividing(Float32Array.of(1, 2, 3)));
    const [black, white] = [await picture(inFolder("two/black.png"), 0), await picture(inFolder("two/white.png"), 255)];
    const both = await inception("classify", inFolder("two"), "--model", file, "--json");
    expect(JSON.parse(both.out)).toMatchObject([
      { file: black, error: fact(black) },
      { file: white, top: [{ label: "c" }, { label: "b" }, { label: "a" }] },
    ]);
    expect((await inception("classify", black, "--model", file)).err).toBe(`inception: ${fact(black)}\n`);
    const embedded = await inception("embed", inFolder("two"), "--model", file, "--output-name", "logits", "--json");
    expect(JSON.parse(embedded.out)).toMatchObject([
      { file: black, error: fact(black) },
      { file: white, embedding: [1, 2, 3] },
    ]);
  });

  test("end eval, which must not count them", async () => {
    const file = inFolder("dividing.onnx");
    writeFileSync(file, dividing(Float32Array.of(1, 2, 3)));
    await picture(inFolder("data/a/white.png"), 255);
    await picture(inFolder("data/b/black.png"), 0);
    const { code, out, err } = await inception("eval", file, inFolder("data"));
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toMatch(
      /^inception: Cannot use the prediction for "[^"]*black\.png": output "logits" is NaN at index 0; 3 of 3 values are not finite\n$/,
    );
    const crops = await inception("eval", file, inFolder("data"), "--crops", "10");
    expect(crops.err).toMatch(/^inception: Cannot use the prediction for crop 0 of "[^"]*black\.png": output "logits" is NaN/);
  });
});

describe("scans that are not finite", () => {
  test("are refused by segment", async () => {
    const values = Float32Array.from({ length: 1000 }, (_, index) => index % 17);
    const cases = [
      ["nan.nii", values.map(() => Number.NaN), "all 1000 voxels are NaN"],
      [
        "inf.nii",
        values.map((value, index) => (index === 123 ? Number.POSITIVE_INFINITY : value)),
        "voxel (3, 2, 1) is Infinity; 1 of 1000 voxels are infinite",
      ],
      ["const.nii", values.map(() => 7), "all voxels are 7; expected an image with more than one value"],
    ] as const;
    for (const [name, data] of cases) await writeVolume(inFolder(name), createVolume([10, 10, 10], data));
    const files = cases.map(([name]) => inFolder(name));
    const { code, err } = await inception("segment", ...files, "--model", "hippocampus", "--out", inFolder("segmented"));
    expect(code).not.toBe(0);
    for (const [name, , reason] of cases) expect(err).toContain(`Cannot segment "${inFolder(name)}": ${reason}\n`);
  });
});

const HOSTILE = "data/hostile";
const hostile = sharedPath(HOSTILE);

describe.skipIf(hostile === null)(titleNeeding("the shared hostile files", hostile, HOSTILE), () => {
  test("nan.onnx is refused", async () => {
    const file = path.join(hostile ?? "", "onnx/nan.onnx");
    const image = await picture(inFolder("white.png"), 255);
    expect(await inception("classify", image, "--model", file)).toEqual({
      code: 2,
      out: "",
      err: `inception: Cannot load "${file}": initializer "n" is NaN at index 0; 2 of 3 values are not finite\n`,
    });
  });

  test("volumes without finite values, or with one value alone, are refused", async () => {
    const reasons = [
      ["nan.nii", "all 8000 voxels are NaN"],
      ["inf.nii", "voxel (1, 0, 0) is Infinity; 4000 of 8000 voxels are infinite"],
      ["const.nii", "all voxels are 7; expected an image with more than one value"],
      ["slopehuge.nii", "voxel (1, 0, 0) is Infinity; 7999 of 8000 voxels are infinite"],
    ] as const;
    const files = reasons.map(([name]) => path.join(hostile ?? "", "nifti", name));
    const { code, err } = await inception("segment", ...files, "--model", "hippocampus", "--out", inFolder("segmented"));
    expect(code).not.toBe(0);
    for (const [index, [, reason]] of reasons.entries()) expect(err).toContain(`Cannot segment "${files[index]}": ${reason}\n`);
  });
});
