import { describe, expect, test } from "vitest";
import { createVolume, type Triple } from "../data/index.js";
import { type CaseStatistics, caseStatistics, type Fingerprint, fingerprintOf } from "./fingerprint.js";
import { planTraining } from "./plan.js";

const AFFINE = (x: number, y: number, z: number) => [-x, 0, 0, 0, 0, 0, y, 0, 0, z, 0, 0, 0, 0, 0, 1];

/** 4 × 2 × 2 voxels whose second axis leads up and third to the front. */
function smallCase(id: string, values: readonly number[], labels: readonly number[], affine = AFFINE(1, 1, 1)): CaseStatistics {
  return caseStatistics(
    id,
    [createVolume([4, 2, 2], Float32Array.from(values), affine)],
    createVolume([4, 2, 2], Uint8Array.from(labels), affine),
  );
}

const RISING = Array.from({ length: 16 }, (_, i) => i);
const LABELS = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 3, 1, 0];

describe("a fingerprint", () => {
  test("counts what cases are like, turned to RAS", () => {
    const facts = smallCase("a", RISING, LABELS, AFFINE(1, 2, 3));
    expect(facts.shape).toEqual([4, 2, 2]);
    expect(facts.spacing).toEqual([1, 2, 3]);
    expect(facts.voxels).toEqual([
      [0, 13],
      [1, 1],
      [3, 2],
    ]);
    // 0 to 15: mean 7.5, variance (16² − 1) / 12.
    expect(facts.channels[0]).toMatchObject({ min: 0, max: 15, mean: 7.5 });
    expect(facts.channels[0]?.standardDeviation).toBeCloseTo(Math.sqrt(255 / 12), 12);
    // numpy.percentile([12, 13, 14], [0.5, 99.5])
    expect(facts.foreground?.[0]?.map((value) => Number(value.toFixed(6)))).toEqual([12.01, 13.99]);
    const all = fingerprintOf([facts, smallCase("b", RISING, new Array<number>(16).fill(0))]);
    expect(all).toMatchObject({
      cases: 2,
      spacing: { min: [1, 1, 1], median: [1, 1.5, 2], max: [1, 2, 3] },
      labels: [
        { value: 0, share: 29 / 32, cases: 2 },
        { value: 1, share: 1 / 32, cases: 1 },
        { value: 3, share: 2 / 32, cases: 1 },
      ],
    });
  });

  test("names what does not belong together", () => {
    const labels = createVolume([4, 2, 2], Uint8Array.from(LABELS));
    expect(() => caseStatistics("x", [createVolume([2, 2, 2], new Float32Array(8))], labels)).toThrow(
      'Cannot train on case "x": its image has 2 x 2 x 2 voxels, its labels have 4 x 2 x 2, expected the same',
    );
    expect(() => caseStatistics("x", [], createVolume([1, 1, 1], Float32Array.of(0.5)))).toThrow(
      'Cannot train on case "x": its labels contain the value 0.5, expected integers',
    );
    const one = smallCase("a", RISING, LABELS);
    expect(() => fingerprintOf([one, { ...one, id: "b", channels: [] }])).toThrow(
      'Cannot plan training: "a" has 1 channels and "b" 0, expected the same number',
    );
    expect(() => fingerprintOf([])).toThrow("Cannot plan training: none of the cases could be read");
  });
});

const CHOICES = { spacing: null, patchSize: null, batchSize: null, channels: [] };

function fingerprint(shape: Triple, spacing: readonly [min: Triple, median: Triple, max: Triple]): Fingerprint {
  const [min, median, max] = spacing;
  const labels = [
    { value: 0, share: 0.9, cases: 3 },
    { value: 4, share: 0.1, cases: 3 },
  ];
  const intensities = [{ min: -1000, max: 1500, mean: 0, standardDeviation: 300 }];
  return {
    cases: 3,
    shape: { min: shape, median: shape, max: shape },
    spacing: { min, median, max },
    intensities,
    foreground: [[-160, 240]],
    labels,
  };
}

describe("a plan", () => {
  test("of the hippocampus volumes is what is known to work for them", () => {
    // Medical Segmentation Decathlon, Task 04: 1 mm, median 35 × 51 × 36; nnU-Net's patch of it is 40 × 56 × 40.
    const plan = planTraining(
      fingerprint(
        [35, 51, 36],
        [
          [1, 1, 1],
          [1, 1, 1],
          [1, 1, 1],
        ],
      ),
      CHOICES,
    );
    expect(plan).toEqual({
      recipe: { spacing: null, normalization: [{ name: "z_score", region: "all" }], patchSize: [40, 56, 40], labelValues: [0, 4] },
      batchSize: 4,
      medianShape: [35, 51, 36],
    });
  });

  test("of large volumes of many spacings has the median spacing, and patches that fit", () => {
    const plan = planTraining(
      fingerprint(
        [512, 512, 100],
        [
          [0.6, 0.6, 1],
          [0.8, 0.8, 2.5],
          [1, 1, 5],
        ],
      ),
      { ...CHOICES, channels: ["CT"] },
    );
    expect(plan.recipe.spacing).toEqual([0.8, 0.8, 2.5]);
    expect(plan.recipe.normalization).toEqual([{ name: "ct_window", center: 40, width: 400 }]);
    expect(plan.recipe.patchSize.reduce((product, size) => product * size, 1)).toBeLessThanOrEqual(64 ** 3);
    expect(plan.recipe.patchSize.every((size) => size % 8 === 0 && size >= 56)).toBe(true);
    expect(plan.batchSize).toBe(2);
  });

  test("leaves what a person decides", () => {
    const choices = { spacing: [2, 2, 2], patchSize: [32, 32, 16], batchSize: 7, channels: ["MRI"] } as const;
    const { recipe, batchSize, medianShape } = planTraining(
      fingerprint(
        [50, 60, 70],
        [
          [1, 1, 1],
          [1, 1, 1],
          [1, 1, 1],
        ],
      ),
      choices,
    );
    expect([recipe.spacing, recipe.patchSize, batchSize, medianShape]).toEqual([[2, 2, 2], [32, 32, 16], 7, [25, 30, 35]]);
  });

  test("needs a background and something else", () => {
    const labels = [{ value: 1, share: 1, cases: 1 }];
    const facts = fingerprint(
      [8, 8, 8],
      [
        [1, 1, 1],
        [1, 1, 1],
        [1, 1, 1],
      ],
    );
    expect(() => planTraining({ ...facts, labels }, CHOICES)).toThrow(
      "Cannot plan training: the label values are 1, expected 0 for the background and at least one other",
    );
  });
});
