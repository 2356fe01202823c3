/** Calibrating a model from images to a file, with the bundled digits and some labels that are wrong. */
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { calibrate, labeledImages, openClassifier } from "../src/index.js";
import { inception } from "./program.js";

const MODEL = "examples/digits/digits.onnx";
const IMAGES = "examples/digits/images";
const files = readdirSync(IMAGES).sort();
/** Every fourth label is that of the next digit, so that the network is right about three of four times and too sure. */
const labels = files.map((file, index) => (Number(file[0]) + (index % 4 === 0 ? 1 : 0)) % 10);
const images = files.map((file) => path.join(IMAGES, file));

let folder: string;
/** Logarithms of the probabilities of each image before calibration: logits but for a constant, which changes no probability. */
let logits: readonly (readonly number[])[];

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), "calibrate-"));
  const classifier = await openClassifier(MODEL);
  const all = await classifier.classify(images, { top: 10 });
  await classifier.close();
  logits = all.map((top) => top.toSorted((a, b) => a.index - b.index).map(({ probability }) => Math.log(probability)));
});
afterAll(() => rmSync(folder, { recursive: true }));

function probabilities(row: readonly number[], temperature: number): readonly number[] {
  const powers = row.map((value) => Math.exp(value / temperature));
  const total = powers.reduce((sum, value) => sum + value, 0);
  return powers.map((value) => value / total);
}

function meanLoss(temperature: number): number {
  const losses = logits.map((row, index) => -Math.log(probabilities(row, temperature)[labels[index] ?? -1] ?? 0));
  return losses.reduce((sum, value) => sum + value, 0) / losses.length;
}

/** By golden-section search, which uses values only. */
function bestTemperature(): number {
  const ratio = (Math.sqrt(5) - 1) / 2;
  let [low, high] = [0.5, 20];
  while (high - low > 1e-7) {
    const [a, b] = [high - ratio * (high - low), low + ratio * (high - low)];
    if (meanLoss(a) < meanLoss(b)) high = b;
    else low = a;
  }
  return (low + high) / 2;
}

describe("calibrate", () => {
  it("writes a file whose probabilities are the calibrated ones, and which rejects what is below the threshold", async () => {
    const data = labeledImages(images.map((image, index) => ({ image, label: labels[index] ?? 0 })));
    const { onnx, report } = await calibrate(MODEL, data, { unknown: "max-softmax", falseRejection: 0.2 });
    expect(report).toMatchObject({ images: files.length, data: "labeled images", skipped: [] });
    expect(report.accuracy).toBeCloseTo(0.75, 12);
    const temperature = bestTemperature();
    expect(report.temperature).toBeCloseTo(temperature, 3);
    expect(report.before.nll).toBeCloseTo(meanLoss(1), 4);
    expect(report.after.nll).toBeLessThan(report.before.nll);
    expect(report.after.nll).toBeGreaterThan(meanLoss(temperature));
    // The threshold is the 4th smallest of 20 scores: floor(0.2 * 21).
    const scores = logits.map((row) => Math.max(...probabilities(row, 1))).toSorted((a, b) => a - b);
    expect(report.unknown?.threshold).toBeCloseTo(scores[3] ?? 0, 5);

    const classifier = await openClassifier(onnx);
    const found = await classifier.classify(images, { top: 10 });
    await classifier.close();
    for (const [index, top] of found.entries()) {
      const expected = probabilities(logits[index] ?? [], temperature);
      for (const { index: k, probability } of top) expect(probability).toBeCloseTo(expected[k] ?? 0, 4);
    }
    expect(found.filter(({ unknown }) => unknown?.isUnknown === true)).toHaveLength(3);
    // Probabilities of a file that was calibrated are those of its logits again.
    expect((await calibrate(onnx, data)).report.temperature).toBeCloseTo(report.temperature, 10);
  });

  it("refuses a threshold without a score, and another score", async () => {
    const data = labeledImages(images.map((image, index) => ({ image, label: labels[index] ?? 0 })));
    await expect(calibrate(MODEL, data, { falseRejection: 0.1 })).rejects.toThrowError(
      "Cannot calibrate with falseRejection alone: pass `unknown` with the score to use",
    );
    // @ts-expect-error a score that does not exist
    await expect(calibrate(MODEL, data, { unknown: "odin" })).rejects.toThrowError(
      "Cannot calibrate with unknown odin: expected max-softmax, max-logit, energy",
    );
    const right = labeledImages(files.map((file) => ({ image: path.join(IMAGES, file), label: Number(file[0]) })));
    await expect(calibrate(MODEL, right)).rejects.toMatchObject({ code: "DATASET_INVALID" });
  });
});

describe("inception calibrate and classify", () => {
  it("prints measures, and unknown images as text, JSON and CSV", async () => {
    const NAMES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];
    for (const [index, file] of files.entries()) {
      const place = path.join(folder, "data", NAMES[labels[index] ?? 0] ?? "");
      mkdirSync(place, { recursive: true });
      copyFileSync(path.join(IMAGES, file), path.join(place, file));
    }
    const out = path.join(folder, "digits.onnx");
    const line = ["calibrate", MODEL, path.join(folder, "data"), "--out", out];
    const made = await inception(...line, "--unknown", "energy", "--false-rejection", "0.1");
    expect(made).toMatchObject({ code: 0, err: "" });
    expect(made.out).toMatch(/20 images, accuracy 75\.0%, temperature \d\.\d{3}\n/);
    expect(made.out).toMatch(/^NLL +\d\.\d{4} +\d\.\d{4} to \d\.\d{4} +\d\.\d{4} +\d\.\d{4} to \d\.\d{4}$/m);
    expect(made.out).toMatch(/unknown below energy -?\d+(\.\d+)?, which rejects 10\.0% of known images\n/);

    const csv = path.join(folder, "top.csv");
    const classified = await inception("classify", IMAGES, "--model", out, "--top", "1", "--json", "--csv", csv);
    const rows = JSON.parse(classified.out) as readonly { readonly unknown: { readonly isUnknown: boolean; readonly method: string } }[];
    // The threshold is the 2nd smallest of 20 scores: floor(0.1 * 21).
    expect(rows.filter(({ unknown }) => unknown.isUnknown)).toHaveLength(1);
    expect(rows[0]?.unknown).toEqual({
      isUnknown: false,
      method: "energy",
      score: expect.any(Number) as number,
      threshold: expect.any(Number) as number,
    });
    const table = readFileSync(csv, "utf8").trim().split(/\r?\n/);
    expect(table[0]).toBe("file,rank,class,name,probability,error,unknown,unknown_score");
    expect(table.filter((row) => row.split(",")[6] === "1")).toHaveLength(1);
    const text = await inception("classify", IMAGES, "--model", out, "--top", "1");
    expect(text.out.match(/^ {2}unknown {2}energy -?[\d.]+ is below the threshold -?[\d.]+$/gm)).toHaveLength(1);
    expect(await inception(...line, "--false-rejection", "0.1")).toMatchObject({
      code: 2,
      err: "inception: unexpected --false-rejection: supported only with --unknown; see inception calibrate --help\n",
    });
  });
});
