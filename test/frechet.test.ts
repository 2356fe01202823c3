/**
 * Fréchet distances with the whole network: its features against pytorch-fid's (test/goldens/README.md), and the command from two
 * folders of images to numbers, with weights from the goldens' formula.
 */
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { PREPROCESSING, preprocess, resizePointBilinear, rgbImage } from "../src/data/index.js";
import { encodeSafetensors } from "../src/formats/safetensors.js";
import { FEATURE_SIZES, type FeatureSize, type FeatureStatistics, frechetDistance } from "../src/frechet/index.js";
import { describeModel } from "../src/models/index.js";
import { weightSetsOf } from "../src/models/weights.js";
import { writeFileAtomic } from "../src/node/write-file.js";
import { featureGraph } from "../src/tasks/frechet/network.js";
import { fillUniform } from "../src/tensor/fill.js";
import { elementCount, type Tensor } from "../src/tensor/tensor.js";
import { loadWeights } from "../src/weights/apply.js";
import { filledFile, type Rows, type StateShapes } from "./model-goldens.js";
import { inception, refused } from "./program.js";
import { outputOf, runGraph } from "./run-graph.js";
import { goldenPath } from "./shared.js";

interface FidGolden {
  readonly state_dict: StateShapes;
  readonly cases: Readonly<
    Record<
      string,
      {
        readonly input: { readonly key: string; readonly shape: readonly [number, number, number, number] };
        readonly options: { readonly resize_input: boolean };
        readonly blocks: Readonly<Record<string, { readonly pooled: Rows }>>;
      }
    >
  >;
}

const GOLDEN = JSON.parse(readFileSync(goldenPath("models/fid.inception_v3.json"), "utf8")) as FidGolden;
const MODEL = "inception_v3.fid";
/** As for all networks, in units of a tensor's spread; PyTorch's own resize in single precision is off by up to 2.2e-4. */
const TOLERANCE = 5e-5;
const RESIZED_TOLERANCE = 1e-3;

async function filledParameters(inputSize: readonly number[]) {
  const [set] = weightSetsOf(MODEL);
  if (set === undefined) throw new RangeError(`Cannot test ${MODEL}: it has no weight set`);
  const graph = describeModel(MODEL, { inputSize });
  const { parameters } = await loadWeights(graph, filledFile(GOLDEN.state_dict), set.map);
  return { graph, parameters };
}

/** The input in [-1, 1] as pytorch-fid's network makes it of the golden's. */
function networkInput({ input: { key, shape }, options }: FidGolden["cases"][string]) {
  if (!options.resize_input) return { shape, data: fillUniform(key, elementCount(shape), -1, 1) };
  const [, channels, height, width] = shape;
  const plane = height * width;
  const data = new Float32Array(channels * 299 * 299);
  const values = fillUniform(key, channels * plane, 0, 1);
  for (let c = 0; c < channels; c++) {
    const map = { width, height, channels: 1, data: values.subarray(c * plane, (c + 1) * plane) };
    const resized = resizePointBilinear(map, { width: 299, height: 299, filter: "torch_bilinear" });
    data.set(
      resized.data.map((value) => 2 * value - 1),
      c * 299 * 299,
    );
  }
  return { shape: [1, channels, 299, 299], data };
}

describe("features", () => {
  test.each(Object.keys(GOLDEN.cases))("of case %s as pytorch-fid's, at all four sizes", async (name) => {
    const goldenCase = GOLDEN.cases[name]!;
    const input = networkInput(goldenCase);
    const { graph, parameters } = await filledParameters(input.shape.slice(2));
    const tolerance = goldenCase.options.resize_input ? RESIZED_TOLERANCE : TOLERANCE;
    for (const [block, size] of FEATURE_SIZES.entries()) {
      const rows = goldenCase.blocks[block]?.pooled;
      const features = outputOf(await runGraph(featureGraph(graph, size, false), parameters, { input }), "features");
      expect(features.shape).toEqual([input.shape[0], size]);
      const worst = (rows?.rows ?? []).reduce((most, { n, values, first = [] }, row) => {
        expect(n).toBe(size);
        return (values ?? first).reduce((worse, value, j) => Math.max(worse, Math.abs(value - features.data[row * size + j]!)), most);
      }, 0);
      expect(worst).toBeGreaterThan(0);
      expect(worst / (rows?.spread_std ?? 0)).toBeLessThan(tolerance);
    }
  });

  test("a network without the places is refused", () => {
    expect(() => featureGraph(describeModel("googlenet", { inputSize: 64 }), 768, false)).toThrow(
      'Cannot use 768 features of "googlenet.public": expected a network with stage Mixed_6e; sizes are 64, 192, 768, 2048',
    );
  });
});

