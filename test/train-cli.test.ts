/**
 * `train`, `eval` and what is done with a run afterwards, as a user does it: the built program in processes of its own,
 * on pictures that are drawn and a network of a hundred thousand parameters.
 */
import { execFile, spawn } from "node:child_process";
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bytesSource } from "../src/formats/byte-source.js";
import { readCheckpointMeta } from "../src/train/checkpoint.js";
import { begin, ended, inception, json, ROOT, refused } from "./program.js";
import { lastCheckpoint, loggedSteps, reportOf, reportTimes, withoutTimes } from "./run-files.js";
import { sharedPath, titleNeeding } from "./shared.js";

const DIGITS = path.join(ROOT, "examples/digits/images");
const NETWORK = ["--model", "inception_resnet_v1", ...options("inputSize=75", "widthMultiplier=0.0625", "repeats=1,1,1")];
const DATA = "shapes10?train=64&val=32";
/** Eight steps in two epochs; one thread, so that sums have one order on every machine. */
const TRAIN = ["train", DATA, ...NETWORK, "--epochs", "2", "--batch-size", "16", "--threads", "1", "--checkpoint-every", "1"];
const STEPS = 8;

let folder = "";
let run = "";

function options(...pairs: readonly string[]): readonly string[] {
  return pairs.flatMap((pair) => ["--option", pair]);
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
}

let trained: Record<string, unknown> = {};
let progress = "";

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), "inception-train-"));
  run = path.join(folder, "run");
  const result = await inception(...TRAIN, "--out", run, "--json");
  trained = json(result);
  progress = result.err;
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("train", () => {
  test("prints the promised keys, and a line for each epoch on the error stream", () => {
    const scores = { top1: expect.any(Number) as number, top5: expect.any(Number) as number, loss: expect.any(Number) as number };
    expect(trained).toEqual({
      run,
      epochs: 2,
      best: scores,
      final: scores,
      steps: STEPS,
      secondsPerStep: expect.any(Number) as number,
      calibration: null,
      notCalibrated: "there are 32 validation images, expected at least 50",
    });
    expect(progress).toMatch(
      /^inception_resnet_v1\.public: [\d,]+ parameters \| 64 training and 32 validation images, 10 classes \| 4 steps per epoch\nepoch 1\/2 {2}train: .* {2}\* best\nepoch 2\/2 .*\n$/,
    );
  });

  test("writes a run folder that says what was done", () => {
    expect(readdirSync(run).filter((name) => !name.startsWith("."))).toEqual([
      "best.safetensors",
      "calibration.json",
      "checkpoints",
      "config.json",
      "events",
      "labels.json",
      "metrics.jsonl",
      "preprocessing.json",
      "report.html",
    ]);
    expect(JSON.parse(readFileSync(path.join(run, "config.json"), "utf8"))).toMatchObject({
      model: "inception_resnet_v1.public",
      options: { inputSize: [75, 75], widthMultiplier: 0.0625, repeats: [1, 1, 1], numClasses: 10 },
      settings: { data: DATA, recipe: "scratch", epochs: 2, batchSize: 16, checkpointEvery: 1 },
    });
    expect(loggedSteps(run)).toBe(STEPS);
  });

  test("a finished run that is resumed stays as it is", async () => {
    const before = lastCheckpoint(run);
    const result = await inception("train", "--resume", run, "--threads", "1");
    expect(result.code).toBe(0);
    const scores = String.raw`top-1 \d+\.\d%  top-5 \d+\.\d%  loss \d\.\d{4}`;
    expect(result.out).toMatch(
      new RegExp(`^finished: 2 epochs, 8 steps\nbest    epoch [12]   ${scores}\nlast    epoch 2   ${scores}\nnot calibrated: .*\nrun     `),
    );
    expect(result.out.split("\n").slice(-4)).toEqual([
      `run     ${run}`,
      `report  ${path.join(run, "report.html")}`,
      `next    inception classify photo.jpg --model ${run}`,
      "",
    ]);
    expect(lastCheckpoint(run).equals(before)).toBe(true);
  });

  test("the recipe of GoogLeNet's family for paper is GoogLeNet's paper", async () => {
    const googlenet = path.join(folder, "googlenet");
    const result = await inception(
      ...["train", "shapes10?train=10&val=0", "--model", "googlenet", ...options("inputSize=32", "widthMultiplier=0.0625")],
      ...["--recipe", "paper", "--epochs", "1", "--batch-size", "8", "--out", googlenet],
    );
    expect(result).toMatchObject({ code: 0 });
    const { settings } = JSON.parse(readFileSync(path.join(googlenet, "config.json"), "utf8")) as { settings: unknown };
    expect(settings).toMatchObject({ recipe: "googlenet_paper", auxWeight: 0.3, optimizer: { name: "sgd", momentum: 0.9 } });
    expect(result.out).toContain("(no validation set)");
  });
});

