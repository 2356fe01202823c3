import { describe, expect, test } from "vitest";
import { type Affine, createVolume, type Normalization, type Triple, type Volume } from "../data/index.js";
import { type CaseWarning, checkInput, checkLabelVolumes } from "./case-warnings.js";
import { type CaseStatistics, caseStatistics, trainingStatistics } from "./fingerprint.js";

const Z_SCORE: Normalization = { name: "z_score", region: "all" };
const CT: Normalization = { name: "ct_window", center: 40, width: 400 };
const LABEL_VALUES = [0, 1, 2];

function affine([x, y, z]: Triple): Affine {
  return [x, 0, 0, 0, 0, y, 0, 0, 0, 0, z, 0, 0, 0, 0, 1];
}

/** Values that rise evenly from 0 to `top`. */
function ramp(shape: Triple, spacing: Triple = [1, 1, 1], top = 1000, bottom = 0): Volume {
  const count = shape[0] * shape[1] * shape[2];
  const data = Float32Array.from({ length: count }, (_, i) => bottom + ((top - bottom) * i) / (count - 1));
  return createVolume(shape, data, affine(spacing));
}

/** `first` voxels of label 1 and twice as many of label 2. */
function facts(image: Volume, first: number): CaseStatistics {
  const labels = Uint8Array.from(image.data, (_, i) => (i < first ? 1 : i < 3 * first ? 2 : 0));
  return caseStatistics("a", [image], createVolume(image.shape, labels, image.affine));
}

const CASES = [facts(ramp([20, 24, 16]), 100), facts(ramp([22, 20, 18], [1, 1, 1], 7), 150), facts(ramp([18, 22, 20]), 120)];
const STATISTICS = trainingStatistics(CASES, { normalization: [Z_SCORE], labelValues: LABEL_VALUES });
const RECIPE = { spacing: null, normalization: [Z_SCORE] };

function check(image: Volume, recipe: Parameters<typeof checkInput>[2] = RECIPE): readonly CaseWarning[] {
  return checkInput(STATISTICS, [image], recipe);
}

function changed(image: Volume, change: (value: number, index: number) => number): Volume {
  return { ...image, data: Float32Array.from(image.data, change) };
}

describe("statistics of training cases", () => {
  test("are the range of each measurement over the cases", () => {
    expect(STATISTICS.cases).toBe(3);
    expect(STATISTICS.extent.map(({ min, median, max }) => [min, median, max])).toEqual([
      [18, 20, 22],
      [20, 22, 24],
      [16, 18, 20],
    ]);
    // numpy.percentile([100, 120, 150], [0.5, 99.5])
    expect(STATISTICS.labelVolumes).toEqual([
      { min: 100, low: 100.2, median: 120, high: 149.7, max: 150 },
      { min: 200, low: 200.4, median: 240, high: 299.4, max: 300 },
    ]);
    // Of an even distribution from 0 to 1: mean 1/2, standard deviation 1/√12.
    const levels = STATISTICS.intensities[0]?.levels.map(({ median }) => median) ?? [];
    for (const [index, level] of [0.05, 0.25, 0.5, 0.75, 0.95].entries()) {
      expect(levels[index]).toBeCloseTo((level - 0.5) * Math.sqrt(12), 3);
    }
  });

  test("have a label that a case lacks as 0, and millimeters of oblique voxels", () => {
    const image = ramp([4, 4, 4], [2, 1, 1]);
    const { labelVolumes } = trainingStatistics([facts(image, 4), facts(image, 0)], {
      normalization: [Z_SCORE],
      labelValues: LABEL_VALUES,
    });
    expect(labelVolumes.map(({ min, max }) => [min, max])).toEqual([
      [0, 8],
      [0, 16],
    ]);
  });
});

