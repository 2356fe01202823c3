/** One rule for all commands: 0 everything succeeded, 1 some inputs failed or a check did not hold, 2 nothing could be done. */
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { COMMANDS } from "../src/cli/commands.js";
import { exitCodeOf } from "../src/cli/exit-code.js";
import { createVolume } from "../src/data/volumes/volume.js";
import { writeVolume } from "../src/node/volumes.js";
import { refused as inception, ROOT } from "./program.js";
import { goldenPath } from "./shared.js";

const DIGITS = path.join(ROOT, "examples/digits");
const ONNX = ["--model", path.join(DIGITS, "digits.onnx")];
const NETWORK = [
  ...["--weights", path.join(DIGITS, "googlenet-digits.safetensors")],
  ...["--option", "widthMultiplier=0.25", "--option", "numClasses=10", "--option", "inputSize=64"],
];
const VOLUME = path.join(ROOT, "examples/segment/hippocampus_001.nii.gz");

let folder = "";
const at = (...names: readonly string[]): string => path.join(folder, ...names);
const image = (name: string): string => path.join(DIGITS, "images", name);

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), "inception-exit-"));
  for (const name of ["empty", "labeled/zero", "labeled/one", "bad-only/zero", "bad-only/one", "pred", "gt", "photos", "bad-photos"]) {
    mkdirSync(at(name), { recursive: true });
  }
  for (const name of ["bad.png", "bad.nii", "bad.json", "labeled/one/bad.png", "bad-only/zero/bad.png", "bad-only/one/bad.png"]) {
    writeFileSync(at(name), "this is text");
  }
  for (const name of ["photos/bad.png", "bad-photos/bad.png"]) writeFileSync(at(name), "this is text");
  copyFileSync(image("0-a.png"), at("labeled/zero/0-a.png"));
  copyFileSync(image("0-b.png"), at("labeled/zero/0-b.png"));
  copyFileSync(image("1-a.png"), at("labeled/one/1-a.png"));
  for (const name of ["0-a.png", "1-a.png", "2-a.png", "3-a.png", "4-a.png", "5-a.png"]) copyFileSync(image(name), at("photos", name));
  const labels = createVolume([2, 2, 2], new Uint8Array([0, 1, 1, 0, 1, 1, 0, 0]));
  for (const name of ["pred/a.nii", "gt/a.nii"]) await writeVolume(at(name), labels);
  for (const name of ["pred/b.nii", "gt/b.nii"]) writeFileSync(at(name), "this is text");
});
afterAll(() => rmSync(folder, { recursive: true }));

type Line = readonly string[];

/** For each command: a line that succeeds, one of which a part fails or a check does not hold, and lines that can do nothing. */
interface Lines {
  readonly good: () => Line;
  /** Null where a command has one input and no check. */
  readonly part: (() => Line) | null;
  readonly none: () => readonly Line[];
}

const out = (name: string): readonly string[] => ["--out", at(name)];
const images = (command: string, model: () => Line): Lines => ({
  good: () => [command, image("7-a.png"), ...model()],
  part: () => [command, at("bad.png"), image("7-a.png"), ...model()],
  none: () => [
    [command, at("bad.png"), at("bad.png"), ...model()],
    [command, at("empty"), ...model()],
    [command, at("nowhere"), ...model()],
    [command, image("7-a.png"), ...model(), "--nonsense"],
  ],
});

