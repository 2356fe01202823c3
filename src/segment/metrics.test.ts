import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { naivePercentile, naiveSurface, nearest, pointsOf } from "../../test/naive-segment.js";
import { digits, readSegmentGoldens } from "../../test/segment-goldens.js";
import { type LabelScore, type LabelVolume, meanOverLabels, meanScores, scoreSegmentation, type Triple } from "./index.js";

function volume(shape: Triple, data: ArrayLike<number>, spacing: Triple = [1, 1, 1]): LabelVolume {
  return { shape, spacing, data };
}

/** A volume of 6 × 6 × 6 voxels with one cube of side 2. */
function cubeAt([x, y, z]: Triple, spacing: Triple, label = 1): LabelVolume {
  const data = new Uint8Array(216);
  for (const dz of [0, 1]) for (const dy of [0, 1]) for (const dx of [0, 1]) data[((z + dz) * 6 + y + dy) * 6 + x + dx] = label;
  return volume([6, 6, 6], data, spacing);
}

function only(scores: readonly LabelScore[]): LabelScore {
  const [score] = scores;
  if (score === undefined || scores.length !== 1) throw new RangeError(`expected one score, got ${scores.length}`);
  return score;
}

describe("hand-made cases", () => {
  test("a volume against itself", () => {
    const cube = cubeAt([1, 2, 3], [1, 1, 3]);
    const perfect = { dice: 1, iou: 1, surfaceDice: 1, hd95: 0, assd: 0, volumeErrorMm3: 0, predictedMm3: 24, truthMm3: 24 };
    expect(scoreSegmentation(cube, cube)).toEqual([{ label: 1, ...perfect }]);
  });

  test("two single voxels, two apart along x and one along z", () => {
    const [predicted, truth] = [new Uint8Array(60), new Uint8Array(60)];
    [predicted[0], truth[22]] = [1, 1];
    // Voxel 22 of 5 × 4 × 3 is at (2, 0, 1): √((2 · 1)² + (1 · 3)²) = √13 mm, the same both ways.
    const score = only(scoreSegmentation(volume([5, 4, 3], predicted, [1, 1, 3]), volume([5, 4, 3], truth, [1, 1, 3])));
    expect(score).toMatchObject({ dice: 0, iou: 0, surfaceDice: 0, volumeErrorMm3: 0, predictedMm3: 3 });
    expect(score.hd95).toBeCloseTo(Math.sqrt(13), 12);
    expect(score.assd).toBeCloseTo(Math.sqrt(13), 12);
  });

  test.each([
    { axis: "x", at: [2, 1, 1], far: 1, surfaceDice: 1 },
    { axis: "z", at: [1, 1, 2], far: 3, surfaceDice: 0.5 },
  ] as const)("a cube of side 2 shifted by one voxel along $axis at spacing 1 × 1 × 3", ({ at, far, surfaceDice }) => {
    // All 8 voxels of either cube are surface; half of them lie in the other cube, the rest one voxel beside it.
    const score = only(scoreSegmentation(cubeAt(at, [1, 1, 3]), cubeAt([1, 1, 1], [1, 1, 3])));
    expect(score).toMatchObject({ dice: 0.5, iou: 1 / 3, surfaceDice, hd95: far, assd: far / 2, volumeErrorMm3: 0, predictedMm3: 24 });
  });

  test("cubes that touch the border of the volume", () => {
    // The border of the volume is a surface: of a full volume of 3 × 3 × 3 all voxels but the center.
    const full = volume([3, 3, 3], new Uint8Array(27).fill(1));
    const center = new Uint8Array(27);
    center[13] = 1;
    // From the center to the nearest of 26 is 1; back 6 voxels are at 1, 12 at √2, 8 at √3.
    const score = only(scoreSegmentation(volume([3, 3, 3], center), full, { toleranceMm: 1 }));
    expect(score).toMatchObject({ dice: 2 / 28, iou: 1 / 27, surfaceDice: 7 / 27, volumeErrorMm3: -26 });
    expect(score.assd).toBeCloseTo((1 + 6 + 12 * Math.SQRT2 + 8 * Math.sqrt(3)) / 27, 12);
    expect(score.hd95).toBeCloseTo(Math.sqrt(3), 12);
    expect(only(scoreSegmentation(full, full)).dice).toBe(1);
  });

  test("the two rules of the percentile", () => {
    // Prediction at 0; truth at 0, 1, 2 … 10, in a row at y = 0: distances 0 one way, 0 to 10 the other.
    const [predicted, truth] = [new Uint8Array(11), new Uint8Array(11).fill(1)];
    predicted[0] = 1;
    const score = (percentileRule: "directed" | "pooled") =>
      only(scoreSegmentation(volume([11, 1, 1], predicted), volume([11, 1, 1], truth), { percentileRule })).hd95;
    expect(score("directed")).toBeCloseTo(9.5, 12);
    // Sorted: 0, 0, 1 … 10, twelve values; place 0.95 · 11 = 10.45.
    expect(score("pooled")).toBeCloseTo(9.45, 12);
  });

  test("a tolerance of one voxel holds although its spacing was a 32-bit number", () => {
    const spacing: Triple = [Math.fround(1.1), 1, 1];
    const [predicted, truth] = [volume([2, 1, 1], [1, 0], spacing), volume([2, 1, 1], [0, 1], spacing)];
    expect(only(scoreSegmentation(predicted, truth, { toleranceMm: 1.1 })).surfaceDice).toBe(1);
    expect(only(scoreSegmentation(predicted, truth, { toleranceMm: 1.09 })).surfaceDice).toBe(0);
  });
});