describe("a run that is stopped and resumed ends with the bytes of one that was not", () => {
  test("SIGKILL at a random step", async () => {
    const killed = path.join(folder, "killed");
    const step = 1 + Math.floor(Math.random() * (STEPS - 1));
    const child = begin(...TRAIN, "--out", killed);
    const end = ended(child);
    await until(() => loggedSteps(killed) >= step || child.exitCode !== null);
    child.kill("SIGKILL");
    await end;
    expect(loggedSteps(killed), `killed at step ${step}`).toBeLessThan(STEPS);
    expect(json(await inception("train", "--resume", killed, "--threads", "1", "--json")), `killed at step ${step}`).toMatchObject({
      epochs: 2,
      steps: STEPS,
      final: trained.final,
      best: trained.best,
    });
    expect(lastCheckpoint(killed).equals(lastCheckpoint(run)), `killed at step ${step}`).toBe(true);
    expect(readFileSync(path.join(killed, "best.safetensors")).equals(readFileSync(path.join(run, "best.safetensors")))).toBe(true);
    expect(loggedSteps(killed)).toBe(STEPS);
    expect(withoutTimes(reportOf(killed)), `killed at step ${step}`).toBe(withoutTimes(reportOf(run)));
    expect(reportTimes(killed)).toEqual(["time per step", "training time"]);
  });

  test("Ctrl-C: saves, says how to go on, and ends with 130; another number of workers changes nothing", async () => {
    const stopped = path.join(folder, "stopped");
    const child = begin(...TRAIN, "--out", stopped);
    const end = ended(child);
    await until(() => loggedSteps(stopped) >= 2 || child.exitCode !== null);
    child.kill("SIGINT");
    const result = await end;
    expect(result.code).toBe(130);
    expect(result.err).toContain("saving a checkpoint after this step; press Ctrl-C again to quit immediately\n");
    const [, step] = result.err.match(/\ninterrupted after step (\d); resume with: inception train --resume \S+stopped\n$/) ?? [];
    const { position } = await readCheckpointMeta(bytesSource("last.safetensors", lastCheckpoint(stopped)));
    expect(position.step).toBe(Number(step));
    expect(position.step).toBeLessThan(STEPS);
    const resumed = await inception("train", "--resume", stopped, "--threads", "1", "--workers", "2");
    expect(resumed.err).toContain(`resuming after step ${position.step} (epoch ${position.epoch + 1}, batch ${position.batch} of 4)\n`);
    expect(lastCheckpoint(stopped).equals(lastCheckpoint(run))).toBe(true);
  });
});

