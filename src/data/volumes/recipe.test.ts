import { describe, expect, test } from "vitest";
import type { Normalization } from "./intensity.js";
import { parseSegmentationConfig, preparedShape, prepareLabels, prepareVolume, restoreLabels, type SegmentationConfig } from "./recipe.js";
import type { TrainingStatistics } from "./training-statistics.js";
import { createVolume, type Triple } from "./volume.js";

const RECIPE: SegmentationConfig = {
  spacing: null,
  normalization: [{ name: "z_score", region: "all" }],
  patchSize: [8, 8, 8],
  labelValues: [0, 5, 300],
};
/** x runs to the left with 2 mm between voxels. */
const LEFT = [-2, 0, 0, 9, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1];

describe("a segmentation recipe", () => {
  test("turns, resamples and normalizes what the network reads", () => {
    const volume = createVolume([2, 1, 1], Int16Array.of(3, 5), LEFT);
    expect([...prepareVolume([volume], RECIPE).data]).toEqual([1, -1]);
    const fine = prepareVolume([volume], { ...RECIPE, spacing: [1, 1, 1] });
    // 5, 4.5, 3.5, 3 after interpolation: mean 4, deviation √0.625.
    expect(fine.grid.shape).toEqual([4, 1, 1]);
    for (const [i, value] of [1, 0.5, -0.5, -1].entries()) expect(fine.data[i]).toBeCloseTo(value / Math.sqrt(0.625), 6);
  });

  test("normalizes each channel in its own way", () => {
    const channel = createVolume([2, 1, 1], Int16Array.of(-60, 140));
    const normalization: readonly Normalization[] = [
      { name: "ct_window", center: 40, width: 400 },
      { name: "percentiles", lower: 25, upper: 75, region: "all" },
    ];
    // The percentiles are -10 and 90; their distance from the mean is the deviation.
    expect([...prepareVolume([channel, channel], { ...RECIPE, normalization }).data]).toEqual([0.25, 0.75, -1, 1]);
  });

  test("channels that do not belong together are named", () => {
    const [one, two] = [createVolume([2, 1, 1], Int16Array.of(3, 5)), createVolume([1, 1, 1], Int16Array.of(3))];
    expect(() => prepareVolume([one, one], RECIPE)).toThrow("Cannot preprocess a volume: there are 2 channels, expected 1");
    const normalization: readonly Normalization[] = [...RECIPE.normalization, { name: "z_score", region: "nonzero" }];
    expect(() => prepareVolume([one, two], { ...RECIPE, normalization })).toThrow(
      "Cannot preprocess a volume: its channels have 2 x 1 x 1 and 1 x 1 x 1 voxels, expected one size",
    );
  });

  test("labels become classes and come back to where they were", () => {
    const labels = createVolume([3, 1, 2], Int16Array.of(0, 5, 5, 300, 0, 5), LEFT);
    const classes = prepareLabels(labels, RECIPE);
    expect([...classes]).toEqual([1, 1, 0, 1, 0, 2]);
    const { grid } = prepareVolume([labels], RECIPE);
    expect(restoreLabels(classes, grid, labels, RECIPE.labelValues)).toEqual(labels);
  });

  test("labels come back from another spacing", () => {
    const labels = createVolume([4, 2, 1], Uint8Array.of(0, 0, 1, 1, 0, 0, 1, 1), LEFT);
    const recipe: SegmentationConfig = { ...RECIPE, spacing: [1, 0.5, 1], labelValues: [0, 1] };
    const { grid } = prepareVolume([labels], recipe);
    expect(grid.shape).toEqual([8, 4, 1]);
    expect(restoreLabels(prepareLabels(labels, recipe), grid, labels, [0, 1])).toEqual(labels);
  });

  test("sizes are known without voxels, and growth by resampling is bounded", () => {
    const grid = (shape: Triple, step: number) => ({ shape, affine: [step, 0, 0, 0, 0, step, 0, 0, 0, 0, step, 0, 0, 0, 0, 1] });
    const at1 = { spacing: [1, 1, 1] } as const;
    expect(preparedShape({ shape: [2, 3, 4], affine: LEFT }, at1)).toEqual([4, 3, 4]);
    expect(preparedShape(grid([20, 20, 20], 12), at1)).toEqual([240, 240, 240]);
    expect(preparedShape(grid([100, 100, 80], 4), at1)).toEqual([400, 400, 320]);
    expect(preparedShape(grid([20, 20, 20], 40), { spacing: null })).toEqual([20, 20, 20]);
    expect(() => preparedShape(grid([20, 20, 20], 40), at1)).toThrow(
      expect.objectContaining({
        code: "IMAGE_LIMIT",
        message: "Cannot resample a volume: 20 x 20 x 20 voxels become 800 x 800 x 800 at 1 x 1 x 1 mm, the limit is 64 times as many",
      }),
    );
  });

  test("a label that is no class is named", () => {
    const labels = createVolume([2, 1, 1], Float32Array.of(0, 2.5));
    expect(() => prepareLabels(labels, RECIPE)).toThrow("Cannot use a label map: it contains the value 2.5, expected one of 0, 5, 300");
  });
});

