import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createVolume } from "../src/data/volumes/volume.js";
import { bytesSource } from "../src/formats/byte-source.js";
import { openNpy } from "../src/formats/npy.js";
import { writeVolume } from "../src/node/volumes.js";
import { refused as inception, type Result, ROOT } from "./program.js";
import { goldenPath, sharedPath, titleNeeding } from "./shared.js";

const DIGITS = path.join(ROOT, "examples/digits");
let folder = "";

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), "inception-cli-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

function json(result: Result): unknown {
  expect(result.err).toBe("");
  expect(result.code).toBe(0);
  return JSON.parse(result.out);
}

describe("help", () => {
  test("lists every command, and each command shows examples", async () => {
    const { out } = await inception("--help");
    for (const name of [
      "models",
      "weights",
      "summary",
      "diagram",
      "diff",
      "train",
      "explain",
      "check",
      "eval",
      "segment",
      "eval-seg",
      "fid",
      "classify",
      "embed",
      "index",
      "search",
      "eval-pairs",
      "verify",
      "export",
      "calibrate",
      "quantize",
      "inspect",
      "experiment",
    ]) {
      expect(out).toContain(`  ${name} `);
      const help = await inception(name, "--help");
      expect(help.code).toBe(0);
      expect(help.out).toContain(`Usage: inception ${name}`);
      expect(help.out).toMatch(/Examples:\n {2}[A-Z][^\n]*\n {2}\$ inception /);
    }
  });

  test("without arguments it is the help", async () => {
    expect(await inception()).toEqual(await inception("--help"));
  });
});

describe("models", () => {
  test("--json has the promised keys and the published counts", async () => {
    const rows = json(await inception("models", "--json"));
    expect(rows).toContainEqual({
      id: "inception_resnet_v2.public",
      family: "inception_resnet_v2",
      form: "public",
      task: "classify",
      source: expect.stringContaining("arXiv:1602.07261") as string,
      input: [3, 299, 299],
      minInputSize: 75,
      params: 55_843_464,
      nonTrainable: 60_544,
      macs: 13_155_794_016,
      options: expect.arrayContaining(["numClasses", "inputSize", "aux"]) as string[],
      weights: expect.arrayContaining(["timm_inception_resnet_v2"]) as string[],
      files: expect.arrayContaining([
        {
          set: "timm_inception_resnet_v2",
          name: "inception_resnet_v2",
          source: expect.stringMatching(/^https:.*\/inception_resnet_v2-940b1cd6\.pth$/) as string,
          sha256: "940b1cd6",
          classes: 1001,
        },
      ]) as unknown[],
      bundled: [],
    });
    const summary = "anterior and posterior hippocampus in cropped T1-weighted MR volumes";
    const bundled = [{ id: "hippocampus", file: "assets/hippocampus.safetensors", summary }];
    expect(rows).toContainEqual(expect.objectContaining({ id: "inception_resnet_3d.table", files: [], bundled }));
    expect(rows).toContainEqual(expect.objectContaining({ id: "inception_resnet_3d.code", task: "segment", input: [1, 64, 64, 64] }));
    expect(Array.isArray(rows) && rows.length).toBe(17);
  });

  // 000 lists the 3-D network; 001 and 002 draw Inception-ResNet-v2 and v1; 003 compares v4 with both; 004 goes through v1,
  // "v2/v3" (a table), v4 and the residual networks. BN-Inception is the v2 of the paper on v4.
  test("every system of the specification documents is listed", async () => {
    const rows = json(await inception("models", "--json"));
    const ids = Array.isArray(rows) ? rows.map(({ id }: { readonly id: string }) => id) : [];
    expect(ids).toEqual(
      expect.arrayContaining([
        ...["inception_resnet_3d.table", "inception_resnet_v2.spec", "inception_resnet_v1.spec"],
        ...["inception_resnet_v1.paper", "inception_resnet_v2.paper", "inception_v4.public"],
        ...["googlenet.paper", "inception_v2.slim", "inception_v3.public", "inception_v3.table"],
      ]),
    );
  });

  test("the table shows them", async () => {
    const { out } = await inception("models");
    expect(out).toMatch(/^googlenet\.public +classify +3×224×224 +6,624,904 +1,498,376,192$/m);
    expect(out).toMatch(/^inception_v3\.public +pretrained:inception_v3\.tv_in1k +hf:timm\/inception_v3\.tv_in1k$/m);
    expect(out).toMatch(/^hippocampus +inception_resnet_3d\.table +anterior and posterior hippocampus/m);
  });
});

