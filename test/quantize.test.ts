/** `inception quantize` on the digits network of the examples, and on real weights where they are. */
import { execFile } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { PREPROCESSING, type Preprocessing } from "../src/data/index.js";
import { createVolume } from "../src/data/volumes/volume.js";
import { decodeModel } from "../src/formats/onnx/decode.js";
import { findModel, MODELS } from "../src/models/index.js";
import { exportSafetensors } from "../src/node/export-model.js";
import { readVolume, writeVolume } from "../src/node/volumes.js";
import { fillUniform } from "../src/tensor/fill.js";
import { goldenParameters } from "../src/weights/golden.js";
import { refused as inception, ROOT } from "./program.js";
import { sharedPath, titleNeeding } from "./shared.js";

const DIGITS = path.join(ROOT, "examples/digits");
const LABELS = JSON.parse(readFileSync(path.join(DIGITS, "labels.json"), "utf8")) as readonly string[];
let folder = "";

const calibrate = (): string => path.join(folder, "calibrate");
const evaluate = (): string => path.join(folder, "evaluate");

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), "inception-quantize-"));
  for (const name of readdirSync(path.join(DIGITS, "images"))) {
    const part = name.includes("-a") ? calibrate() : evaluate();
    const label = path.join(part, LABELS[Number(name[0])] ?? "");
    mkdirSync(label, { recursive: true });
    copyFileSync(path.join(DIGITS, "images", name), path.join(label, name));
  }
  writeFileSync(path.join(calibrate(), "damaged.jpg"), "no image");
});
afterAll(() => rmSync(folder, { recursive: true }));

/** The network of the examples, quick to measure. */
function quantizeDigits(...more: readonly string[]) {
  const network = ["googlenet", "--weights", path.join(DIGITS, "googlenet-digits.safetensors")];
  const options = ["--option", "widthMultiplier=0.25", "--option", "numClasses=10", "--option", "inputSize=64"];
  const prepared = ["--preprocessing", path.join(DIGITS, "preprocessing.json"), "--class-names", path.join(DIGITS, "labels.json")];
  const measured = ["--threads", "1", "--timing-runs", "1", "--batch-size", "2", "--min-speedup", "0"];
  return inception("quantize", ...network, ...options, ...prepared, "--calibrate", calibrate(), ...measured, ...more);
}

