import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { flipped } from "../../test/naive-segment.js";
import { readSegmentGoldens } from "../../test/segment-goldens.js";
import { cutWindow, mirrorings, mirrorVolume, planWindows, type Triple, type WindowPlan, windowStart, windowWeights } from "./index.js";

const sizes = (most: number) =>
  fc.tuple(...[0, 1, 2].map(() => fc.integer({ min: 1, max: most }))) as fc.Arbitrary<[number, number, number]>;
const plans = fc
  .record({ shape: sizes(9), window: sizes(6), overlap: fc.constantFrom(0, 0.25, 0.5, 0.75, 0.9) })
  .map(({ shape, window, overlap }) => planWindows(shape, window, { overlap }));

/** How often each voxel of the padded volume lies in a window. */
function visits({ padded, window, count, ...plan }: WindowPlan): Uint32Array {
  const visited = new Uint32Array(padded[0] * padded[1] * padded[2]);
  for (let index = 0; index < count; index++) {
    const [left, top, front] = windowStart({ padded, window, count, ...plan }, index);
    for (let z = front; z < front + window[2]; z++)
      for (let y = top; y < top + window[1]; y++)
        for (let x = left; x < left + window[0]; x++) visited[(z * padded[1] + y) * padded[0] + x]!++;
  }
  return visited;
}

describe("padding", () => {
  test("may make a volume 64 times as large, or 8 windows large", () => {
    expect(planWindows([512, 512, 1], [64, 64, 64]).padded).toEqual([512, 512, 64]);
    expect(planWindows([1, 1, 1], [40, 56, 40]).count).toBe(1);
    expect(planWindows([320, 1, 1], [40, 56, 40], { overlap: 0 }).count).toBe(8);
  });

  test("beyond that is refused before anything is made", () => {
    expect(() => planWindows([32_767, 1, 1], [40, 56, 40])).toThrow(
      expect.objectContaining({
        code: "IMAGE_LIMIT",
        message:
          "Cannot plan windows: a volume of [32767, 1, 1] voxels is padded to [32767, 56, 40] for windows of [40, 56, 40], 2240 times as many voxels; the limit is 64 times",
      }),
    );
  });
});

describe("planWindows", () => {
  test("spreads windows as nnU-Net does", () => {
    // The example of its source: 110 voxels, windows of 64 and of 32, half of each shared.
    expect(planWindows([110, 110, 64], [64, 32, 64]).starts).toEqual([[0, 23, 46], [0, 16, 31, 47, 62, 78], [0]]);
    // Steps of 2.5: 2.5 and 7.5 lie between two voxels, numpy.round takes the even ones.
    expect(planWindows([18, 8, 8], [8, 8, 8], { overlap: 0.625 }).starts[0]).toEqual([0, 2, 5, 8, 10]);
  });

  test("pads volumes that are smaller than the window", () => {
    const plan = planWindows([5, 8, 3], [8, 8, 4]);
    expect(plan).toMatchObject({ padded: [8, 8, 4], before: [1, 0, 0], starts: [[0], [0], [0]], count: 1 });
  });

  test("every voxel is covered, no window sticks out, neighbors share what was asked for", () => {
    fc.assert(
      fc.property(plans, (plan) => {
        expect(visits(plan).every((count) => count > 0)).toBe(true);
        plan.starts.forEach((starts, axis) => {
          expect(starts[0]).toBe(0);
          expect(starts.at(-1)).toBe(plan.padded[axis]! - plan.window[axis]!);
          expect(starts.length).toBe(new Set(starts).size);
          expect([...starts]).toEqual(starts.toSorted((a, b) => a - b));
        });
      }),
    );
  });

  test("refuses what cannot be planned", () => {
    const plan = (...args: Parameters<typeof planWindows>) => expect(() => planWindows(...args));
    const saying = (message: string): unknown => expect.objectContaining({ message });
    plan([4, 4, 0], [2, 2, 2]).toThrow(saying("Cannot plan windows: shape is [4, 4, 0], expected three positive integers"));
    plan([4, 4, 4], [2, 2, 0.5]).toThrow(
      saying("Cannot plan windows of this size: shape is [2, 2, 0.5], expected three positive integers"),
    );
    plan([4, 4, 4], [2, 2, 2], { overlap: 1 }).toThrow(saying("Cannot plan windows: overlap is 1, expected a number in [0, 1)"));
    plan([2 ** 27, 1, 1], [1, 2, 2]).toThrow(
      saying("Cannot plan windows after padding: shape is [134217728, 2, 2], the limit is 268,435,456 voxels"),
    );
    plan([512, 512, 512], [4, 4, 4]).toThrow(
      saying(
        "Cannot plan windows: windows of [4, 4, 4] with overlap 0.5 cover [512, 512, 512] 16,581,375 times, the limit is 1,048,576 windows",
      ),
    );
    expect(() => windowStart(planWindows([4, 4, 4], [4, 4, 4]), 1)).toThrow(
      saying("Cannot place window 1: expected an integer from 0 to 0"),
    );
  });
});

