/** Training ends with a temperature: in memory, in a run directory, and in what is exported of either. */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as api from "../src/index.js";
import { elements } from "./html-elements.js";
import { inception, ROOT } from "./program.js";

const DIGITS = path.join(ROOT, "examples/digits");
const NAMES = Array.from({ length: 20 }, (_, index) => `${Math.floor(index / 2)}-${index % 2 === 0 ? "a" : "b"}`);
const IMAGES = NAMES.map((name) => path.join(DIGITS, "images", `${name}.png`));
const CLASSES = { classNames: ["even", "odd"] };

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "inception-train-calibration-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Each image so many times, with these labels. */
function labeled(times: number, labelOf: (place: number) => number): api.LabeledImages {
  const places = Array.from({ length: times * IMAGES.length }, (_, place) => place);
  return api.labeledImages(
    places.map((place) => ({ image: IMAGES[place % IMAGES.length] ?? "", label: labelOf(place) })),
    CLASSES,
  );
}

const parity = (place: number): number => Math.floor((place % IMAGES.length) / 2) % 2;
/** Every fourth label is wrong, so that a network that is sure is too sure. */
const doubtful = (place: number): number => (parity(place) + (place % 4 === 0 ? 1 : 0)) % 2;

function fineTune(valData: api.LabeledImages, calibration: "temperature" | "none"): Promise<api.TrainedModel> {
  const data = labeled(1, parity);
  const settings = { device: "cpu", threads: 1, seed: 2, recipe: "head", epochs: 30, batchSize: 8, metric: "trainLoss" } as const;
  return api.fineTune(path.join(DIGITS, "digits.onnx"), data, { ...settings, valData, calibration });
}

/** Softmax of the logarithms of probabilities, which are logits but for a constant. */
function tempered(row: readonly number[], temperature: number): readonly number[] {
  const powers = row.map((probability) => probability ** (1 / temperature));
  const total = powers.reduce((sum, value) => sum + value, 0);
  return powers.map((value) => value / total);
}

async function probabilities(model: api.Classifier): Promise<readonly (readonly number[])[]> {
  const found = await model.classify(IMAGES, { top: 2 });
  return found.map((top) => top.toSorted((a, b) => a.index - b.index).map(({ probability }) => probability));
}

describe("in memory", () => {
  test("the temperature minimizes the loss of the validation images, and the model and its export have it", async () => {
    const [plain, calibrated] = [await fineTune(labeled(3, doubtful), "none"), await fineTune(labeled(3, doubtful), "temperature")];
    expect(calibrated.history).toEqual(plain.history);
    expect([plain.calibration, plain.notCalibrated]).toEqual([null, "`calibration` is none"]);
    expect(calibrated.notCalibrated).toBeNull();
    expect(calibrated.calibration).toMatchObject({ images: 60, data: "labeled images" });
    const rows = await probabilities(plain.model);
    const lossAt = (temperature: number): number => {
      const losses = Array.from(
        { length: 60 },
        (_, place) => -Math.log(tempered(rows[place % 20] ?? [], temperature)[doubtful(place)] ?? 0),
      );
      return losses.reduce((sum, value) => sum + value, 0) / losses.length;
    };
    const temperature = calibrated.calibration?.temperature ?? Number.NaN;
    expect(calibrated.calibration?.before.nll).toBeCloseTo(lossAt(1), 4);
    // The minimum, by the values on both sides.
    expect(lossAt(temperature)).toBeLessThan(lossAt(1));
    for (const factor of [0.97, 1.03]) expect(lossAt(temperature)).toBeLessThan(lossAt(temperature * factor));
    const reopened = await api.openClassifier(await api.toOnnx(calibrated.model), { device: "cpu" });
    for (const model of [calibrated.model, reopened]) {
      for (const [index, row] of (await probabilities(model)).entries()) {
        const expected = tempered(rows[index] ?? [], temperature);
        for (const [k, value] of row.entries()) expect(value).toBeCloseTo(expected[k] ?? 0, 4);
      }
    }
    await Promise.all([plain, calibrated].map(({ model }) => model.close()));
    await reopened.close();
  });

  test("too few images and images that are all right determine none, which is said", async () => {
    const few = await fineTune(labeled(2, doubtful), "temperature");
    expect([few.calibration, few.notCalibrated]).toEqual([null, "there are 40 validation images, expected at least 50"]);
    const answers = (await few.model.classify(IMAGES)).map(([top]) => top?.index ?? 0);
    await few.model.close();
    const right = await fineTune(
      labeled(3, (place) => answers[place % 20] ?? 0),
      "temperature",
    );
    await right.model.close();
    expect(right.notCalibrated).toBe("all 60 validation images are classified correctly, which determines no temperature");
  });
});