describe("quantize", () => {
  test("writes a file that says how it was made, and that classifies with nothing beside it", async () => {
    const file = path.join(folder, "digits-int8.onnx");
    const { code, out, err } = await quantizeDigits("--evaluate", evaluate(), "--keep-last", "--out", file, "--json");
    // One of the images could not be read.
    expect(code).toBe(1);
    expect(err).toMatch(/^skipped: Cannot decode image ".*damaged\.jpg": /);
    const report = JSON.parse(out) as Record<string, unknown>;
    expect(report).toMatchObject({ output: file, measure: "top1", evaluated: 10, labelled: 10, calibrated: 10, batch: 2, kept: ["fc"] });
    expect(report.agreement).toBeGreaterThanOrEqual(0.97);
    expect(report.top1Float).toBeGreaterThanOrEqual(0.9);
    expect(report.top1Int8).toBeGreaterThanOrEqual(0.9);
    expect(Number(report.int8Bytes)).toBeLessThan(Number(report.floatBytes) * 0.4);

    const { artefact: metadata } = JSON.parse((await inception("inspect", file, "--json")).out) as {
      readonly artefact: { readonly quantization: unknown; readonly labels: unknown };
    };
    expect(metadata.quantization).toEqual({
      kernelBits: 8,
      method: "minmax",
      images: 10,
      kept: ["fc"],
      agreement: report.agreement,
      evaluated: 10,
    });
    expect(metadata.labels).toEqual(LABELS);
    expect((await inception("inspect", file)).out).toContain(
      "int8     int8 weights, uint8 activations; minmax calibration on 10 images; agreement ",
    );

    const pictures = ["3-b.png", "7-b.png"].map((name) => path.join(DIGITS, "images", name));
    const classified = await inception("classify", "--model", file, "--json", ...pictures);
    expect(classified.code).toBe(0);
    expect(classified.out).toContain(`"label":${JSON.stringify(LABELS[3])}`);
    expect(classified.out).toContain(`"label":${JSON.stringify(LABELS[7])}`);
  });

  test.each([["percentile"], ["entropy"]])("ranges by %s, a fifth set aside, 7 bits", async (method) => {
    const file = path.join(folder, `digits-${method}.onnx`);
    const { code, out } = await quantizeDigits("--method", method, "--reduce-range", "--min-agreement", "0.5", "--out", file, "--json");
    // Of eleven files two are set aside; one of the others is damaged.
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject({ evaluated: 2, calibrated: 8 });
    expect((await inception("inspect", file)).out).toContain("int8 weights of 7 bits");
  });

  test("without a place for it the file has the name of the model", async () => {
    const args = ["googlenet", "--weights", path.join(DIGITS, "googlenet-digits.safetensors"), "--option", "widthMultiplier=0.25"];
    const size = ["--option", "numClasses=10", "--option", "inputSize=64", "--preprocessing", path.join(DIGITS, "preprocessing.json")];
    const quick = [
      "--calibrate",
      evaluate(),
      "--timing-runs",
      "1",
      "--batch-size",
      "1",
      "--min-speedup",
      "0",
      "--min-agreement",
      "0",
      "--json",
    ];
    const bin = path.resolve(import.meta.dirname, "../bin/inception.js");
    const { stdout } = await promisify(execFile)(process.execPath, [bin, "quantize", ...args, ...size, ...quick], { cwd: folder });
    expect(JSON.parse(stdout)).toMatchObject({ output: "googlenet-int8.onnx" });
    expect(existsSync(path.join(folder, "googlenet-int8.onnx"))).toBe(true);
  });

  test("an exported model becomes the int8 model that its network becomes", async () => {
    const exported = path.join(folder, "digits.onnx");
    copyFileSync(path.join(DIGITS, "digits.onnx"), exported);
    const files = [path.join(folder, "of-file.onnx"), path.join(folder, "of-network.onnx")] as const;
    const measured = ["--threads", "1", "--timing-runs", "1", "--batch-size", "2", "--min-speedup", "0", "--evaluate", evaluate()];
    const result = await inception("quantize", exported, "--calibrate", calibrate(), ...measured, "--out", files[0]);
    expect(result.code).toBe(1);
    expect(result.out.split("\n")).toEqual([
      "calibrated on 10 images, evaluated on 10 held-out images",
      expect.stringMatching(/^ {2}agreement {2}\d+\.\d% same top-1 class as float32 \(10 images, in steps of 10\.0 points\)$/),
      expect.stringMatching(/^ {2}top-1 {6}\d+\.\d% float32, \d+\.\d% int8 \(10 labeled images\)$/),
      expect.stringMatching(/^ {2}speedup {4}\d+\.\d\d× at batch size 2$/),
      expect.stringMatching(/^ {2}size {7}\d+\.\d (kB|MB) int8, \d+\.\d MB float32$/),
      `wrote ${files[0]}`,
      "",
    ]);
    expect(await quantizeDigits("--evaluate", evaluate(), "--out", files[1])).toMatchObject({ code: 1 });
    const [ofFile, ofNetwork] = files.map((file) => decodeModel(readFileSync(file), { name: file }).graph);
    expect(ofFile).toEqual(ofNetwork);
  });

  test("what is worse than asked for is reported and not written", async () => {
    const file = path.join(folder, "refused.onnx");
    writeFileSync(file, "as it was");
    const { code, out, err } = await quantizeDigits("--evaluate", evaluate(), "--min-speedup", "1000", "--out", file, "--json");
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject({ output: null, evaluated: 10 });
    expect(err).toMatch(
      /inception: Cannot quantize "googlenet\.public": speedup is \d+\.\d\d×, below the minimum of 1000×; lower --min-speedup, or set it to 0 for none\n$/,
    );
    expect(readFileSync(file, "utf8")).toBe("as it was");
  });

  test("an agreement below the minimum names its resolution and what to try", async () => {
    // Ranges of black images fit nothing else.
    const black = path.join(folder, "black");
    mkdirSync(black);
    const pixels = { width: 64, height: 64, channels: 3 as const, background: "#000000" };
    await sharp({ create: pixels }).png().toFile(path.join(black, "0.png"));
    const file = path.join(folder, "black.onnx");
    const { code, err } = await quantizeDigits("--calibrate", black, "--evaluate", evaluate(), "--out", file);
    expect(code).toBe(1);
    expect(err).toMatch(
      /inception: Cannot quantize "googlenet\.public": agreement with the float32 model is 0\.\d{4} \(10 images, in steps of 10\.0 points\), below the minimum of 0\.97; try --keep-first, --keep-last or --method percentile, or lower --min-agreement\n$/,
    );
    expect(existsSync(file)).toBe(false);
  });

  test.each([
    [["googlenet", "--out", "x.onnx"], "missing --calibrate: pass a directory of images or volumes; see inception quantize --help"],
    [["googlenet", "--calibrate", ".", "--out", "x.bin"], "invalid --out x.bin: expected a name that ends in .onnx"],
    [
      ["googlenet", "--calibrate", ".", "--out", "x.onnx", "--percentile", "20"],
      "invalid --percentile 20: expected a number from 50 to 100",
    ],
    [
      ["googlenet", "--calibrate", ".", "--out", "x.onnx", "--method", "mean"],
      "invalid --method mean: expected minmax, percentile, entropy",
    ],
    [
      ["hippocampus", "--calibrate", path.join(DIGITS, "images"), "--out", "x.onnx"],
      `Cannot list volumes of "${path.join(DIGITS, "images")}": it contains no .nii, .hdr or .img files, with or without .gz, and no DICOM slices`,
    ],
  ])("refuses %j", async (args, message) => {
    const { code, err } = await inception("quantize", ...args);
    expect(err).toBe(`inception: ${message}\n`);
    expect(code).toBe(2);
    expect(existsSync("x.onnx")).toBe(false);
  });
});