const LINES: Readonly<Record<string, Lines>> = {
  models: { good: () => ["models"], part: null, none: () => [["models", "more"]] },
  weights: {
    good: () => ["weights", "list"],
    part: null,
    none: () => [
      ["weights", "nothing"],
      ["weights", "path", "nothing"],
    ],
  },
  summary: { good: () => ["summary", "googlenet", "--stages"], part: null, none: () => [["summary", "nothing"]] },
  diagram: { good: () => ["diagram", "googlenet", "--block", "inception3a"], part: null, none: () => [["diagram", "nothing"]] },
  diff: {
    good: () => ["diff", "googlenet", "googlenet"],
    part: () => ["diff", "googlenet.paper", "googlenet.public"],
    none: () => [["diff", "googlenet", "nothing"]],
  },
  train: {
    good: () => trainLine("clean"),
    part: () => trainLine("labeled"),
    none: () => [trainLine("empty"), trainLine("bad-only")],
  },
  "train-seg": {
    good: () => ["train-seg", "--help"],
    part: null,
    none: () => [
      ["train-seg", at("empty"), ...out("run-seg")],
      ["train-seg", at("nowhere"), ...out("run-seg")],
    ],
  },
  explain: images("explain", () => ["--model", "googlenet", ...NETWORK, ...out("explained")]),
  check: {
    // Two digits of one class are taken for near duplicates, which is severe only across training and validation.
    good: () => ["check", at("clean"), "--val-fraction", "0"],
    part: () => ["check", at("labeled")],
    none: () => [
      ["check", at("bad-only")],
      ["check", at("empty")],
      ["check", at("nowhere")],
      ["check", at("clean"), "--folds", "3"],
      ["check", at("clean"), "--write-list", at("list.txt")],
    ],
  },
  eval: {
    good: () => ["eval", path.join(DIGITS, "digits.onnx"), at("clean")],
    part: () => ["eval", path.join(DIGITS, "digits.onnx"), at("labeled")],
    none: () => [
      ["eval", path.join(DIGITS, "digits.onnx"), at("bad-only")],
      ["eval", path.join(DIGITS, "digits.onnx"), at("empty")],
    ],
  },
  segment: {
    good: () => ["segment", VOLUME, "--no-qc", ...out("segmented")],
    part: () => ["segment", VOLUME, at("bad.nii"), "--no-qc", ...out("segmented")],
    none: () => [
      ["segment", at("bad.nii"), ...out("segmented")],
      ["segment", at("empty"), ...out("segmented")],
    ],
  },
  "eval-seg": {
    good: () => ["eval-seg", at("pred/a.nii"), at("gt/a.nii")],
    part: () => ["eval-seg", at("pred"), at("gt")],
    none: () => [
      ["eval-seg", at("pred/b.nii"), at("gt/b.nii")],
      ["eval-seg", at("empty"), at("gt")],
    ],
  },
  // With images it needs weights: test/frechet.test.ts has a folder with one bad image.
  fid: {
    good: () => ["fid", goldenPath("frechet/stored.npz"), goldenPath("frechet/compressed.npz")],
    part: null,
    none: () => [["fid", at("empty"), at("nowhere")]],
  },
  serve: {
    good: () => ["serve", path.join(DIGITS, "digits.onnx"), "--check"],
    part: null,
    none: () => [
      ["serve"],
      ["serve", at("nowhere.onnx")],
      ["serve", path.join(DIGITS, "digits.onnx"), "--host", "0.0.0.0"],
      ["serve", path.join(DIGITS, "digits.onnx"), "--max-batch", "none"],
    ],
  },
  classify: images("classify", () => ONNX),
  embed: images("embed", () => ONNX),
  index: {
    good: () => ["index", at("labeled/zero"), ...ONNX, ...out("i.parquet")],
    part: () => ["index", at("photos"), ...ONNX, ...out("i.parquet")],
    none: () => [
      ["index", at("empty"), ...ONNX, ...out("none.parquet")],
      ["index", at("bad-photos"), ...ONNX, ...out("none.parquet")],
    ],
  },
  // It needs an index: test/search.test.ts has the others.
  search: { good: () => ["search", "--help"], part: null, none: () => [["search", image("7-a.png"), "--index", at("bad.png")]] },
  "eval-pairs": { good: () => ["eval-pairs", "--help"], part: null, none: () => [["eval-pairs", at("bad.json"), ...ONNX]] },
  verify: {
    good: () => ["verify", goldenPath("train/mini_googlenet.json")],
    part: () => ["verify", at("bad.json"), goldenPath("train/mini_googlenet.json")],
    none: () => [["verify", at("bad.json"), at("nowhere.json")]],
  },
  export: {
    good: () => ["export", "hippocampus", ...out("h.safetensors")],
    part: null,
    none: () => [["export", "googlenet", ...out("g.onnx")]],
  },
  // The bundled digits are all classified correctly, which determines no temperature: test/calibrate.test.ts has a line that succeeds.
  calibrate: {
    good: () => ["calibrate", "--help"],
    part: null,
    none: () => [
      ["calibrate", path.join(DIGITS, "digits.onnx"), at("empty"), ...out("c.onnx")],
      ["calibrate", path.join(DIGITS, "digits.onnx"), at("clean"), ...out("c.onnx")],
      ["calibrate", path.join(DIGITS, "digits.onnx"), at("clean"), ...out("c.txt")],
      ["calibrate", path.join(DIGITS, "digits.onnx"), at("clean")],
    ],
  },
  quantize: {
    good: () => quantizeLine("clean"),
    part: () => quantizeLine("photos"),
    none: () => [quantizeLine("empty"), quantizeLine("bad-photos")],
  },
  inspect: { good: () => ["inspect", VOLUME], part: null, none: () => [["inspect", at("bad.png")]] },
  experiment: { good: () => ["experiment", "--help"], part: null, none: () => [["experiment", "nothing"]] },
};