const ONE = { min: 1, low: 1, median: 1, high: 1, max: 1 };
const STATISTICS: TrainingStatistics = {
  cases: 3,
  extent: [ONE, ONE, ONE],
  spacing: [ONE, ONE, ONE],
  intensities: [{ levels: [ONE, ONE, ONE, ONE, ONE], lowest: ONE }],
  labelVolumes: [ONE, ONE],
};

describe("a recipe in a stranger's file", () => {
  const written: unknown = JSON.parse(JSON.stringify(RECIPE));

  test("reads as it was written", () => {
    expect(parseSegmentationConfig(written, '"a.onnx"')).toEqual(RECIPE);
    const all: SegmentationConfig = {
      ...RECIPE,
      spacing: [1, 0.5, 2],
      normalization: [
        { name: "percentiles", lower: 0.5, upper: 99.5, region: "nonzero" },
        { name: "ct_window", center: 40, width: 400 },
      ],
    };
    expect(parseSegmentationConfig(JSON.parse(JSON.stringify(all)), '"a.onnx"')).toEqual(all);
    const formerKey: unknown = JSON.parse(JSON.stringify(all).replace("center", "centre"));
    expect(parseSegmentationConfig(formerKey, '"a.onnx"')).toEqual(all);
    const recorded: SegmentationConfig = { ...RECIPE, mirrorAxes: [0, 2], training: STATISTICS };
    expect(parseSegmentationConfig(JSON.parse(JSON.stringify(recorded)), '"a.onnx"')).toEqual(recorded);
  });

  test.each([
    ["spacing", [1, 0, 1], "three positive lengths or null"],
    ["spacing", [1, 1], "three lengths or null"],
    ["patchSize", [8, 8, 1.5], "three positive integers"],
    ["patchSize", 8, "three sizes"],
    ["normalization", [], "a list of z_score, percentiles or ct_window with their parameters"],
    ["normalization", [{ name: "ct_window", center: 1, width: 0 }], "a list of z_score, percentiles or ct_window with their parameters"],
    ["labelValues", [0, 0], "a list of at least two different integers"],
    ["labelValues", [0, 2 ** 40], "a list of at least two different integers"],
    ["mirrorAxes", [3], "a list of 0, 1 and 2"],
    ["mirrorAxes", "x", "a list of 0, 1 and 2"],
    ["training", null, "statistics of its channels and labels"],
    ["training", { ...STATISTICS, cases: 0 }, "statistics of its channels and labels"],
    ["training", { ...STATISTICS, extent: [ONE, ONE] }, "statistics of its channels and labels"],
    ["training", { ...STATISTICS, intensities: [] }, "statistics of its channels and labels"],
    ["training", { ...STATISTICS, labelVolumes: [ONE, { ...ONE, min: 2 }] }, "statistics of its channels and labels"],
    ["training", { ...STATISTICS, labelVolumes: [ONE, { ...ONE, max: "9" }] }, "statistics of its channels and labels"],
  ])("%s %j is refused", (field, value, expected) => {
    expect(() => parseSegmentationConfig({ ...RECIPE, [field]: value }, '"a.onnx"')).toThrow(
      expect.objectContaining({
        code: "OPTION_INVALID",
        message: `Cannot read the segmentation configuration of "a.onnx": ${field} is not ${expected}`,
      }),
    );
  });
});