describe("quantize a network for volumes", () => {
  test("calibrates on volumes, compares labels, and writes a file that segments with nothing beside it", async () => {
    const scans = path.join(folder, "scans");
    mkdirSync(scans);
    const example = path.resolve(import.meta.dirname, "../examples/segment/hippocampus_001.nii.gz");
    for (let index = 0; index < 5; index++) copyFileSync(example, path.join(scans, `scan${index}.nii.gz`));
    const file = path.join(folder, "hippocampus-int8.onnx");
    const measured = ["--threads", "1", "--timing-runs", "1", "--min-speedup", "0", "--min-agreement", "0", "--calibration-size", "2"];
    const { code, out, err } = await inception("quantize", "hippocampus", "--calibrate", scans, ...measured, "--out", file, "--json");
    expect(err).toBe("");
    expect(code).toBe(0);
    const report = JSON.parse(out) as Record<string, unknown>;
    expect(report).toMatchObject({ measure: "dice", samples: "volumes", calibrated: 2, evaluated: 1, batch: 1, top1Float: null });
    expect(report.kept).toEqual(["stem.conv1.conv", "stem.conv0.conv"]);
    expect(report.agreement).toBeGreaterThan(0.9);
    expect(Number(report.int8Bytes)).toBeLessThan(Number(report.floatBytes) * 0.3);
    expect((await inception("inspect", file)).out).toContain("minmax calibration on 2 volumes");

    const segmented = path.join(folder, "segmented");
    const scan = path.join(scans, "scan0.nii.gz");
    expect((await inception("segment", scan, "--model", file, "--out", segmented, "--no-qc", "--json")).code).toBe(0);
    const { volume } = await readVolume(path.join(segmented, "scan0.nii.gz"));
    expect(volume.shape).toEqual((await readVolume(example)).volume.shape);
  });
});

/** A narrow network with weights from a formula, as a file that says how its input is made. */
async function narrow(id: string): Promise<string> {
  const isVolume = id.startsWith("inception_resnet_3d");
  const options = isVolume ? { widthMultiplier: 0.25, inputSize: [16, 16, 16] } : { widthMultiplier: 0.125 };
  const graph = findModel(id).describe(options);
  const segmentation = {
    spacing: null,
    normalization: [{ name: "z_score", region: "all" }],
    patchSize: [16, 16, 16],
    labelValues: [0, 1],
  } as const;
  const size = Number(graph.inputs[0]?.type.shape.at(-1));
  const preprocessing: Preprocessing = {
    ...PREPROCESSING.keras_299,
    resize: { ...PREPROCESSING.keras_299.resize, size },
    crop: [size, size],
  };
  const recipe = isVolume ? { preprocessing: null, segmentation } : { preprocessing };
  const metadata = { model: id, options, ...recipe, labels: null, source: "a formula", licence: "none", weightsSha256: null, golden: null };
  const report = { source: "inceptionkit", matched: [], missing: [], unexpected: [], reshaped: [], mismatched: [], ignored: [] };
  const file = path.join(folder, `${id}.safetensors`);
  await exportSafetensors({ graph, parameters: goldenParameters(graph), metadata, report }, file, "inceptionkit");
  return file;
}