describe("checkInput", () => {
  test("accepts the training cases at any scale of their intensities, and cases somewhat larger", () => {
    const image = ramp([26, 26, 18]);
    expect(check(image)).toEqual([]);
    expect(check(changed(image, (value) => 5e5 + 3000 * value))).toEqual([]);
  });

  test("names the axis whose field of view is farthest outside, whatever the order of the volume's axes", () => {
    const expected = {
      code: "field-of-view",
      message: "field of view along z is 90 mm, expected 10.7 to 30 (training cases: 16 to 20)",
      measured: 90,
      trained: [16, 20],
    };
    expect(check(ramp([20, 36, 90]))).toMatchObject([expected]);
    // Axes lead up, to the left and to the front.
    const turned = { ...ramp([90, 20, 24]), affine: [0, -1, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 1] };
    expect(check(turned)).toMatchObject([expected]);
  });

  test("compares spacing as a scale without resampling, as a resolution with it", () => {
    expect(check(ramp([10, 11, 9], [2, 2, 2]))).toMatchObject([
      { code: "voxel-spacing", message: "voxel spacing along x is 2 mm, expected 0.8 to 1.25 (training cases: 1)", measured: 2 },
    ]);
    expect(check(ramp([10, 11, 9], [2, 2, 2]), { ...RECIPE, spacing: [1, 1, 1] })).toEqual([]);
    expect(check(ramp([20, 22, 5], [1, 1, 4]), { ...RECIPE, spacing: [1, 1, 1] }).map(({ code }) => code)).toEqual(["voxel-spacing"]);
  });

  test("notices air around the object, a constant volume and one without finite voxels", () => {
    const image = ramp([20, 22, 18]);
    const air = changed(image, (value, i) => (i % 20 < 10 ? 0 : value));
    expect(check(air).map(({ code }) => code)).toEqual(["constant-voxels", "intensity"]);
    for (const value of [7, 0.1, Number.NaN]) {
      const codes = check(changed(image, () => value)).map(({ code, measured }) => [code, measured]);
      expect(codes[0]).toEqual(["constant-voxels", 1]);
    }
    expect(check(changed(image, () => 7))[0]?.message).toBe(
      "fraction of voxels with the lowest intensity is 1, expected 0 to 0.25 (training cases: 0.000126 to 0.00013)",
    );
  });

  test("compares Hounsfield units as they are", () => {
    const scans = [ramp([20, 20, 20], [1, 1, 1], 1000, -1000), ramp([20, 20, 20], [1, 1, 1], 1200, -1024)];
    const recipe = { spacing: null, normalization: [CT] };
    const training = trainingStatistics(
      scans.map((image) => facts(image, 50)),
      { normalization: [CT], labelValues: LABEL_VALUES },
    );
    expect(checkInput(training, [ramp([20, 20, 20], [1, 1, 1], 1100, -1010)], recipe)).toEqual([]);
    const [warning, ...others] = checkInput(training, [ramp([20, 20, 20], [1, 1, 1], 255)], recipe);
    expect(others).toEqual([]);
    expect(warning).toMatchObject({ code: "intensity" });
    expect(warning?.message).toMatch(
      /^5th percentile of the intensities, in units of the intensity window, is 0\.432, expected -\d\.\d+ to -\d\.\d+ \(training cases: /,
    );
  });

  test("names the channel where there are several", () => {
    const image = ramp([20, 22, 18]);
    const two = { spacing: null, normalization: [Z_SCORE, Z_SCORE] };
    const labels = createVolume(image.shape, new Uint8Array(image.data.length), image.affine);
    const training = trainingStatistics([caseStatistics("a", [image, image], labels)], { ...two, labelValues: LABEL_VALUES });
    const [warning] = checkInput(training, [image, changed(image, () => 0)], two);
    expect(warning?.message).toBe(
      "fraction of voxels with the lowest intensity of channel 2 is 1, expected 0 to 0.25 (training cases: 0.000126)",
    );
  });
});

describe("checkLabelVolumes", () => {
  test("accepts from half the smallest to twice the largest", () => {
    const volumes = (first: number, second: number) => [
      { name: "front", mm3: first },
      { name: "back", mm3: second },
    ];
    expect(checkLabelVolumes(STATISTICS, volumes(50, 600))).toEqual([]);
    expect(checkLabelVolumes(STATISTICS, volumes(0, 551_732))).toEqual([
      {
        code: "label-volume",
        message: "volume of front is 0 mm³, expected 50 to 300 (training cases: 100 to 150)",
        measured: 0,
        accepted: [50, 300],
        trained: [100, 150],
      },
      {
        code: "label-volume",
        message: "volume of back is 552,000 mm³, expected 100 to 600 (training cases: 200 to 300)",
        measured: 551_732,
        accepted: [100, 600],
        trained: [200, 300],
      },
    ]);
  });
});