describe("eval", () => {
  test("measures what training measured", async () => {
    const best = trained.best as { top1: number; top5: number; loss: number };
    const { images, top1, top5, loss } = json(await inception("eval", run, "--json"));
    expect({ images, top1, top5 }).toEqual({ images: 32, top1: best.top1, top5: best.top5 });
    expect(loss).toBeCloseTo(best.loss, 4);
  });

  test("shows classes and confusions, whose counts are the images", async () => {
    const { out } = await inception("eval", run, "--split", "train");
    const [head, ...rest] = out.split("\n");
    expect(head).toBe("shapes10: 64 images");
    expect(rest[0]).toMatch(/^top-1 \d+\.\d% {2}top-5 \d+\.\d% {2}loss \d\.\d{4}$/);
    expect(rest).toContainEqual(expect.stringMatching(/^true \\ predicted /));
    const classes = rest.slice(4, 14).map((line) => line.split(/ {2,}/));
    expect(classes.map(([name]) => name).slice(0, 3)).toEqual(["checkerboard", "cross", "diagonal_stripes"]);
    // 64 = 6 · 10 + 4.
    expect(classes.map(([, images]) => images)).toEqual(["7", "7", "7", "7", "6", "6", "6", "6", "6", "6"]);
    const counts = rest.slice(17, 27).flatMap((line) =>
      line
        .split(/ +/)
        .slice(2)
        .map((count) => (count === "·" ? 0 : Number(count))),
    );
    expect(counts).toHaveLength(100);
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(64);
  });

  test("averages crops", async () => {
    const twelve = json(await inception("eval", run, "shapes10?train=10&val=20&seed=5", "--crops", "12", "--checkpoint", "last", "--json"));
    expect(twelve).toEqual({
      images: 20,
      top1: expect.any(Number) as number,
      top5: expect.any(Number) as number,
      loss: expect.any(Number) as number,
      crops: 12,
    });
  });

  test("goes on where it was stopped", async () => {
    const record = path.join(folder, "record.jsonl");
    const measure = () => inception("eval", run, "--record", record, "--batch-size", "4", "--json");
    const whole = json(await measure());
    const lines = readFileSync(record, "utf8").split("\n");
    expect(lines.length).toBe(1 + 32 + 1);
    // As a program leaves it that is killed while it writes: eleven images, and half a line.
    writeFileSync(record, `${lines.slice(0, 12).join("\n")}\n${lines[12]?.slice(0, 20)}`);
    const again = json(await measure());
    expect({ ...again, loss: 0 }).toEqual({ ...whole, loss: 0 });
    expect(again.loss).toBeCloseTo(Number(whole.loss), 5);
    expect(readFileSync(record, "utf8").split("\n").length).toBe(34);
    const finished = await measure();
    expect(json(finished)).toEqual(again);
    expect(await refused("eval", run, "--record", record, "--crops", "10")).toEqual({
      code: 2,
      out: "",
      err: `inception: Cannot resume record "${record}": its crops is 1, expected 10\n`,
    });
    writeFileSync(record, `${lines[0]}\n{"index":0}\n`);
    expect(await refused("eval", run, "--record", record)).toEqual({
      code: 2,
      out: "",
      err: `inception: Cannot read record "${record}": line 2 is not an evaluated image\n`,
    });
  });

  test("counts ReaL labels by the number in an image's name", async () => {
    const digits = path.join(folder, "real-digits");
    const images = readdirSync(DIGITS).toSorted().slice(0, 3);
    for (const [index, name] of images.entries()) {
      mkdirSync(path.join(digits, "seven"), { recursive: true });
      cpSync(path.join(DIGITS, name), path.join(digits, "seven", `ILSVRC2012_val_0000000${index + 1}${path.extname(name)}`));
    }
    const model = path.join(ROOT, "examples/digits/digits.onnx");
    const answers = json(await inception("classify", path.join(digits, "seven"), "--model", model, "--json")) as unknown as {
      top: { index: number }[];
    }[];
    // The first image has its answer among the labels, the second another class, the third none.
    const [first = 0, second = 0] = answers.map(({ top }) => top[0]?.index ?? -1);
    const real = path.join(folder, "real.json");
    writeFileSync(real, JSON.stringify([[first, (first + 1) % 10], [(second + 1) % 10], []]));
    const measured = json(await inception("eval", model, digits, "--real-labels", real, "--json"));
    expect(measured.real).toEqual({ images: 2, top1: 0.5 });
    const { out } = await inception("eval", model, digits, "--real-labels", real);
    expect(out).toContain("\nReaL 50.0% (2 images with ReaL labels)\n");
    writeFileSync(real, "[[1000]]");
    expect(await refused("eval", model, digits, "--real-labels", real)).toEqual({
      code: 2,
      out: "",
      err: `inception: Cannot read ReaL labels "${real}": expected a list of lists of class indices from 0 to 999\n`,
    });
  });

  test("what it cannot measure is one line", async () => {
    expect(await refused("eval", run, "--crops", "11")).toEqual({
      code: 2,
      out: "",
      err: "inception: invalid --crops 11: expected 1, 10, 12, 144\n",
    });
    expect(await refused("eval", run, "--checkpoint", "7")).toEqual({
      code: 2,
      out: "",
      err: `inception: Cannot use checkpoint epoch 7 of run "${run}": it does not exist, the run has best, last, epoch ${bestEpoch()}\n`,
    });
    expect(await refused("eval", path.join(folder, "nowhere"), DATA)).toMatchObject({
      code: 2,
      err: expect.stringContaining(`inception: Cannot find model "${path.join(folder, "nowhere")}": expected one of `) as string,
    });
    expect(await refused("eval", run, "--weights", "x.pt")).toEqual({
      code: 2,
      out: "",
      err: `inception: Cannot use weights with run "${run}": a run has its own\n`,
    });
  });

  test("classes that the model does not know are named", async () => {
    const data = path.join(folder, "foreign");
    for (const name of ["disc", "sphere"]) {
      mkdirSync(path.join(data, name), { recursive: true });
      copyFileSync(path.join(DIGITS, "0-a.png"), path.join(data, name, "0.png"));
    }
    const file = path.join("sphere", "0.png");
    expect(await refused("eval", run, data)).toEqual({
      code: 2,
      out: "",
      err: `inception: Cannot open the dataset "${data}": unknown class "sphere" ("${file}"); expected one of the 10 class names given or an index below 10\n`,
    });
  });
});