function trainLine(data: string): Line {
  const network = ["--model", "googlenet", "--option", "widthMultiplier=0.25", "--option", "inputSize=64"];
  return [
    "train",
    at(data),
    ...network,
    "--epochs",
    "1",
    "--batch-size",
    "2",
    "--val-data",
    "none",
    ...out(`run-${data}`),
    "--threads",
    "1",
  ];
}

function quantizeLine(photos: string): Line {
  const accept = ["--min-agreement", "0", "--min-speedup", "0", "--timing-runs", "1", "--batch-size", "1"];
  return ["quantize", "googlenet", ...NETWORK, "--calibrate", at(photos), ...accept, ...out(`${photos}.onnx`)];
}

describe("exit codes", () => {
  beforeAll(() => {
    for (const [name, files] of Object.entries({
      zero: ["0-a.png", "0-b.png"],
      one: ["1-a.png", "1-b.png"],
      two: ["2-a.png", "2-b.png"],
    })) {
      mkdirSync(at("clean", name), { recursive: true });
      for (const file of files) copyFileSync(image(file), at("clean", name, file));
    }
  });

  test("every command has its lines", () => {
    expect(Object.keys(LINES).toSorted()).toEqual(COMMANDS.map(({ name }) => name).toSorted());
  });

  for (const [name, { good, part, none }] of Object.entries(LINES)) {
    test(`${name}: 0 for all, 1 for some, 2 for none`, async () => {
      expect(await inception(...good())).toMatchObject({ code: 0 });
      if (part !== null) expect(await inception(...part())).toMatchObject({ code: 1 });
      for (const line of none()) {
        const { code, err } = await inception(...line);
        expect({ line, code }).toEqual({ line, code: 2 });
        // Typed: never a stack trace.
        expect(err).toMatch(/^inception: .*\n$/m);
        expect(err).not.toContain("internal error");
      }
    });
  }

  test("the rule is one function", () => {
    expect([exitCodeOf(0, 3), exitCodeOf(0, 0), exitCodeOf(1, 3), exitCodeOf(3, 3)]).toEqual([0, 0, 1, 2]);
  });

  test("a folder without images is an error that says so; beside images it is one that failed", async () => {
    const message = `Cannot list images of "${at("empty")}": it contains no image, expected files that end in .avif, .gif, .jpe, .jpeg, .jpg, .png, .tif, .tiff, .webp`;
    expect(await inception("classify", at("empty"), ...ONNX)).toEqual({ code: 2, out: "", err: `inception: ${message}\n` });
    const { code, out: text, err } = await inception("classify", at("empty"), image("7-a.png"), ...ONNX, "--top", "1");
    expect([code, err]).toEqual([1, `inception: ${message}\ninception: 1 of 2 files failed\n`]);
    expect(text).toContain("7-a.png");
  });
});