describe("cutWindow", () => {
  test("takes the voxels of each channel, and the padding outside", () => {
    fc.assert(
      fc.property(plans, fc.integer({ min: 1, max: 2 }), (plan, channels) => {
        const { shape, window, before } = plan;
        const voxels = shape[0] * shape[1] * shape[2];
        // Each voxel knows its place: channel, z, y, x in decimal digits.
        const data = Float32Array.from({ length: voxels * channels }, (_, i) => {
          const [x, y, z] = [i % shape[0], Math.floor(i / shape[0]) % shape[1], Math.floor((i % voxels) / (shape[0] * shape[1]))];
          return Math.floor(i / voxels) * 1000 + z * 100 + y * 10 + x;
        });
        for (const index of [0, plan.count - 1]) {
          const start = windowStart(plan, index).map((value, axis) => value - before[axis]!) as [number, number, number];
          const expected = Array.from({ length: channels * window[0] * window[1] * window[2] }, (_, i) => {
            const [x, y] = [(i % window[0]) + start[0], (Math.floor(i / window[0]) % window[1]) + start[1]];
            const z = (Math.floor(i / (window[0] * window[1])) % window[2]) + start[2];
            const outside = x < 0 || y < 0 || z < 0 || x >= shape[0] || y >= shape[1] || z >= shape[2];
            return outside ? -1 : Math.floor(i / (window[0] * window[1] * window[2])) * 1000 + z * 100 + y * 10 + x;
          });
          expect([...cutWindow(plan, index, data, channels, -1)]).toEqual(expected);
        }
      }),
    );
  });

  test("refuses data of another shape", () => {
    expect(() => cutWindow(planWindows([2, 2, 2], [2, 2, 2]), 0, new Float32Array(8), 2)).toThrow(
      expect.objectContaining({ message: "Cannot cut a window: shape [2, 2, 2] with 2 channels has 16 values, data has 8" }),
    );
  });
});

describe("windowWeights", () => {
  test.each(readSegmentGoldens().windows)("are scipy.ndimage.gaussian_filter of an impulse in $size voxels", ({ size, weights }) => {
    const ours = windowWeights(size);
    // SciPy's are cut off beyond four standard deviations, which no voxel of a window is.
    weights.forEach((weight, i) => void expect(ours[i]).toBeCloseTo(weight, 12));
  });

  test("are symmetric, rise to the middle and are never 0", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 512 }), (size) => {
        const weights = windowWeights(size);
        expect([...weights]).toEqual([...weights].toReversed());
        const half = [...weights.subarray(0, Math.ceil(size / 2))];
        expect(half).toEqual(half.toSorted((a, b) => a - b));
        // At most four standard deviations from the middle along each axis: e⁻⁸ there, e⁻²⁴ in a corner.
        expect((weights[0] ?? 0) ** 3).toBeGreaterThan(Math.exp(-24) * 0.999);
      }),
    );
  });

  test("refuse sizes that cannot be", () => {
    expect(() => windowWeights(0)).toThrow(
      expect.objectContaining({
        message: 'Cannot weight a window: size is 0 and kind "gaussian", expected a positive integer and gaussian or constant',
      }),
    );
  });
});

describe("mirroring", () => {
  test("goes through all combinations of the axes once, the unmirrored first", () => {
    expect(mirrorings([])).toEqual([[false, false, false]]);
    expect(mirrorings([1])).toEqual([
      [false, false, false],
      [false, true, false],
    ]);
    const all = mirrorings([2, 0, 1]);
    expect([all.length, new Set(all.map(String)).size, all[0]]).toEqual([8, 8, [false, false, false]]);
    expect(() => mirrorings([0, 3])).toThrow(expect.objectContaining({ message: "Cannot mirror axis 3: expected 0 (x), 1 (y) or 2 (z)" }));
  });

  test("turns each channel round, and twice gives the volume back", () => {
    fc.assert(
      fc.property(sizes(5), fc.constantFrom(...mirrorings([0, 1, 2])), ([x, y, z], mirroring) => {
        const shape: Triple = [x, y, z];
        const voxels = x * y * z;
        const data = Float32Array.from({ length: 2 * voxels }, (_, i) => i);
        const mirrored = mirrorVolume(data, shape, mirroring, 2);
        const expected = [0, 1].flatMap((channel) => flipped(data.subarray(channel * voxels, (channel + 1) * voxels), shape, mirroring));
        expect([...mirrored]).toEqual(expected);
        expect(mirrorVolume(mirrored, shape, mirroring, 2)).toEqual(data);
      }),
    );
  });
});
