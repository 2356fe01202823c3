/** `inception segment` and the segmenter behind it: small networks on generated volumes, against direct runs and hand computed values. */
import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compileInference } from "../src/compile/compile.js";
import type { SegmentationConfig } from "../src/data/index.js";
import { type Affine, createVolume, type Triple } from "../src/data/volumes/volume.js";
import { concatChunks } from "../src/formats/concat-chunks.js";
import { findModel } from "../src/models/index.js";
import { prepareBundledModel } from "../src/node/bundled-models.js";
import { exportOnnx, exportSafetensors } from "../src/node/export-model.js";
import { createNodeSession } from "../src/node/ort-session.js";
import { prepareModel } from "../src/node/prepare-model.js";
import { openSegmenter } from "../src/node/segment/segmenter.js";
import { readVolume, writeVolume } from "../src/node/volumes.js";
import type { ModelMetadata } from "../src/predict/model-metadata.js";
import type { PreparedModel } from "../src/tasks/prepare-model.js";
import type { Segmenter } from "../src/tasks/segment/segmenter.js";
import { float32Tensor, type Tensor } from "../src/tensor/tensor.js";
import { initialParameters } from "../src/weights/index.js";
import { failureOf } from "./failures.js";
import { refused } from "./program.js";

const MODEL = "inception_resnet_3d.table";
const OBLIQUE_LAS: Affine = [-1.5, 0.25, 0, 10, 0.2, 1.9, 0.5, -20, 0.1, -0.4, 2.5, 30, 0, 0, 0, 1];
const Z_SCORE = { name: "z_score", region: "all" } as const;

/** Said once by the command for a model without statistics of its training cases. */
const NOT_CHECKED = "warning: the model records no statistics of its training cases; cases are not compared with them\n";

let folder = "";
/** A network with random weights, and one that gives class 2 everywhere, whatever it sees. */
let files: { readonly random: string; readonly constant: string };

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), "inception-segment-"));
  files = { random: path.join(folder, "random.safetensors"), constant: path.join(folder, "constant.safetensors") };
  await exportSafetensors(untrained([16, 12, 8]), files.random, "inceptionkit");
  const zeros = untrained([16, 12, 8], { labelValues: [0, 5, 9] });
  const parameters = new Map(
    [...zeros.parameters].map(([name, { shape, data }]) => [name, float32Tensor(shape, new Float32Array(data.length))]),
  );
  parameters.set("up.logits.bias", float32Tensor([3], Float32Array.of(0, 0, 1)));
  await exportSafetensors({ ...zeros, parameters }, files.constant, "inceptionkit");
});
afterAll(() => rmSync(folder, { recursive: true }));

/** A small network without training, prepared as a run or a file gives it. */
function untrained(patchSize: Triple, changed: Partial<SegmentationConfig> = {}): PreparedModel {
  const segmentation = { spacing: null, normalization: [Z_SCORE], patchSize, labelValues: [0, 1, 2], ...changed };
  const options = {
    widthMultiplier: 0.05,
    numClasses: segmentation.labelValues.length,
    inChannels: segmentation.normalization.length,
    inputSize: patchSize.toReversed(),
  };
  const graph = findModel(MODEL).describe(options);
  const labels = ["background", "front", "back"].slice(0, options.numClasses);
  const base = { model: MODEL, options, preprocessing: null, segmentation, labels };
  const metadata: ModelMetadata = { ...base, source: "untrained", licence: "none", weightsSha256: null, golden: null };
  const report = { source: "inceptionkit", matched: [], missing: [], unexpected: [], reshaped: [], mismatched: [], ignored: [] };
  return { graph, parameters: initialParameters(graph, 1), metadata, report };
}

function newFolder(name: string): string {
  const full = path.join(folder, name);
  mkdirSync(full);
  return full;
}