describe("hints", () => {
  test.each([
    [["trian"], 'unknown command "trian"; did you mean train? see inception --help'],
    [["train", "x", "--lr", "0.1"], "unknown option --lr; did you mean --learning-rate? see inception train --help"],
    [["train", "x", "--num-classes", "5"], "unknown option --num-classes; did you mean --option numClasses=N? see inception train --help"],
    [["train", "x", "--learning_rate", "1"], "unknown option --learning_rate; did you mean --learning-rate? see inception train --help"],
    [["classify", "x", "--modle", "y"], "unknown option --modle; did you mean --model? see inception classify --help"],
    [["classify", "x", "--lr", "1"], "unknown option --lr; see inception classify --help"],
    [["classify"], "missing required argument 'images'; see inception classify --help"],
    [["classify", "x", "--top"], "missing value of --top <n>; see inception classify --help"],
    [["classify", "x"], "missing --model: pass a model id, an .onnx file or a run directory; see inception classify --help"],
    [["classify", "x", "--batch-size", "2.5"], "invalid --batch-size 2.5: expected an integer from 1 to 1,024"],
    [["models", "more"], 'unexpected argument "more": models takes no operands; see inception models --help'],
    [["summary", "a", "b"], 'unexpected argument "b": summary takes one model operand; see inception summary --help'],
    [["diff", "a", "b", "c"], 'unexpected argument "c": diff takes only a and b; see inception diff --help'],
    [
      ["train", "a.tar", "b.tar"],
      'unexpected argument "b.tar": train takes one data operand; quote patterns such as "shards/{000..099}.tar"',
    ],
  ] as const)("%j", async (line, message) => {
    expect(await inception(...line)).toEqual({ code: 2, out: "", err: `inception: ${message}\n` });
  });

  test("help COMMAND is COMMAND --help, help alone that of the program, which states the exit codes", async () => {
    expect(await inception("help", "train")).toEqual(await inception("train", "--help"));
    expect(await inception("help")).toEqual(await inception("--help"));
    expect(await inception("help", "trian")).toMatchObject({ code: 2, err: expect.stringContaining("did you mean train?") as string });
    expect((await inception("help")).out.trim().split("\n").slice(-2).join("\n")).toBe(
      "Exit codes: 0 everything succeeded, 1 some inputs failed or a check did not hold,\n2 invalid usage or input, 70 internal error, 130 interrupted.",
    );
  });

  test("mistyped models, and models of the other kind, say what to use", async () => {
    expect(await inception("summary", "inceptoin_v3")).toMatchObject({
      code: 2,
      err: expect.stringMatching(
        /^inception: Cannot find model "inceptoin_v3": did you mean "inception_v3"\? expected one of googlenet\.paper, /,
      ) as string,
    });
    expect(await inception("segment", VOLUME, "--model", "hipocampus", ...out("s"))).toMatchObject({
      code: 2,
      err: expect.stringMatching(
        /^inception: Cannot find model "hipocampus": did you mean "hippocampus"\? expected one of hippocampus, /,
      ) as string,
    });
    for (const line of [
      ["classify", image("0-a.png"), "--model", "hippocampus"],
      ["embed", image("0-a.png"), "--model", "hippocampus"],
    ]) {
      const err = 'inception: Cannot preprocess images for "hippocampus": it segments volumes; use segment\n';
      expect(await inception(...line)).toEqual({ code: 2, out: "", err });
    }
    const explain = await inception("explain", image("0-a.png"), "--model", "hippocampus", ...out("e"));
    expect(explain.err).toBe('inception: Cannot preprocess images for "hippocampus": it segments volumes; use segment\n');
    const evaluated = await inception("eval", "hippocampus", at("clean"));
    expect(evaluated.err).toBe('inception: Cannot preprocess images for "hippocampus": it segments volumes; use segment\n');
    expect(await inception("segment", VOLUME, ...ONNX, ...out("s"))).toEqual({
      code: 2,
      out: "",
      err: `inception: Cannot segment with "${ONNX[1]}": it is a network for images; use classify\n`,
    });
  });
});