function bestEpoch(): number {
  const [file = ""] = readdirSync(path.join(run, "checkpoints")).filter((name) => name.startsWith("epoch-"));
  return Number(file.match(/\d+/)?.[0]);
}

describe("export, classify and embed", () => {
  test("an exported run computes what the run computes", async () => {
    const onnx = path.join(folder, "run.onnx");
    expect(json(await inception("export", run, "--out", onnx, "--json"))).toMatchObject({
      file: onnx,
      model: "inception_resnet_v1.public",
      names: "inceptionkit",
      ignored: [],
    });
    expect(json(await inception("inspect", onnx, "--json"))).toMatchObject({
      artefact: {
        options: { numClasses: 10 },
        labels: expect.arrayContaining(["disc", "ring"]) as string[],
        source: `trained with inceptionkit on ${DATA}, ${bestEpoch()} epochs`,
      },
    });
    const image = path.join(DIGITS, "3-a.png");
    const [of, exported] = await Promise.all([run, onnx].map((model) => inception("classify", image, "--model", model, "--json")));
    expect(of?.code).toBe(0);
    expect(exported?.out).toBe(of?.out);
    const [embedded] = JSON.parse((await inception("embed", image, "--model", run, "--json")).out) as { embedding: number[] }[];
    expect(embedded?.embedding).toHaveLength(512);
  });

  test("exported weights are those of the run", async () => {
    const file = path.join(folder, "run.safetensors");
    const exported = await inception("export", run, "--out", file, "--checkpoint", "best");
    const size = `${(readFileSync(file).length / 1e3).toFixed(1)} kB`;
    expect(exported.out).toMatch(new RegExp(`^wrote ${file} \\(${size}\\): \\d+ tensors with inceptionkit naming, \\d+ ignored\n$`));
    const measured = await Promise.all([
      inception("eval", run, DATA, "--json"),
      inception("eval", "inception_resnet_v1", DATA, "--weights", file, "--json"),
    ]);
    expect(measured[0]).toMatchObject({ code: 0 });
    expect(measured[1].out).toBe(measured[0].out);
  });

  test("what cannot be written is one line, and nothing is written", async () => {
    const errors = [
      [
        ["export", run, "--out", "x.pt"],
        "invalid --out x.pt: expected a name that ends in .onnx or .safetensors, or a directory and --format timm",
      ],
      [["export", run, "--format", "onnx", "--out", "x.safetensors"], "invalid --out x.safetensors: expected a name that ends in .onnx"],
      [
        ["export", "googlenet", "--out", "x.onnx"],
        "missing --weights: pass pretrained, hf:OWNER/NAME or a file, or export a run directory; see inception export --help",
      ],
      [
        ["export", run, "--out", "x.onnx", "--batch-size", "4"],
        "unexpected --batch-size: supported only with --training-step; see inception export --help",
      ],
      [
        ["export", run, "--format", "timm", "--out", path.join(folder, "timm")],
        'Cannot export "inception_resnet_v1.public" for timm: timm does not have this network, expected one of inception_resnet_v2.public',
      ],
    ] as const;
    for (const [args, message] of errors) expect(await refused(...args)).toEqual({ code: 2, out: "", err: `inception: ${message}\n` });
    expect(existsSync(path.join(folder, "timm"))).toBe(false);
  });
});

