import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { connectedComponents } from "../../segment/index.js";
import { voxelStatistics } from "./intensity.js";
import { generateVolume } from "./synthetic-volume.js";

function sha256({ data }: { readonly data: NodeJS.ArrayBufferView }): string {
  return createHash("sha256").update(data).digest("hex");
}

describe("generateVolume", () => {
  test("seed 1 is the same volume on every machine", () => {
    const { image, labels } = generateVolume(1);
    expect([image.shape, labels.shape]).toEqual([
      [36, 50, 36],
      [36, 50, 36],
    ]);
    expect(sha256(image)).toBe("d9fd2983eeeaaab13ac4a04eff1a96f7f4936eee09c9047a6066810eac209b31");
    expect(sha256(labels)).toBe("9376081b809756da0a45a8a357ea2160ae9f63864f1ee4d90150d2a6ed722afc");
  });

  test.each([0, 1, 2, 3, 4, 5])("seed %i: two connected parts of the size and contrast of a hippocampus in MR", (seed) => {
    const { image, labels } = generateVolume(seed);
    const { components } = connectedComponents(labels.data, labels.shape);
    expect(components.map(({ label }) => label).toSorted()).toEqual([1, 2]);
    // 60 scans have 1,770 and 1,620 voxels on average, and gray values of 0.55 deviations below the mean.
    for (const { voxels } of components) expect(voxels).toSatisfy((count: number) => count > 1200 && count < 2000);
    const { mean, standardDeviation } = voxelStatistics(image);
    const inside = Array.from(image.data).filter((_, i) => labels.data[i] !== 0);
    const contrast = (inside.reduce((sum, value) => sum + value, 0) / inside.length - mean) / standardDeviation;
    expect(contrast).toBeGreaterThan(-0.7);
    expect(contrast).toBeLessThan(-0.3);
  });

  test("another seed is another volume, and a seed that is none is refused", () => {
    expect(generateVolume(2).labels.data).not.toEqual(generateVolume(1).labels.data);
    expect(() => generateVolume(-1)).toThrow(expect.objectContaining({ code: "OPTION_INVALID" }));
  });
});