describe("the same command", () => {
  test.each(MODELS.map(({ id }) => [id] as const))("serves %s", async (id) => {
    const samples = path.join(folder, id.startsWith("inception_resnet_3d") ? "small-scans" : "calibrate");
    if (!existsSync(samples)) {
      mkdirSync(samples);
      const scan = createVolume([16, 16, 16], fillUniform("small", 16 ** 3, 0, 100));
      for (let index = 0; index < 5; index++) await writeVolume(path.join(samples, `${index}.nii`), scan);
    }
    const file = path.join(folder, `${id}.onnx`);
    const quick = [
      "--calibration-size",
      "1",
      "--timing-runs",
      "1",
      "--batch-size",
      "1",
      "--threads",
      "1",
      "--min-agreement",
      "0",
      "--min-speedup",
      "0",
    ];
    const { code, out } = await inception(
      "quantize",
      id,
      "--weights",
      await narrow(id),
      "--calibrate",
      samples,
      ...quick,
      "--out",
      file,
      "--json",
    );
    expect(code).toBe(0);
    const report = JSON.parse(out) as Record<string, unknown>;
    expect(report).toMatchObject({ output: file, calibrated: 1 });
    expect(Number(report.int8Bytes)).toBeLessThan(Number(report.floatBytes) * 0.6);
  });
});

const scans = sharedPath("data/msd_hippocampus/imagesTr");

describe.skipIf(!scans)(titleNeeding("with real scans", scans, "data/msd_hippocampus"), () => {
  test("the shipped network with integers finds the same labels, mean Dice 0.97 at least", async () => {
    const file = path.join(folder, "real-int8.onnx");
    const some = path.join(folder, "some-scans");
    mkdirSync(some);
    for (const name of readdirSync(scans ?? "")
      .filter((each) => !each.startsWith("."))
      .slice(0, 20))
      copyFileSync(path.join(scans ?? "", name), path.join(some, name));
    const { code, out } = await inception(
      "quantize",
      "hippocampus",
      "--calibrate",
      some,
      "--timing-runs",
      "1",
      "--min-speedup",
      "0",
      "--out",
      file,
      "--json",
    );
    const report = JSON.parse(out) as Record<string, unknown>;
    expect(report).toMatchObject({ measure: "dice", calibrated: 16, evaluated: 4, output: file });
    expect(code).toBe(0);
  });
});

const weights = sharedPath("data/googlenet_bvlc/bvlc_googlenet.safetensors");
const photographs = sharedPath("data/imagenet_samples/images");
const flowers = sharedPath("data/flowers5/train");

describe.skipIf(!weights || !photographs || !flowers)(titleNeeding("with the BVLC weights", weights, "data/googlenet_bvlc"), () => {
  test("of 110 photographs at least 97 % stay in their class, calibrated on others", async () => {
    const file = path.join(folder, "bvlc-int8.onnx");
    const network = ["googlenet.paper", "--weights", weights ?? "", "--calibrate", flowers ?? "", "--evaluate", photographs ?? ""];
    const { code, out } = await inception(
      "quantize",
      ...network,
      "--keep-first",
      "--calibration-size",
      "32",
      "--min-speedup",
      "0",
      "--timing-runs",
      "1",
      "--out",
      file,
      "--json",
    );
    const report = JSON.parse(out) as Record<string, unknown>;
    expect(report).toMatchObject({ evaluated: 110, labelled: 110, calibrated: 32, kept: ["conv1.conv"] });
    expect(report.agreement).toBeGreaterThanOrEqual(0.97);
    expect(Math.abs(Number(report.top1Int8) - Number(report.top1Float))).toBeLessThan(0.03);
    expect(code).toBe(0);
  });
});