describe("checkpoints of strangers", () => {
  test("one that was cut off, and one that is none, are refused by name", async () => {
    const damaged = path.join(folder, "damaged");
    cpSync(run, damaged, { recursive: true });
    const file = path.join(damaged, "checkpoints/last.safetensors");
    const size = lastCheckpoint(damaged).byteLength;
    // Behind the header, whose length stands in the first eight bytes, are the values, the count of steps last.
    const values = size - 8 - Number(lastCheckpoint(damaged).readBigUInt64LE(0));
    truncateSync(file, size - 100);
    expect(await inception("train", "--resume", damaged)).toEqual({
      code: 2,
      out: "",
      err: `inception: Cannot read tensor "repeat_3.0.conv2d.weight:momentum" of "${file}": data_offsets end at ${values - 4}, file data has ${values - 100} bytes\n`,
    });
    copyFileSync(path.join(ROOT, "examples/digits/googlenet-digits.safetensors"), file);
    expect(await inception("train", "--resume", damaged)).toEqual({
      code: 2,
      out: "",
      err: `inception: Cannot use checkpoint "${file}": its metadata has format "pt", expected "inceptionkit-checkpoint"; it contains weights or was written by another program\n`,
    });
    expect(await inception("classify", path.join(DIGITS, "3-a.png"), "--model", damaged, "--checkpoint", "last")).toMatchObject({
      code: 2,
    });
  });
});

describe("images of a folder", () => {
  test("damaged ones are named and counted; other classes than the run's are refused", async () => {
    const data = path.join(folder, "digits");
    for (const file of readdirSync(DIGITS)) {
      const place = path.join(data, Number(file[0]) < 5 ? "low" : "high");
      mkdirSync(place, { recursive: true });
      copyFileSync(path.join(DIGITS, file), path.join(place, file));
    }
    writeFileSync(path.join(data, "low", "bad.png"), "this is text");
    copyFileSync(path.join(DIGITS, "9-a.png"), path.join(data, "low", "9.png"));
    const out = path.join(folder, "digits-run");
    const result = await inception("train", data, ...NETWORK, "--epochs", "1", "--batch-size", "4", "--val-fraction", "0", "--out", out);
    expect(result).toMatchObject({ code: 1 });
    expect(result.err).toMatch(/^skipped: Cannot decode image ".*bad\.png": .*$/m);
    expect(result.err).toMatch(/^warning: 1 image with two labels: high\/9-a\.png = low\/9\.png$/m);
    expect(readFileSync(path.join(out, "report.html"), "utf8")).toContain("images with two labels");
    expect(result.err).toMatch(/\nwarning: skipped 1 unreadable image\n$/);
    mkdirSync(path.join(data, "none"));
    copyFileSync(path.join(DIGITS, "0-a.png"), path.join(data, "none", "0.png"));
    expect(await inception("train", "--resume", out)).toEqual({
      code: 2,
      out: "",
      err: `inception: Cannot resume "${out}": the data now has the classes high, low, none, expected those of the run, high, low\n`,
    });
  });
});