/** A volume of smooth noise. */
function drawn(shape: Triple, seed = 1): Int16Array {
  return Int16Array.from({ length: shape[0] * shape[1] * shape[2] }, (_, i) => {
    const [x, y, z] = [i % shape[0], Math.floor(i / shape[0]) % shape[1], Math.floor(i / (shape[0] * shape[1]))];
    return Math.round(400 + 200 * Math.sin(0.5 * x + seed) * Math.cos(0.4 * y - seed) + 100 * Math.sin(0.7 * z + x * 0.1));
  });
}

async function scan(file: string, shape: Triple, affine?: Affine, seed = 1): Promise<string> {
  await writeVolume(file, createVolume(shape, drawn(shape, seed), affine));
  return file;
}

async function withSegmenter<T>(weights: string, use: (segmenter: Segmenter) => Promise<T>, patchSize?: Triple): Promise<T> {
  const segmenter = await openSegmenter(MODEL, { weights, threads: 1, ...(patchSize === undefined ? {} : { patchSize }) });
  try {
    return await use(segmenter);
  } finally {
    await segmenter.close();
  }
}

/** Z-score, network and the class of the largest logit, without anything of the segmenter. Axes of `shape` are those of the data. */
async function direct(
  prepared: PreparedModel,
  values: ArrayLike<number>,
  shape: Triple,
): Promise<{ classes: number[]; logits: Float32Array }> {
  const mean = Array.from(values).reduce((sum, value) => sum + value, 0) / values.length;
  const deviation = Math.sqrt(Array.from(values).reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
  const input = Float32Array.from(values, (value) => (value - mean) / deviation);
  const session = await createNodeSession(concatChunks(compileInference(prepared.graph, prepared.parameters).chunks), { threads: 1 });
  const { logits } = await session.run({ input: float32Tensor([1, 1, ...shape.toReversed()], input) });
  await session.close();
  const data = (logits as Tensor).data as Float32Array;
  const count = data.length / values.length;
  const classes = Array.from({ length: values.length }, (_, i) => {
    const own = Array.from({ length: count }, (_, c) => data[c * values.length + i]!);
    return own.indexOf(Math.max(...own));
  });
  return { classes, logits: data };
}

const segment = (...args: readonly string[]) => refused("segment", ...args, "--threads", "1");

describe("openSegmenter", () => {
  test("a volume in one window is a direct run of the network", async () => {
    const prepared = await prepareModel(MODEL, files.random);
    expect(prepared.metadata.segmentation).toEqual(untrained([16, 12, 8]).metadata.segmentation);
    const shape: Triple = [16, 12, 8];
    const file = await scan(path.join(folder, "one.nii.gz"), shape);
    const { classes, logits } = await direct(prepared, drawn(shape), shape);
    const { labels, probabilities } = await withSegmenter(files.random, (segmenter) => segmenter.segment(file, { probabilities: true }));
    expect(new Set(classes).size).toBeGreaterThan(1);
    expect([...labels.data]).toEqual(classes);
    const voxels = classes.length;
    const wrong = classes.findIndex((_, i) => {
      const powers = [0, 1, 2].map((c) => Math.exp(logits[c * voxels + i]!));
      const sum = powers.reduce((total, power) => total + power, 0);
      return powers.some((power, c) => Math.abs(power / sum - Number(probabilities?.[c]?.data[i])) > 1e-5);
    });
    expect(wrong).toBe(-1);
  });

  test("another patch size is the network described for it", async () => {
    const shape: Triple = [11, 10, 7];
    const file = await scan(path.join(folder, "odd.nii.gz"), shape);
    const { metadata, ...prepared } = await prepareModel(MODEL, files.random);
    const graph = findModel(MODEL).describe({ ...metadata.options, inputSize: shape.toReversed() });
    const { classes } = await direct({ ...prepared, metadata, graph }, drawn(shape), shape);
    const use = async (segmenter: Segmenter) => [segmenter.window, Array.from((await segmenter.segment(file)).labels.data)];
    expect(await withSegmenter(files.random, use, shape)).toEqual([shape, classes]);
    const exported = path.join(folder, "patch.onnx");
    await exportOnnx({ ...prepared, metadata }, exported);
    expect(await failureOf(openSegmenter(exported, { threads: 1, patchSize: shape }))).toMatchObject({
      code: "OPTION_INVALID",
      message: `Cannot segment with "${exported}": it runs on patches of 16 x 12 x 8, expected 11 x 10 x 7`,
    });
  });

  test("an oblique volume oriented LAS gives labels on its own grid, of what the turned volume gives", async () => {
    const shape: Triple = [16, 12, 8];
    const file = await scan(path.join(folder, "las.nii.gz"), shape, OBLIQUE_LAS);
    const flip = (i: number): number => i - (i % 16) + 15 - (i % 16);
    const values = drawn(shape);
    const prepared = await prepareModel(MODEL, files.random);
    const { classes } = await direct(
      prepared,
      values.map((_, i) => values[flip(i)]!),
      shape,
    );
    const out = path.join(folder, "las");
    expect((await segment(file, "--model", MODEL, "--weights", files.random, "--out", out, "--no-qc")).code).toBe(0);
    const [written, original] = [await readVolume(path.join(out, "las.nii.gz")), await readVolume(file)];
    expect(written.header?.affine).toEqual(original.header?.affine);
    expect(written.header?.sform).toEqual(original.header?.sform);
    expect(written.volume.data).toBeInstanceOf(Uint8Array);
    expect([...written.volume.data]).toEqual(classes.map((_, i) => classes[flip(i)]));
  });

  test("a model for another spacing gives labels on the grid of the file, with that many cubic millimeters", async () => {
    const prepared = untrained([16, 12, 8], { spacing: [1, 1, 1] });
    const weights = path.join(folder, "spacing.safetensors");
    await exportSafetensors(prepared, weights, "inceptionkit");
    // 10 × 8 × 6 voxels of 2 × 1.5 × 1 mm are 20 × 12 × 6 of 1 mm.
    const affine: Affine = [2, 0, 0, 3, 0, 1.5, 0, 4, 0, 0, 1, 5, 0, 0, 0, 1];
    const file = await scan(path.join(folder, "coarse.nii"), [10, 8, 6], affine);
    const {
      labels,
      probabilities,
      labelStatistics: measured,
    } = await withSegmenter(weights, (segmenter) => segmenter.segment(file, { probabilities: true }));
    expect([labels.shape, labels.affine]).toEqual([[10, 8, 6], affine]);
    for (const { value, voxels, mm3 } of measured) {
      expect(voxels).toBe(labels.data.filter((label) => label === value).length);
      expect(mm3).toBe(voxels * 3);
    }
    const sums = Array.from({ length: 480 }, (_, i) => (probabilities ?? []).reduce((sum, { data }) => sum + data[i]!, 0));
    expect(Math.max(...sums.map((sum) => Math.abs(sum - 1)))).toBeLessThan(1e-6);
  });

  test("a file in micrometers is measured in cubic millimeters and keeps its unit", async () => {
    const file = await scan(path.join(folder, "micro.nii"), [16, 12, 8], [2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 1]);
    const bytes = readFileSync(file);
    bytes[123] = 3;
    writeFileSync(file, bytes);
    const { labels, labelStatistics: measured } = await withSegmenter(files.constant, (segmenter) => segmenter.segment(file));
    expect(measured[1]).toEqual({ value: 9, name: "back", voxels: 1536, mm3: 1.2288e-5 });
    expect(labels.spacing).toEqual([2, 2, 2]);
  });

  test("channels come from one file or from one each, and there must be as many as the model has", async () => {
    const weights = path.join(folder, "channels.safetensors");
    await exportSafetensors(untrained([8, 8, 8], { normalization: [Z_SCORE, Z_SCORE] }), weights, "inceptionkit");
    const [first, second, apart, long] = [
      await scan(path.join(folder, "first.nii"), [8, 8, 8]),
      await scan(path.join(folder, "second.nii"), [8, 8, 8], undefined, 2),
      await scan(path.join(folder, "apart.nii"), [8, 8, 8], OBLIQUE_LAS),
      path.join(folder, "both.nii"),
    ];
    const [a, b] = [readFileSync(first), readFileSync(second)];
    a.writeInt16LE(4, 40);
    a.writeInt16LE(2, 48);
    writeFileSync(long, Buffer.concat([a, b.subarray(352)]));
    await withSegmenter(weights, async (segmenter) => {
      const together = await segmenter.segment(long);
      expect((await segmenter.segment([first, second])).labels.data).toEqual(together.labels.data);
      expect((await segmenter.segment([second, first])).labels.data).not.toEqual(together.labels.data);
      for (const [input, code, message] of [
        [first, "FILE_UNSUPPORTED", `Cannot segment "${first}": it contains 1 volume, expected 2, one for each channel of the model`],
        [
          [first, second, first],
          "FILE_UNSUPPORTED",
          `Cannot segment "${first}": 3 files were given, expected 1 or 2, one for each channel of the model`,
        ],
        [[first, apart], "VOLUME_INVALID", `Cannot segment "${first}": "${apart}" is on another grid, expected the same sizes and affine`],
      ] as const) {
        expect(await failureOf(segmenter.segment(input))).toMatchObject({ code, message });
      }
    });
    const one = await withSegmenter(files.random, (segmenter) => failureOf(segmenter.segment(long)));
    expect(one).toMatchObject({ message: `Cannot segment "${long}": it contains 2 volumes, expected 1, the channel of the model` });
  });

  test("cleaning keeps the largest part of each label and fills what it encloses", async () => {
    const file = await scan(path.join(folder, "clean.nii"), [24, 20, 16]);
    const [raw, cleaned] = await withSegmenter(files.random, async (segmenter) => [
      await segmenter.segment(file),
      await segmenter.segment(file, { largestComponent: true, fillHoles: true }),
    ]);
    expect(cleaned.labels.data).not.toEqual(raw.labels.data);
    const { connectedComponents } = await import("../src/segment/index.js");
    const { components } = connectedComponents(cleaned.labels.data, [24, 20, 16]);
    expect(components.map(({ label }) => label).toSorted()).toEqual([1, 2]);
  });

  test("a model of the package whose file is not there says where it should be", async () => {
    const missing = { id: "spleen", model: MODEL, file: "assets/spleen.safetensors", summary: "" };
    expect(await failureOf(prepareBundledModel(missing))).toMatchObject({
      code: "FILE_NOT_FOUND",
      message:
        'Cannot use model "spleen": this copy of inceptionkit has no assets/spleen.safetensors beside its dist directory; pass a run directory or a file as `model`',
    });
  });

  test("a model that does not segment is refused, and so is one whose recipe is of another network", async () => {
    const plain = path.join(folder, "plain.safetensors");
    const prepared = untrained([8, 8, 8]);
    const { segmentation, ...metadata } = prepared.metadata;
    await exportSafetensors({ ...prepared, metadata }, plain, "inceptionkit");
    const law = "expected a run of `trainSegmentation`, a file exported from one, or hippocampus";
    const wrong = path.join(folder, "wrong.safetensors");
    await exportSafetensors(
      { ...prepared, metadata: { ...prepared.metadata, segmentation: { ...segmentation!, labelValues: [0, 1] } } },
      wrong,
      "inceptionkit",
    );
    for (const [model, weights, message] of [
      [MODEL, plain, `Cannot segment with "${MODEL}": it does not say how volumes become its input and classes labels, ${law}`],
      [MODEL, wrong, `Cannot segment with "${MODEL}": its logits have 3 classes, expected 2 as its configuration specifies`],
      [
        "examples/digits/digits.onnx",
        undefined,
        'Cannot segment with "examples/digits/digits.onnx": it is a network for images; use classify',
      ],
    ] as const) {
      const options = { threads: 1, ...(weights === undefined ? {} : { weights }) };
      expect(await failureOf(openSegmenter(model, options))).toMatchObject({ code: "OPTION_INVALID", message });
    }
  });
});

describe("inception segment", () => {
  const flags = (): readonly string[] => ["--model", MODEL, "--weights", files.constant];

  test("a folder with a bad file: the rest is segmented, everything is written, and the exit code says so", async () => {
    const [scans, out] = [newFolder("scans"), path.join(folder, "all")];
    const [a, b] = [
      await scan(path.join(scans, "b, second.nii"), [10, 9, 8]),
      await scan(path.join(scans, "a.nii.gz"), [16, 12, 8], OBLIQUE_LAS),
    ];
    const broken = path.join(scans, "broken.nii");
    writeFileSync(broken, "no volume");
    writeFileSync(path.join(scans, "._a.nii.gz"), "what an archive of a Macintosh has beside each file");
    writeFileSync(path.join(scans, "notes.txt"), "not a volume");
    const { code, out: text, err } = await segment(scans, ...flags(), "--out", out, "--json", "--probabilities");
    // |det| of the oblique affine is 7.391; b's voxels are 1 mm³.
    expect(JSON.parse(text)).toEqual([
      {
        file: b,
        output: path.join(out, "a.nii.gz"),
        volumesMm3: { front: 0, back: expect.closeTo(1536 * determinant(OBLIQUE_LAS), 2) as number },
        warnings: null,
      },
      { file: a, output: path.join(out, "b, second.nii.gz"), volumesMm3: { front: 0, back: 720 }, warnings: null },
      { file: broken, error: `Cannot read NIfTI file "${broken}": it has 9 bytes, a header takes 348` },
    ]);
    expect([code, err]).toEqual([
      1,
      `${NOT_CHECKED}inception: Cannot read NIfTI file "${broken}": it has 9 bytes, a header takes 348\ninception: failed to segment 1 of 3 files\n`,
    ]);
    const rows = readFileSync(path.join(out, "volumes.csv"), "utf8").split("\r\n");
    expect(rows[0]).toBe("file,label,name,voxels,volume_mm3,warnings");
    expect(rows[1]).toBe(`${b},5,front,0,0,not-checked`);
    expect(rows[2]).toMatch(new RegExp(`^${b.replaceAll(".", "\\.")},9,back,1536,\\d+\\.\\d+,not-checked$`));
    expect(rows.slice(3)).toEqual([`"${a}",5,front,0,0,not-checked`, `"${a}",9,back,720,720,not-checked`, ""]);
    const written = readdirSync(out, { recursive: true, encoding: "utf8" }).toSorted();
    const probabilities = ["a", "b, second"].flatMap((name) =>
      [0, 5, 9].map((value) => path.join("probabilities", `${name}_${value}.nii.gz`)),
    );
    const pages = ["a", "b, second"].map((name) => path.join("qc", `${name}.html`));
    expect(written).toEqual(["a.nii.gz", "b, second.nii.gz", "probabilities", ...probabilities, "qc", ...pages, "volumes.csv"].toSorted());
    const { volume } = await readVolume(path.join(out, "probabilities", "a_9.nii.gz"));
    const expected = Math.E / (Math.E + 2);
    expect(volume.data.every((value) => Math.abs(value - expected) < 1e-6)).toBe(true);
    expect([volume.data.constructor, (await readVolume(path.join(out, "a.nii.gz"))).volume.data[0]]).toEqual([Float32Array, 9]);
  });

  test("without --json there is a line for each file", async () => {
    const file = await scan(path.join(folder, "line.nii"), [10, 9, 8]);
    const out = path.join(folder, "lines");
    expect(await segment(file, ...flags(), "--out", out, "--no-qc")).toEqual({
      code: 0,
      out: `${path.join(out, "line.nii.gz")}: front 0 mm³, back 720 mm³\n`,
      err: NOT_CHECKED,
    });
    expect(readdirSync(out).toSorted()).toEqual(["line.nii.gz", "volumes.csv"]);
  });

  test("the page shows three slices with their text, the volumes, and nothing from elsewhere", async () => {
    const file = await scan(path.join(folder, "<b>.nii"), [10, 9, 8]);
    const out = path.join(folder, "pages");
    expect((await segment(file, ...flags(), "--out", out)).code).toBe(0);
    const html = readFileSync(path.join(out, "qc", "<b>.html"), "utf8");
    expect(html).toContain("<h1>&lt;b&gt;</h1>");
    expect([...html.matchAll(/alt="([^"]*)"/g)].map(([, alt]) => alt)).toEqual([
      "Axial slice 4 of 8 with outlines of back",
      "Coronal slice 5 of 9 with outlines of back",
      "Sagittal slice 5 of 10 with outlines of back",
    ]);
    expect([...html.matchAll(/src="([^",]*)/g)].map(([, src]) => src)).toEqual(Array(3).fill("data:image/png;base64"));
    expect(html).not.toMatch(/https?:|<script/);
    expect(html).toContain("720");
  });

  test("two files of one name give one output, and an input is never replaced", async () => {
    const [scans, others] = [newFolder("same"), newFolder("others")];
    const first = await scan(path.join(scans, "a.nii.gz"), [8, 8, 8]);
    const second = await scan(path.join(others, "a.nii"), [8, 8, 8]);
    const { code, err } = await segment(first, second, ...flags(), "--out", path.join(folder, "same-out"), "--no-qc");
    const fact = `"${first}" has the same name and was already written; rename one of them`;
    expect([code, err]).toEqual([
      1,
      `${NOT_CHECKED}inception: Cannot segment "${second}": ${fact}\ninception: failed to segment 1 of 2 files\n`,
    ]);
    const before = createHash("sha256").update(readFileSync(first)).digest("hex");
    expect(await segment(scans, ...flags(), "--out", scans)).toEqual({
      code: 2,
      out: "",
      err: `inception: Cannot write "${first}": it is the input "${first}"; pass another directory as --out\n`,
    });
    expect(createHash("sha256").update(readFileSync(first)).digest("hex")).toBe(before);
  });

  test("user errors say what is wrong, on one line", async () => {
    const file = await scan(path.join(folder, "user.nii"), [8, 8, 8]);
    const empty = newFolder("nothing");
    const out = ["--out", path.join(folder, "user")];
    for (const [args, message] of [
      [[file, ...flags()], "missing --out: pass a directory for the label maps; see inception segment --help"],
      [[file, ...flags(), ...out, "--overlap", "1"], "invalid --overlap 1: expected a number in [0, 1), as in 0.5"],
      [[file, ...flags(), ...out, "--mirror", "xw"], "invalid --mirror xw: expected some of x, y and z, as in xyz"],
      [[file, ...flags(), ...out, "--patch-size", "64"], "invalid --patch-size 64: expected voxels along x, y and z, as in 64x64x64"],
      [[`${file}x`, ...flags(), ...out], `Cannot list volumes of "${file}x": no such file or directory`],
      [
        [empty, ...flags(), ...out],
        `Cannot list volumes of "${empty}": it contains no .nii, .hdr or .img files, with or without .gz, and no DICOM slices`,
      ],
      [[file, ...out, "--weights", files.constant], 'Cannot use weights with bundled model "hippocampus": a bundled model has its own'],
      [[file, ...flags(), "--out", file], `Cannot write "${file}": it is a file, not a directory`],
    ] as const) {
      expect(await segment(...args)).toEqual({ code: 2, out: "", err: `inception: ${message}\n` });
    }
  });
});