describe("labels that are absent", () => {
  const shape: Triple = [4, 3, 1];
  const empty = volume(shape, new Uint8Array(12));
  const one = volume(
    shape,
    Uint8Array.from({ length: 12 }, (_, i) => (i === 0 ? 5 : 0)),
  );

  test("in both: nothing to score, no error of volume", () => {
    expect(scoreSegmentation(empty, empty)).toEqual([]);
    const nothing = { dice: null, iou: null, surfaceDice: null, hd95: null, assd: null };
    expect(scoreSegmentation(empty, empty, { labels: [5] })).toEqual([
      { label: 5, ...nothing, volumeErrorMm3: 0, predictedMm3: 0, truthMm3: 0 },
    ]);
  });

  test("in one: the worst scores there are, the distance being the diagonal of the volume", () => {
    // √(4² + 3² + 12²) = 13 with slices of 12 mm.
    const spacing: Triple = [1, 1, 12];
    const worst = { label: 5, dice: 0, iou: 0, surfaceDice: 0, hd95: 13, assd: 13 };
    const [missed] = scoreSegmentation({ ...empty, spacing }, { ...one, spacing });
    expect(missed).toEqual({ ...worst, volumeErrorMm3: -12, predictedMm3: 0, truthMm3: 12 });
    const [invented] = scoreSegmentation({ ...one, spacing }, { ...empty, spacing });
    expect(invented).toEqual({ ...worst, volumeErrorMm3: 12, predictedMm3: 12, truthMm3: 0 });
  });

  test("never make a mean better by being missed", () => {
    const found = scoreSegmentation(one, one);
    const missed = scoreSegmentation(empty, one);
    const absent = scoreSegmentation(empty, empty, { labels: [5] });
    const [mean] = meanScores([found, missed, absent]);
    const distance = Math.sqrt(26) / 2;
    expect(mean).toMatchObject({
      label: 5,
      cases: 2,
      dice: 0.5,
      iou: 0.5,
      surfaceDice: 0.5,
      volumeErrorMm3: -0.5,
      absoluteVolumeErrorMm3: 0.5,
    });
    expect([mean?.hd95, mean?.assd]).toEqual([distance, distance]);
    expect(meanScores([absent])).toEqual([
      {
        label: 5,
        cases: 0,
        dice: null,
        iou: null,
        surfaceDice: null,
        hd95: null,
        assd: null,
        volumeErrorMm3: null,
        absoluteVolumeErrorMm3: null,
      },
    ]);
  });
});

describe("means", () => {
  test("over cases each label for itself, over labels each label once", () => {
    const shape: Triple = [4, 1, 1];
    const truth = volume(shape, [1, 1, 2, 2]);
    const means = meanScores([scoreSegmentation(truth, truth), scoreSegmentation(volume(shape, [1, 2, 2, 2]), truth)]);
    // The second case: label 1 has 2·1/(1+2), label 2 has 2·2/(3+2).
    expect(means.map(({ label }) => label)).toEqual([1, 2]);
    expect(means[0]?.dice).toBeCloseTo((1 + 2 / 3) / 2, 12);
    expect(means[1]?.dice).toBeCloseTo((1 + 4 / 5) / 2, 12);
    expect(means.map(({ volumeErrorMm3 }) => volumeErrorMm3)).toEqual([-0.5, 0.5]);
    expect(meanOverLabels(means, "dice")).toBeCloseTo((5 / 6 + 9 / 10) / 2, 12);
    expect(meanOverLabels([], "dice")).toBeNull();
  });
});