describe("in a directory", () => {
  const shape = { inputSize: 64, widthMultiplier: 0.25 } as const;
  const weights = path.join(DIGITS, "googlenet-digits.safetensors");
  const photo = IMAGES[6] ?? "";

  test("the run keeps the temperature, every face applies it, and runs without one are read as before", async () => {
    const out = path.join(folder, "run");
    const settings = { device: "cpu", threads: 1, seed: 2, recipe: "head", epochs: 30, batchSize: 8, metric: "trainLoss" } as const;
    const { model, calibration, epoch, report } = await api.train(api.describe("googlenet.public", shape), labeled(1, parity), {
      ...settings,
      weights,
      valData: labeled(3, doubtful),
      out,
    });
    const own = await model.classify(photo, { top: 2 });
    await model.close();
    const file = path.join(out, "calibration.json");
    expect(JSON.parse(readFileSync(file, "utf8"))).toEqual({ epoch, calibration });
    const page = readFileSync(report ?? "", "utf8");
    expect(elements(page).filter((name) => name === "svg")).toHaveLength(5);
    expect(page).toContain(`60 images, temperature ${calibration?.temperature.toFixed(3)}`);

    const classify = async (source: string): Promise<api.Predictions> => {
      await using classifier = await api.openClassifier(source, { device: "cpu" });
      return await classifier.classify(photo, { top: 2 });
    };
    expect(await classify(out)).toEqual(own);
    const exported = path.join(folder, "run.onnx");
    expect(await inception("export", out, "--out", exported)).toMatchObject({ code: 0 });
    for (const [k, { index, probability }] of (await classify(exported)).entries()) {
      expect(index).toBe(own[k]?.index);
      expect(probability).toBeCloseTo(own[k]?.probability ?? 0, 5);
    }
    // A temperature of another epoch is that of other parameters.
    writeFileSync(file, JSON.stringify({ epoch: epoch + 1, calibration }));
    const plain = await classify(out);
    expect(plain[0]?.probability).not.toBeCloseTo(own[0]?.probability ?? 0, 3);
    rmSync(file);
    expect(await classify(out)).toEqual(plain);
    writeFileSync(file, JSON.stringify({ epoch, calibration: { temperature: "hot" } }));
    await expect(classify(out)).rejects.toMatchObject({
      code: "RUN_INVALID",
      message: `Cannot open run "${out}": calibration.json is not an epoch with a calibration`,
    });
  });

  test("`inception train` says what it fitted, and with --calibration none that it did not", async () => {
    const list = path.join(folder, "list.csv");
    const validation = Array.from({ length: 60 }, (_, place) => `${IMAGES[place % 20]},${doubtful(place)},val`);
    writeFileSync(
      list,
      ["path,label,split", ...IMAGES.map((image, place) => `${image},${parity(place)},train`), ...validation, ""].join("\n"),
    );
    const options = ["--option", "inputSize=64", "--option", "widthMultiplier=0.25", "--weights", weights, "--recipe", "head"];
    const line = ["train", list, "--model", "googlenet.public", ...options, "--epochs", "9", "--metric", "trainLoss", "--batch-size", "8"];
    const fitted = await inception(...line, "--out", path.join(folder, "fitted"));
    expect(fitted.out).toMatch(/^calibrated: temperature \d+\.\d{3}, ECE 0\.\d{3} → 0\.\d{3} \(cross-fitted on 60 images\)$/m);
    const off = await inception(...line, "--out", path.join(folder, "off"), "--calibration", "none", "--json");
    expect(JSON.parse(off.out)).toMatchObject({ calibration: null, notCalibrated: "`calibration` is none" });
    const again = await inception("train", "--resume", path.join(folder, "off"));
    expect(again.out).toContain("not calibrated: --calibration is none\n");
  });
});