describe("a training step as a file", () => {
  test("trains with nothing but onnxruntime-node", async () => {
    const file = path.join(folder, "step.onnx");
    const network = [...options("numClasses=3", "inputSize=75", "widthMultiplier=0.0625", "repeats=1,1,1", "dropRate=0.2")];
    const settings = ["--batch-size", "12", "--optimizer", "adam", "--label-smoothing", "0"];
    const result = json(await inception("export", "inception_resnet_v1", ...network, "--training-step", file, ...settings, "--json"));
    expect(result).toMatchObject({
      file,
      stateFile: path.join(folder, "step.safetensors"),
      feeds: [
        { name: "input", dtype: "float32", shape: [12, 3, 75, 75] },
        { name: "dropout:dropout", dtype: "float32", shape: [12, 112] },
        { name: "labels", dtype: "int32", shape: [12] },
        { name: "learningRate", dtype: "float32", shape: [] },
      ],
    });
    const inspection = json(await inception("inspect", file, "--json")) as { onnx: { opsets: unknown }; metadata: { readme: string } };
    expect(inspection.onnx.opsets).toEqual([{ domain: "", version: expect.any(Number) as number }]);
    expect(inspection.metadata.readme).toContain('Feed the output "<name>:next" of a run as the input "<name>" of the next.');
    const script = path.join(ROOT, "examples/training-step/train.mjs");
    const imports = [...readFileSync(script, "utf8").matchAll(/^import .* from "(.*)";$/gm)].map(([, name]) => name);
    expect(imports).toEqual(["node:fs", "onnxruntime-node"]);
    const { stdout: lines } = await promisify(execFile)(process.execPath, [script, file, "30", "0.003"]);
    const losses = [...lines.matchAll(/^step \d+ {2}loss (\S+)$/gm)].map(([, loss]) => Number(loss));
    expect(losses).toHaveLength(30);
    const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
    // Chance is ln 3 = 1.10.
    expect(mean(losses.slice(0, 3))).toBeGreaterThan(0.8);
    expect(mean(losses.slice(-10))).toBeLessThan(0.6);
  });

  test("needs classes and a name", async () => {
    expect(await refused("export", "inception_resnet_v1", "--training-step", "step.onnx")).toEqual({
      code: 2,
      out: "",
      err: 'inception: Cannot export a training step of "inception_resnet_v1.public": it has no classifier; pass --option numClasses=N\n',
    });
    expect(await refused("export", "googlenet", "--training-step", "step.bin")).toEqual({
      code: 2,
      out: "",
      err: "inception: Cannot write a training step to step.bin: expected a name that ends in .onnx\n",
    });
  });
});

describe("real weights", () => {
  const weights = sharedPath("data/googlenet_bvlc/bvlc_googlenet.safetensors");
  const samples = sharedPath("data/imagenet_samples/images");
  test.skipIf(!weights || !samples)(
    titleNeeding(
      "BVLC GoogLeNet on photographs that are labeled by WordNet id",
      weights && samples,
      "data/googlenet_bvlc and imagenet_samples",
    ),
    async () => {
      const list = path.join(folder, "samples.csv");
      const files = readdirSync(samples!)
        .filter((name) => /^n\d{8}/.test(name))
        .slice(0, 40);
      const lines = files.map((name) => `${path.join(samples!, name)},${name.slice(0, 9)}`);
      writeFileSync(list, ["path,label", ...lines].join("\n"));
      const model = ["googlenet.paper", list, "--weights", weights!, "--json"];
      const center = json(await inception("eval", ...model));
      expect(center).toMatchObject({ images: 40 });
      // BVLC states 68.7 % and 88.9 % on ImageNet's validation photographs; less three standard deviations of forty draws.
      expect(center.top1).toBeGreaterThan(0.47);
      expect(center.top5).toBeGreaterThan(0.74);
    },
  );
});

