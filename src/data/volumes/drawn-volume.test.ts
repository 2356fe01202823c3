import path from "node:path";
import { describe, expect, test } from "vitest";
import { readVolume } from "../../node/volumes.js";
import { connectedComponents } from "../../segment/index.js";
import { drawVolume } from "./drawn-volume.js";
import { voxelStatistics } from "./intensity.js";

const EXAMPLES = path.resolve(import.meta.dirname, "../../../examples/segment");

describe("drawVolume", () => {
  test("seed 1 is the volume in examples/segment", async () => {
    const { image, labels } = drawVolume(1);
    expect((await readVolume(path.join(EXAMPLES, "drawn.nii.gz"))).volume).toEqual(image);
    expect((await readVolume(path.join(EXAMPLES, "drawn-labels.nii.gz"))).volume).toEqual(labels);
  });

  test.each([0, 1, 2, 3, 4, 5])("seed %i: two connected parts of the size and contrast of a hippocampus in MR", (seed) => {
    const { image, labels } = drawVolume(seed);
    const { components } = connectedComponents(labels.data, labels.shape);
    expect(components.map(({ label }) => label).toSorted()).toEqual([1, 2]);
    // 60 scans have 1,770 and 1,620 voxels on average, and grey values of 0.55 deviations below the mean.
    for (const { voxels } of components) expect(voxels).toSatisfy((count: number) => count > 1200 && count < 2000);
    const { mean, standardDeviation } = voxelStatistics(image);
    const inside = Array.from(image.data).filter((_, i) => labels.data[i] !== 0);
    const contrast = (inside.reduce((sum, value) => sum + value, 0) / inside.length - mean) / standardDeviation;
    expect(contrast).toBeGreaterThan(-0.7);
    expect(contrast).toBeLessThan(-0.3);
  });

  test("another seed is another volume, and a seed that is none is refused", () => {
    expect(drawVolume(2).labels.data).not.toEqual(drawVolume(1).labels.data);
    expect(() => drawVolume(-1)).toThrow(expect.objectContaining({ code: "OPTION_INVALID" }));
  });
});