describe("summary", () => {
  test("--json has the promised keys; parts sum to the totals", async () => {
    const summary = json(await inception("summary", "googlenet", "--json"));
    expect(summary).toMatchObject({ id: "googlenet.public", input: [1, 3, 224, 224], params: 6_624_904, macs: 1_498_376_192 });
    expect(summary).toHaveProperty("stages.0", { path: "conv1", shape: [64, 112, 112], params: 9536, macs: 118_013_952 });
    expect(summary).toHaveProperty("layers.0", {
      path: "conv1.conv",
      op: "conv",
      shape: [64, 112, 112],
      params: 9408,
      macs: 118_013_952,
      receptiveField: [7, 7],
    });
  });

  test("options reach the network", async () => {
    const result = await inception(
      "summary",
      "inception_resnet_v2",
      "--option",
      "numClasses=5",
      "--option",
      "inputSize=331x275",
      "--stages",
    );
    expect(result.out).toContain("inception_resnet_v2.public, input 1×3×331×275");
    expect(result.out).toMatch(/^classif +5 +7,685 +7,680$/m);
  });
});

describe("summary of a network for volumes", () => {
  test("--input gives channels and sizes", async () => {
    const summary = json(await inception("summary", "inception_resnet_3d.table", "--input", "1x1x64x64x64", "--json"));
    expect(summary).toMatchObject({ input: [1, 1, 64, 64, 64], params: 17_603_074, nonTrainable: 17_056, macs: 11_573_542_912, convs: 50 });
    expect(summary).toHaveProperty("stages.0", { path: "stem.conv1", shape: [32, 32, 32, 32], params: 928, macs: 28_311_552 });
    const text = (await inception("summary", "inception_resnet_3d", "--input", "1x4x35x51x35", "--stages")).out;
    expect(text).toContain("inception_resnet_3d.table, input 1×4×35×51×35");
    expect(text).toMatch(/^up\.logits +2×35×51×35 +130 +7,996,800$/m);
    expect((await inception("summary", "googlenet", "--input", "1x3x64x96", "--stages")).out).toContain("input 1×3×64×96");
  });

  test.each([
    ["64x64x64", "expected 1, channels and sizes, as in 1x3x299x299 or 1x1x64x64x64"],
    ["1x1", "expected 1, channels and sizes, as in 1x3x299x299 or 1x1x64x64x64"],
    ["1x1x64x-1x64", "expected 1, channels and sizes, as in 1x3x299x299 or 1x1x64x64x64"],
  ])("--input %s is refused", async (input, law) => {
    const err = `inception: invalid --input ${input}: ${law}\n`;
    expect(await inception("summary", "inception_resnet_3d", "--input", input)).toEqual({ code: 2, out: "", err });
  });

  test("--input and an option that say the same are refused; sizes of another network too", async () => {
    const both = ["--input", "1x1x8x8x8", "--option", "inputSize=8"];
    const err = "inception: unexpected --option inputSize: --input sets the channels and sizes; see inception summary --help\n";
    expect(await inception("summary", "inception_resnet_3d", ...both)).toEqual({ code: 2, out: "", err });
    const law = "expected a size from 1 to 1,024 voxels, as in 64 or 64x96x96 (depth first)";
    expect(await inception("summary", "inception_resnet_3d", "--input", "1x1x64x64")).toEqual({
      code: 2,
      out: "",
      err: `inception: Cannot set option inputSize of inception_resnet_3d.table to [64,64]: ${law}\n`,
    });
  });
});