describe("a process of its own", () => {
  const bin = path.resolve(import.meta.dirname, "../bin/inception.js");

  function start(args: readonly string[]): ChildProcess {
    return spawn(process.execPath, [bin, "segment", ...args, "--threads", "1"], { stdio: ["ignore", "pipe", "pipe"] });
  }

  test("stays below a gigabyte for 128³ voxels in windows of 64³", { timeout: 120_000 }, async () => {
    // With all of the network's channels, 200³ voxels in windows of 64³ at overlap 0.5 took 969 MiB; docs/segmentation.md.
    const [file, out] = [await scan(path.join(folder, "large.nii.gz"), [128, 128, 128]), path.join(folder, "large")];
    const args = [
      file,
      "--model",
      MODEL,
      "--weights",
      files.random,
      "--patch-size",
      "64x64x64",
      "--overlap",
      "0",
      "--out",
      out,
      "--threads",
      "1",
    ];
    const source = `const { runProcess } = await import(${JSON.stringify(path.resolve(import.meta.dirname, "../dist/cli/process.js"))});
      process.exitCode = await runProcess(${JSON.stringify(["segment", ...args])});
      console.log(process.resourceUsage().maxRSS);`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", source], { stdio: ["ignore", "pipe", "inherit"] });
    let text = "";
    child.stdout.on("data", (part: Buffer) => (text += part.toString()));
    expect(await new Promise((resolve) => void child.once("exit", resolve))).toBe(0);
    expect((await readVolume(path.join(out, "large.nii.gz"))).volume.shape).toEqual([128, 128, 128]);
    const kibibytes = Number(text.trim().split("\n").at(-1));
    expect(kibibytes).toBeGreaterThan(50_000);
    expect(kibibytes).toBeLessThan(2 ** 20);
  });

  test("that is killed leaves whole files or none", { timeout: 60_000 }, async () => {
    const [scans, out] = [newFolder("many"), path.join(folder, "killed")];
    for (let i = 0; i < 30; i++)
      copyFileSync(await scan(path.join(folder, "each.nii.gz"), [40, 40, 40]), path.join(scans, `case-${i}.nii.gz`));
    const child = start([scans, "--model", MODEL, "--weights", files.random, "--out", out, "--probabilities"]);
    const ended = new Promise<string | null>((resolve) => void child.once("exit", (_code, signal) => resolve(signal)));
    const first = new Promise<void>((resolve) => void child.stdout?.once("data", () => resolve()));
    await Promise.race([first, ended]);
    child.kill("SIGKILL");
    expect(await ended).toBe("SIGKILL");
    const written = readdirSync(out, { recursive: true, encoding: "utf8" }).filter((name) => !path.basename(name).startsWith("."));
    const labels = written.filter((name) => /^case-\d+\.nii\.gz$/.test(name));
    expect(labels.length).toBeGreaterThan(0);
    for (const name of written.filter((each) => each.endsWith(".nii.gz"))) {
      expect((await readVolume(path.join(out, name))).volume.data.length).toBe(64_000);
    }
    for (const name of written.filter((each) => each.endsWith(".html"))) {
      expect(readFileSync(path.join(out, name), "utf8").endsWith("</html>\n")).toBe(true);
    }
    // Labels are written last: each has its page and its probabilities.
    for (const name of labels) expect(existsSync(path.join(out, "qc", name.replace(".nii.gz", ".html")))).toBe(true);
  });

  test("that is interrupted ends its window, leaves no temporary file, and says what is done", { timeout: 60_000 }, async () => {
    const out = path.join(folder, "interrupted");
    const child = start([path.join(folder, "many"), "--model", MODEL, "--weights", files.random, "--out", out, "--no-qc"]);
    let err = "";
    child.stderr?.on("data", (text: Buffer) => (err += text.toString()));
    const ended = new Promise<number | null>((resolve) => void child.once("exit", (code) => resolve(code)));
    await new Promise<void>((resolve) => void child.stdout?.once("data", () => resolve()));
    child.kill("SIGINT");
    expect(await ended).toBe(130);
    expect(err).toMatch(/\ninterrupted after \d+ of 30 files; files written so far are complete\n$/);
    expect(readdirSync(out).filter((name) => name.startsWith("."))).toEqual([]);
  });
});

function determinant(affine: Affine): number {
  const [a = 0, b = 0, c = 0, , d = 0, e = 0, f = 0, , g = 0, h = 0, i = 0] = affine;
  return Math.abs(a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g));
}