describe("usage", () => {
  test("what is missing or wrong is one line and exit code 2", async () => {
    const full = path.join(folder, "full");
    mkdirSync(full, { recursive: true });
    writeFileSync(path.join(full, "notes.txt"), "mine");
    const model = ["--model", "inception_resnet_v1", ...options("inputSize=75", "widthMultiplier=0.0625")];
    const errors = [
      [
        ["train"],
        "missing data: pass an image folder, a list (.csv, .jsonl), tar shards or shapes10, as in inception train photos --model googlenet --out run; see inception train --help",
      ],
      [["train", DATA], "missing --model: pass a model id or a custom network; see inception train --help"],
      [
        ["train", DATA, ...model, "--out", full, "--recipe", "best"],
        'Cannot set option recipe of a run to "best": expected "scratch" or "finetune" or "finetune_adamw" or "head" or "paper" or "slim" or "googlenet_paper"',
      ],
      [
        ["train", DATA, ...model, "--out", full, "--learning-rate", "fast"],
        'Cannot set option learningRate of a run to "fast": expected a number from 0 to 1,000',
      ],
      [
        ["train", DATA, ...model, "--out", full],
        `Cannot train into "${full}": the directory is not empty (notes.txt); choose another --out`,
      ],
      [
        ["train", DATA, ...model, "--out", run],
        `Cannot train into "${run}": it already contains a run; resume it with --resume, or choose another --out`,
      ],
      [
        ["train", "nowhere", ...model, "--out", path.join(folder, "new")],
        'Cannot open the dataset "nowhere": no such file or directory, expected a directory, a .csv, .tsv or .jsonl list, a .tar shard or "shapes10"',
      ],
      [
        ["train", DATA, "--resume", run, "--seed", "3"],
        "unexpected DATA, --seed: a resumed run keeps its settings; --resume can be combined only with --epochs, --device, --threads, --workers and --json; see inception train --help",
      ],
      [
        ["train", "--resume", full],
        `Cannot open run "${full}": it has no config.json, no labels.json, no preprocessing.json; a run directory contains config.json, labels.json, preprocessing.json, metrics.jsonl and checkpoints/`,
      ],
    ] as const;
    for (const [args, message] of errors) expect(await refused(...args)).toEqual({ code: 2, out: "", err: `inception: ${message}\n` });
  });

  test("every setting is a flag, with the choices that there are", async () => {
    const { out } = await refused("train", "--help");
    for (const flag of [
      "--learning-rate <rate>",
      "--freeze-batch-norm ",
      "--checkpoint-activations ",
      "--optimizer <spec>",
      "--weights <source>",
    ]) {
      expect(out).toContain(flag);
    }
    expect(out.replace(/\s+/g, " ")).toContain(
      "training recipe; other settings override it: scratch, finetune, finetune_adamw, head, paper, slim, googlenet_paper (default: finetune with --weights, else scratch)",
    );
    expect(out).toMatch(/Examples:\n {2}Fine-tune [^\n]*\n {2}\$ inception train /);
    expect([...out.matchAll(/^([A-Z]\w+):$/gm)].map(([, heading]) => heading)).toEqual([
      "Arguments",
      "Data",
      "Model",
      "Optimization",
      "Augmentation",
      "Runtime",
      "Output",
      "Examples",
    ]);
    for (const text of ["number of training epochs (default: from --recipe)", "random seed (default: 1)", "(default: off)"]) {
      expect(out.replace(/\s+/g, " ")).toContain(text);
    }
    const seg = (await refused("train-seg", "--help")).out.replace(/\s+/g, " ");
    expect(seg).toContain(
      "optimizer and options, e.g. sgd:momentum=0.9,weightDecay=1e-4; adadelta, adagrad, adam, adamw, rmsprop, rmsprop_tf, sgd",
    );
    for (const text of ["(default: adamw:weightDecay=0.01)", "patches per batch (default: planned from the data)"])
      expect(seg).toContain(text);
  });
});

describe("npm start", () => {
  test("trains, measures, exports, names pictures and says where everything is", async () => {
    const place = path.join(folder, "start");
    const { code, out } = await ended(
      spawn(process.execPath, [path.join(ROOT, "examples/shapes10/start.js"), place, "64"], {
        cwd: ROOT,
        stdio: ["ignore", "pipe", "pipe"],
      }),
    );
    expect(code).toBe(0);
    expect(out).toMatch(/^Top-1 on 16 validation images: \d+\.\d% \(loss \d+\.\d{3}\)\.$/m);
    expect(out.match(/^ {2}\w+ +classified as \w+ +\d+\.\d%/gm)).toHaveLength(10);
    for (const [name, file] of [
      ["exported model", "shapes10.onnx"],
      ["report", "run/report.html"],
      ["run", "run"],
    ] as const) {
      expect(out).toMatch(new RegExp(`^${name} +${path.join(place, file).replaceAll("\\", "\\\\")}`, "m"));
      expect(existsSync(path.join(place, file))).toBe(true);
    }
  });
});