test("a network for volumes is not trained on images", async () => {
  const out = path.join(folder, "volumes");
  const three = ["--option", "inChannels=3", "--option", "inputSize=32"];
  const result = await inception("train", "shapes10?train=10&val=0", "--model", "inception_resnet_3d", ...three, "--out", out);
  const err =
    'inception: Cannot train "inception_resnet_3d.table" on images with input [3, 32, 32, 32]: expected 3 channels and a square\n';
  expect(result).toEqual({ code: 2, out: "", err });
});

describe("diagram", () => {
  test("draws a network for volumes and one of its blocks", async () => {
    const { out, code } = await inception("diagram", "inception_resnet_3d.table", "--input", "1x1x32x32x32");
    expect(code).toBe(0);
    expect(out).toContain("ConvTranspose k=2 s=2");
    expect(out).toContain("64*32*32*32");
    const block = (await inception("diagram", "inception_resnet_3d", "--block", "A0")).out;
    expect(block).toMatch(/^%% inception_resnet_3d\.table: A0\ngraph TD;\n/);
    expect(block).toContain("AvgPool k=8");
    // What is made of weights alone is no layer.
    expect(block).not.toContain("split");
  });

  test("prints mermaid, writes an SVG, and names what it cannot draw", async () => {
    expect((await inception("diagram", "inception_resnet_v2.spec", "--block", "inception_a.0")).out).toMatch(
      /^%% inception_resnet_v2\.spec: inception_a\.0\ngraph TD;\n/,
    );
    const file = path.join(folder, "network.svg");
    expect(await inception("diagram", "googlenet", "--format", "svg", "--out", file)).toEqual({ code: 0, out: "", err: "" });
    expect(readFileSync(file, "utf8")).toMatch(/^<svg [\s\S]+<\/svg>\n$/);
    expect(await inception("diagram", "googlenet", "--format", "pdf")).toEqual({
      code: 2,
      out: "",
      err: 'inception: Cannot write a diagram as "pdf": expected one of dot, json, mermaid, svg\n',
    });
  });
});