let folder = "";
const at = (...names: readonly string[]): string => path.join(folder, ...names);
const COUNTS = { a: 9, b: 7 } as const;

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), "fid-"));
  for (const name of ["a", "b"] as const) {
    mkdirSync(at(name));
    for (let i = 0; i < COUNTS[name]; i++) {
      const { width, height, data } = picture(name, i);
      await sharp(data, { raw: { width, height, channels: 3 } })
        .png()
        .toFile(at(name, `${i}.png`));
    }
  }
  const tensors: [string, Tensor][] = [];
  for (const [name, entry] of filledFile(GOLDEN.state_dict).tensors) tensors.push([name, await entry.read()]);
  const { header, chunks } = encodeSafetensors(tensors);
  await writeFileAtomic(at("filled.safetensors"), [header, ...chunks]);
});
afterAll(() => rmSync(folder, { recursive: true }));

function picture(name: string, index: number) {
  const [width, height] = [32 + 3 * index, 40];
  const top = name === "a" ? 256 : 160;
  return rgbImage(width, height, Uint8Array.from(fillUniform(`fid ${name} ${index}`, width * height * 3, 0, top), Math.floor));
}

/** By the definitions, from features that a plain session gives. */
async function expectedStatistics(
  name: keyof typeof COUNTS,
  size: FeatureSize,
  recipe: keyof typeof PREPROCESSING,
): Promise<FeatureStatistics> {
  const { graph, parameters } = await filledParameters([299, 299]);
  const count = COUNTS[name];
  const data = new Float32Array(count * 3 * 299 * 299);
  for (let i = 0; i < count; i++) preprocess(picture(name, i), PREPROCESSING[recipe], { data, offset: i * 3 * 299 * 299 });
  const features = outputOf(
    await runGraph(featureGraph(graph, size, false), parameters, { input: { shape: [count, 3, 299, 299], data } }),
    "features",
  );
  const mean = Float64Array.from({ length: size }, (_, j) => {
    let sum = 0;
    for (let r = 0; r < count; r++) sum += features.data[r * size + j]!;
    return sum / count;
  });
  const covariance = Float64Array.from({ length: size * size }, (_, k) => {
    const [i, j] = [Math.floor(k / size), k % size];
    let sum = 0;
    for (let r = 0; r < count; r++) sum += (features.data[r * size + i]! - mean[i]!) * (features.data[r * size + j]! - mean[j]!);
    return sum / (count - 1);
  });
  return { mean, covariance, count };
}