describe("goldens", () => {
  test.each(readSegmentGoldens().agreement)("are SciPy's at spacing $spacing", (golden) => {
    const { shape, spacing, tolerance: toleranceMm, hd95 } = golden;
    const [predicted, truth] = [volume(shape, digits(golden.predicted), spacing), volume(shape, digits(golden.truth), spacing)];
    for (const percentileRule of ["directed", "pooled"] as const) {
      const score = only(scoreSegmentation(predicted, truth, { toleranceMm, percentileRule }));
      expect(score.hd95).toBeCloseTo(hd95[percentileRule], 11);
      for (const key of ["dice", "iou", "surfaceDice", "assd", "volumeErrorMm3"] as const) expect(score[key]).toBeCloseTo(golden[key], 11);
    }
  });
});

test("scores are those of all pairs of voxels, label by label", () => {
  const cases = fc.record({ x: fc.integer({ min: 1, max: 5 }), y: fc.integer({ min: 1, max: 5 }), z: fc.integer({ min: 1, max: 5 }) });
  const random = cases.chain(({ x, y, z }) => {
    const labels = fc.array(fc.constantFrom(0, 0, 1, 2), { minLength: x * y * z, maxLength: x * y * z });
    return fc.record({ shape: fc.constant<Triple>([x, y, z]), predicted: labels, truth: labels });
  });
  const spacing: Triple = [0.5, 1.25, 3];
  fc.assert(
    fc.property(random, ({ shape, predicted, truth }) => {
      for (const score of scoreSegmentation(volume(shape, predicted, spacing), volume(shape, truth, spacing), { labels: [1, 2] })) {
        const [p, t] = [predicted, truth].map((data) => data.map((value) => (value === score.label ? 1 : 0))) as [number[], number[]];
        expectNaive(score, p, t, shape, spacing);
      }
    }),
    { numRuns: 150 },
  );
});

function expectNaive(score: LabelScore, p: number[], t: number[], shape: Triple, spacing: Triple): void {
  const count = (mask: number[]): number => mask.filter((value) => value === 1).length;
  const common = count(p.map((value, i) => value * (t[i] ?? 0)));
  if (count(p) + count(t) === 0) expect(score.dice).toBeNull();
  else expect(score.dice).toBeCloseTo((2 * common) / (count(p) + count(t)), 12);
  if (count(p) === 0 || count(t) === 0) return;
  expect(score.iou).toBeCloseTo(common / (count(p) + count(t) - common), 12);
  const [from, to] = [pointsOf(naiveSurface(p, shape), shape, spacing), pointsOf(naiveSurface(t, shape), shape, spacing)];
  const [there, back] = [nearest(from, to), nearest(to, from)];
  const all = [...there, ...back];
  expect(score.hd95).toBeCloseTo(Math.max(naivePercentile(there, 95), naivePercentile(back, 95)), 9);
  expect(score.assd).toBeCloseTo(all.reduce((sum, distance) => sum + distance, 0) / all.length, 9);
  expect(score.surfaceDice).toBeCloseTo(all.filter((distance) => distance <= 1.000001).length / all.length, 12);
}

describe("refusals", () => {
  const truth = volume([2, 1, 1], [0, 1]);
  const cases: readonly (readonly [string, LabelVolume, LabelVolume, Parameters<typeof scoreSegmentation>[2], string])[] = [
    ["shapes", volume([1, 2, 1], [0, 1]), truth, {}, "the prediction has shape [1, 2, 1], the ground truth [2, 1, 1]"],
    ["spacings", { ...truth, spacing: [1, 1, 1.01] }, truth, {}, "the prediction has spacing [1, 1, 1.01], the ground truth [1, 1, 1]"],
    [
      "a fraction",
      volume([2, 1, 1], [0, 0.5]),
      truth,
      {},
      "voxel [1, 0, 0] is 0.5, expected labels that are integers from 0 to 2147483647",
    ],
    ["a negative", truth, volume([2, 1, 1], [-1, 0]), {}, "voxel [0, 0, 0] is -1, expected labels that are integers from 0 to 2147483647"],
    ["the tolerance", truth, truth, { toleranceMm: -1 }, "toleranceMm is -1, expected a finite number of at least 0"],
    ["a label", truth, truth, { labels: [1, 1.5] }, "label is 1.5, expected an integer from 0 to 2147483647"],
  ];
  test.each(cases)("of %s", (_, predicted, expected, options, fact) => {
    expect(() => scoreSegmentation(predicted, expected, options)).toThrow(
      expect.objectContaining({ message: `Cannot score a segmentation: ${fact}` }),
    );
  });

  test("of intensities", () => {
    const intensities = volume(
      [5000, 1, 1],
      Uint16Array.from({ length: 5000 }, (_, i) => i),
    );
    expect(() => scoreSegmentation(intensities, intensities)).toThrow(
      "Cannot score a segmentation: the volume has more than 4096 different values, expected labels, not intensities",
    );
  });
});