describe("classify and embed", () => {
  test("the shipped network reads the shipped digits as PyTorch does", async () => {
    const results = json(
      await inception("classify", path.join(DIGITS, "images"), "--model", path.join(DIGITS, "digits.onnx"), "--top", "1", "--json"),
    );
    const expected = JSON.parse(readFileSync(path.join(DIGITS, "expected.json"), "utf8")) as {
      images: { file: string; index: number; label: string; probability: number }[];
    };
    expect(results).toEqual(
      expected.images.map(({ file, index, label, probability }) => ({
        file: path.join(DIGITS, file),
        // PyTorch printed six decimals.
        top: [{ index, label, probability: expect.closeTo(probability, 5) as number }],
      })),
    );
  });

  test("one bad file is reported and does not stop the rest", async () => {
    const bad = path.join(folder, "bad.png");
    writeFileSync(bad, "this is text");
    const good = path.join(DIGITS, "images/7-a.png");
    const result = await inception("classify", bad, good, "--model", path.join(DIGITS, "digits.onnx"), "--top", "1", "--json");
    expect(result.code).toBe(1);
    const outcomes: unknown = JSON.parse(result.out);
    expect(outcomes).toMatchObject([
      { file: bad, error: expect.stringContaining("bad.png") as string },
      { file: good, top: [{ label: "seven" }] },
    ]);
    expect(result.err).toBe("inception: 1 of 2 files failed\n");
  });

  test("embed gives the features of an image, and of each image in an array", async () => {
    const image = path.join(DIGITS, "images/3-a.png");
    const [single] = json(await inception("embed", image, "--model", path.join(DIGITS, "digits.onnx"), "--json")) as {
      file: string;
      embedding: number[];
    }[];
    expect(single?.file).toBe(image);
    expect(single?.embedding).toHaveLength(256);
    const file = path.join(folder, "vectors.npy");
    json(await inception("embed", image, image, "--model", path.join(DIGITS, "digits.onnx"), "--out", file, "--json"));
    const { dtype, shape, data } = await openNpy(bytesSource(file, readFileSync(file)));
    expect({ dtype, shape }).toEqual({ dtype: "float32", shape: [2, 256] });
    expect([...data.slice(256)].map(Number)).toEqual(single?.embedding);
    expect(await inception("embed", image, "--model", "x.onnx", "--out", "vectors.txt")).toEqual({
      code: 2,
      out: "",
      err: "inception: invalid --out vectors.txt: expected a name that ends in .npy\n",
    });
  });

  test("a recipe that gives another size is refused", async () => {
    const image = path.join(DIGITS, "images/3-a.png");
    const result = await inception(
      "classify",
      image,
      "--model",
      path.join(DIGITS, "digits.onnx"),
      "--preprocessing",
      "torchvision_googlenet",
    );
    expect(result).toEqual({
      code: 2,
      out: "",
      err: 'inception: Cannot run "googlenet.public": the preprocessing gives 3×224×224, expected 3×64×64\n',
    });
  });

  test("what cannot be done is one line and exit code 2", async () => {
    expect(await inception("classify", "nowhere.jpg", "--model", path.join(DIGITS, "digits.onnx"))).toMatchObject({ code: 2, out: "" });
    expect(await inception("classify", DIGITS)).toEqual({
      code: 2,
      out: "",
      err: "inception: missing --model: pass a model id, an .onnx file or a run directory; see inception classify --help\n",
    });
    expect(await inception("classify", DIGITS, "--model", "googlenet")).toEqual({
      code: 2,
      out: "",
      err: 'inception: Cannot load "googlenet": no weights given; pass --weights pretrained, hf:OWNER/NAME or a file\n',
    });
    expect(await inception("classify", DIGITS, "--model", "x.onnx", "--top", "many")).toEqual({
      code: 2,
      out: "",
      err: "inception: invalid --top many: expected an integer from 1 to 100,000\n",
    });
    expect(await inception("summary", "alexnet")).toEqual({
      code: 2,
      out: "",
      err:
        'inception: Cannot find model "alexnet": expected one of googlenet.paper, googlenet.public, inception_v2.slim, inception_v2.caffe, ' +
        "inception_v3.public, inception_v3.table, inception_v3.fid, inception_v4.public, inception_resnet_v1.spec, inception_resnet_v1.paper, inception_resnet_v1.public, inception_resnet_v2.spec, inception_resnet_v2.paper, inception_resnet_v2.public, inception_resnet_3d.table, inception_resnet_3d.paper, inception_resnet_3d.code\n",
    });
    expect(await inception("summary", "googlenet", "--option", "numClasses")).toEqual({
      code: 2,
      out: "",
      err: "inception: invalid --option numClasses: expected name=value, as in numClasses=10\n",
    });
    expect(await inception("recognize")).toEqual({
      code: 2,
      out: "",
      err: 'inception: unknown command "recognize"; see inception --help\n',
    });
  });
});