describe("inception fid", () => {
  const run = (...args: readonly string[]) => inception("fid", ...args, "--weights", at("filled.safetensors"), "--threads", "2");

  test("two folders to all numbers, as JSON", async () => {
    const result = await run(at("a"), at("b"), "--kid", "--subsets", "5", "--inception-score", "--splits", "3", "--json");
    expect(result.code).toBe(0);
    const measured = JSON.parse(result.out) as Record<string, unknown>;
    const expected = frechetDistance(
      await expectedStatistics("a", 2048, "pytorch_fid"),
      await expectedStatistics("b", 2048, "pytorch_fid"),
    );
    expect((measured.fid as number) / expected).toBeCloseTo(1, 5);
    expect(measured).toMatchObject({
      features: 2048,
      mode: "pytorch-fid",
      images: [9, 7],
      interval: [expect.any(Number), expect.any(Number)],
      kid: { value: expect.any(Number) as number, standardError: expect.any(Number) as number, subsets: 5, subsetSize: 3 },
      inceptionScore: [{ splits: 3 }, { splits: 3 }],
    });
    expect(result.err.split("\n")).toEqual([
      `warning: "${at("a")}": 9 images span only 8 of 2048 feature dimensions, so FID is biased upward and comparable only between sets of equal size; use more than 2048 images, typically 10,000`,
      `warning: "${at("b")}": 7 images span only 6 of 2048 feature dimensions, so FID is biased upward and comparable only between sets of equal size; use more than 2048 images, typically 10,000`,
      "",
    ]);
    // Three networks are opened: on a machine with much else to do that takes minutes.
  }, 600_000);

  test("statistics saved in one mode are compared in that mode", async () => {
    const saved = await run(at("a"), "--mode", "clean", "--features", "192", "--save-statistics", at("a.npz"));
    expect(saved).toEqual({ code: 0, out: `wrote ${at("a.npz")}: 192 features of 9 images, mode clean\n`, err: "" });
    const compared = await run(at("a.npz"), at("b"), "--no-interval");
    const expected = frechetDistance(await expectedStatistics("a", 192, "clean_fid"), await expectedStatistics("b", 192, "clean_fid"));
    expect(compared.out).toBe(
      `${at("a.npz")} (9 images) vs. ${at("b")} (7 images)\nFID ${expected.toFixed(4)}\n192 features, mode clean\n`,
    );
    expect(compared.code).toBe(0);
    const other = await refused("fid", at("a.npz"), at("b"), "--weights", at("filled.safetensors"), "--mode", "legacy-tensorflow");
    expect(other).toEqual({
      code: 2,
      out: "",
      err: `inception: Cannot compare "${at("a.npz")}": it was computed in mode clean, expected legacy-tensorflow\n`,
    });
  });

  test("an image that cannot be read is named, and the exit code is 1", async () => {
    mkdirSync(at("mixed"));
    for (const name of ["0.png", "1.png", "2.png"]) copyFileSync(at("a", name), at("mixed", name));
    writeFileSync(at("mixed", "bad.png"), "this is text");
    const result = await run(at("mixed"), "--features", "64", "--save-statistics", at("mixed.npz"));
    expect(result).toMatchObject({ code: 1, out: `wrote ${at("mixed.npz")}: 64 features of 3 images, mode pytorch-fid\n` });
    expect(result.err).toContain(`skipped: Cannot decode image "${at("mixed", "bad.png")}"`);
  }, 600_000);

  test("two files of statistics need no network", async () => {
    const [stored, compressed] = [goldenPath("frechet/stored.npz"), goldenPath("frechet/compressed.npz")];
    const result = await refused("fid", stored, compressed, "--json");
    expect(result).toMatchObject({ code: 0, err: "" });
    const { fid, ...rest } = JSON.parse(result.out) as Record<string, unknown>;
    expect(Math.abs(fid as number)).toBeLessThan(1e-12);
    expect(rest).toEqual({ features: 3, mode: null, images: [null, null], interval: null });
  });
});

describe("a wrong command line", () => {
  const npz = goldenPath("frechet/stored.npz");

  test.each([
    [[npz], "missing second set: pass a directory or .npz file, or --save-statistics; see inception fid --help"],
    [[npz, npz, "--save-statistics", "x.npz"], `unexpected argument "${npz}": --save-statistics takes one set; see inception fid --help`],
    [[npz, "--save-statistics", "x.txt"], "invalid --save-statistics x.txt: expected a name that ends in .npz"],
    [[npz, npz, "--mode", "tf"], "invalid --mode tf: expected pytorch-fid, legacy-tensorflow, clean"],
    [[npz, npz, "--features", "100"], "invalid --features 100: expected 64, 192, 768, 2048"],
    [[npz, npz, "--epsilon", "-1"], "invalid --epsilon -1: expected a number of at least 0, as in 1e-6"],
    [[npz, npz, "--splits", "3"], "unexpected --splits: supported only with --inception-score; see inception fid --help"],
    [
      [npz, npz, "--kid"],
      `Cannot compute the kernel distance of "${npz}": a file of statistics has no features of single images, expected images`,
    ],
    [["nowhere", npz], 'Cannot list images of "nowhere": no such file or directory'],
  ])("%j", async (args, message) => {
    expect(await refused("fid", ...args)).toEqual({ code: 2, out: "", err: `inception: ${message}\n` });
  });
});