describe("export and inspect", () => {
  const EXPORT = [
    "export",
    "googlenet",
    "--weights",
    path.join(DIGITS, "googlenet-digits.safetensors"),
    "--option",
    "widthMultiplier=0.25",
  ];
  const OPTIONS = ["--option", "numClasses=10", "--option", "inputSize=64", "--class-names", path.join(DIGITS, "labels.json")];

  test("an exported file says what it is, and a damaged one is refused", async () => {
    const file = path.join(folder, "digits.onnx");
    const result = json(
      await inception(...EXPORT, ...OPTIONS, "--preprocessing", path.join(DIGITS, "preprocessing.json"), "--out", file, "--json"),
    );
    expect(result).toMatchObject({ file, model: "googlenet.public", names: "torchvision", matched: 287, ignored: [] });
    const inspection = json(await inception("inspect", file, "--json"));
    expect(inspection).toMatchObject({
      format: "onnx",
      artefact: {
        model: "googlenet.public",
        options: { widthMultiplier: 0.25, numClasses: 10, inputSize: [64, 64] },
        labels: expect.arrayContaining(["seven"]) as string[],
      },
    });
    const bytes = readFileSync(file);
    bytes.fill(0x3f, 400_000, 400_400);
    writeFileSync(file, bytes);
    const damaged = await inception("classify", path.join(DIGITS, "images"), "--model", file);
    expect(damaged.code).toBe(2);
    expect(damaged.err).toMatch(
      /^inception: Cannot load ".*digits\.onnx": the embedded self-check failed on cpu \(largest difference [\d.e+]+ standard deviations of the output, tolerance 0\.002\); the file is damaged or the runtime computes different results; re-export the model on this machine\n$/,
    );
  });

  test("any height and width, where the network allows it", async () => {
    const file = path.join(folder, "dynamic.onnx");
    json(await inception(...EXPORT, ...OPTIONS, "--dynamic-size", "--out", file, "--json"));
    expect(json(await inception("inspect", file, "--json"))).toHaveProperty("onnx.inputs.0.shape", ["N", 3, "height", "width"]);
  });

  test("a saved safetensors file remembers its options, labels and names", async () => {
    const file = path.join(folder, "digits.safetensors");
    json(await inception(...EXPORT, ...OPTIONS, "--out", file, "--naming", "torchvision", "--json"));
    const [first] = json(
      await inception("classify", path.join(DIGITS, "images/7-a.png"), "--model", "googlenet", "--weights", file, "--top", "1", "--json"),
    ) as { top: { label: string }[] }[];
    expect(first?.top[0]?.label).toBe("seven");
  });

  test("a volume is shown with its geometry and its values after scaling", async () => {
    // 2 x 1 x 3 voxels of int16, 0 to 5, times 0.5 minus 1; x runs to the left, the second axis to the head.
    const file = path.join(folder, "scan.nii");
    const affine = [-2, 0, 0, 90, 0, 0, 3, -126, 0, 1.5, 0, -72, 0, 0, 0, 1];
    await writeVolume(file, createVolume([2, 1, 3], Int16Array.of(0, 1, 2, 3, 4, 5), affine));
    const bytes = readFileSync(file);
    bytes.writeFloatLE(0.5, 112);
    bytes.writeFloatLE(-1, 116);
    bytes.write("made by hand\u001b[31m", 148);
    writeFileSync(file, bytes);
    expect(json(await inception("inspect", file, "--json"))).toEqual({
      file,
      format: "nifti",
      bytes: 364,
      values: 6,
      shape: [2, 1, 3],
      spacing: [2, 1.5, 3],
      orientation: "LSA",
      affine: [affine.slice(0, 4), affine.slice(4, 8), affine.slice(8, 12), affine.slice(12)],
      affineFrom: "sform",
      units: { space: "mm", time: "unknown" },
      dtype: "int16",
      scaling: { slope: 0.5, intercept: -1 },
      version: 1,
      littleEndian: true,
      description: "made by hand\u001b[31m",
      min: -1,
      max: 1.5,
      mean: 0.25,
      nonFinite: 0,
    });
    expect(await inception("inspect", file)).toEqual({
      code: 0,
      err: "",
      out: [
        `${file}: nifti, 364 bytes, 6 voxels`,
        "  version      NIfTI-1, little-endian",
        "  shape        2 x 1 x 3",
        "  spacing      2 x 1.5 x 3 (space in mm)",
        "  orientation  LSA",
        "  voxels       int16, times 0.5 plus -1",
        "  values       -1 to 1.5, mean 0.25",
        "  description  made by hand [31m",
        "",
        "affine from sform:",
        "   i   j    k  origin",
        "─  ──  ───  ─  ──────",
        "x  -2  0    0  90",
        "y  0   0    3  -126",
        "z  0   1.5  0  -72",
        "",
      ].join("\n"),
    });
    writeFileSync(file, bytes.subarray(0, 360));
    expect(await inception("inspect", file)).toEqual({
      code: 2,
      out: "",
      err: `inception: Cannot read NIfTI file "${file}": its header declares 364 bytes, the file contains 360\n`,
    });
  });

  test("inspect says which network weights fit, and which weight set they are", async () => {
    const { out, code } = await inception("inspect", "assets/hippocampus.safetensors");
    expect(code).toBe(0);
    expect(out).toContain("\n  fits     inception_resnet_3d.table with inceptionkit naming: 3 classes\n");
    const fits = [{ model: "inception_resnet_3d.table", weightSet: null, names: "inceptionkit", classes: 3, foreign: [] }];
    expect(json(await inception("inspect", "assets/hippocampus.safetensors", "--json"))).toMatchObject({ fits });
    const digits = await inception("inspect", path.join(DIGITS, "googlenet-digits.safetensors"));
    expect(digits.out).toContain("\n  fits     no known network at its default options\n");
  });

  test("wrong weights are listed, and nothing is written", async () => {
    const file = path.join(folder, "never.onnx");
    const result = await inception("export", "googlenet", "--weights", path.join(DIGITS, "googlenet-digits.safetensors"), "--out", file);
    expect(result).toEqual({
      code: 2,
      out: "",
      err:
        'inception: Cannot load weights into "googlenet.public" with torchvision naming: 287 shape mismatches ' +
        "(conv1.conv.weight: expected [64, 3, 7, 7], got [16, 3, 7, 7]; conv1.bn.weight: expected [64], got [16]; " +
        "conv1.bn.bias: expected [64], got [16]; conv1.bn.running_mean: expected [64], got [16] and 283 more); " +
        "0 of 287 parameters match\n",
    });
    expect(existsSync(file)).toBe(false);
  });
});

describe("verify", () => {
  test("passes on a golden file, fails on a changed one with exit code 1", async () => {
    const golden = goldenPath("models/torchvision.googlenet.json");
    const result = json(await inception("verify", golden, "--json"));
    expect(result).toMatchObject({
      file: golden,
      cases: [
        { name: "native", tolerance: 5e-5, pass: true },
        { name: "odd", pass: true },
      ],
    });
    const changed = path.join(folder, "changed.json");
    const text = JSON.parse(readFileSync(golden, "utf8")) as { cases: { odd: { logits_10: { rows: { values: number[] }[] } } } };
    text.cases.odd.logits_10.rows[0]!.values[3]! += 0.001;
    writeFileSync(changed, JSON.stringify(text));
    const failed = await inception("verify", changed, "--json");
    expect(failed.code).toBe(1);
    expect(JSON.parse(failed.out)).toMatchObject({
      cases: [{ pass: true }, { name: "odd", pass: false, worst: expect.closeTo(0.001 / 1.954, 4) as number }],
    });
  });

  test("says what is wrong with a file that is no golden", async () => {
    const file = path.join(folder, "other.json");
    writeFileSync(file, '{"fill_check": {"sha256_each": {}}, "model": 3}');
    expect(await inception("verify", file)).toEqual({
      code: 2,
      out: "",
      err: `inception: Cannot read reference file "${file}": expected text at model\n`,
    });
  });
});

describe("real weights", () => {
  const weights = sharedPath("data/googlenet_bvlc/bvlc_googlenet.safetensors");
  test.skipIf(!weights)(titleNeeding("BVLC GoogLeNet names the sample photograph", weights, "data/googlenet_bvlc"), async () => {
    const photo = path.join(path.dirname(weights ?? ""), "sample_input.jpg");
    const result = json(await inception("classify", photo, "--model", "googlenet.paper", "--weights", weights ?? "", "--json"));
    expect(result).toMatchObject([
      { file: photo, top: [{ index: 967, label: "espresso", probability: expect.closeTo(0.995, 2) as number }, {}, {}, {}, {}] },
    ]);
  });
});

describe("as a program", () => {
  test("exit codes and streams are the process's, and --help starts quickly", async () => {
    const bin = path.join(ROOT, "bin/inception.js");
    const run = promisify(execFile);
    const times: number[] = [];
    for (let i = 0; i < 5; i++) {
      const start = performance.now();
      await run(process.execPath, [bin, "--help"]);
      times.push(performance.now() - start);
    }
    const bare = await timed(() => run(process.execPath, ["-e", "0"]));
    // 0.2 s on an idle machine, of which an empty Node program takes 0.04; a busy one slows both alike.
    expect(Math.min(...times)).toBeLessThan(Math.max(200, 4 * bare));
    await expect(run(process.execPath, [bin, "summary", "alexnet"])).rejects.toMatchObject({ code: 2, stdout: "" });
  });
});

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}
