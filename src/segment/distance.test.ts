import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { naivePercentile, naiveSurface, nearest, pointsOf } from "../../test/naive-segment.js";
import { digits, readSegmentGoldens } from "../../test/segment-goldens.js";
import { distanceTransform, percentile, surfaceDistances, surfaceVoxels, type Triple } from "./index.js";

const goldens = readSegmentGoldens();

/** A few roundings of double precision, of distances up to some tens. */
const ROUNDING = 1e-11;

const volumes = fc.record({ x: size(), y: size(), z: size() }).chain(({ x, y, z }) => {
  const mask = fc.array(fc.constantFrom(0, 0, 0, 1), { minLength: x * y * z, maxLength: x * y * z });
  return fc.record({
    shape: fc.constant<Triple>([x, y, z]),
    spacing: fc.tuple(spacing(), spacing(), spacing()),
    masks: fc.tuple(mask, mask),
  });
});

function size() {
  return fc.integer({ min: 1, max: 6 });
}

function spacing() {
  return fc.constantFrom(0.3, 0.7, 1, 1.25, 3);
}

describe("distanceTransform", () => {
  test.each(goldens.distances)("is scipy.ndimage.distance_transform_edt at spacing $spacing", (golden) => {
    const distances = distanceTransform(digits(golden.mask), golden.shape, golden.spacing);
    golden.distances.forEach((distance, i) => void expect(Math.abs((distances[i] ?? Number.NaN) - distance)).toBeLessThan(ROUNDING));
  });

  test("is the distance to the nearest of all voxels", () => {
    fc.assert(
      fc.property(volumes, ({ shape, spacing, masks: [mask] }) => {
        const expected = nearest(pointsOf(new Uint8Array(mask.length).fill(1), shape, spacing), pointsOf(mask, shape, spacing));
        const distances = distanceTransform(mask, shape, spacing);
        expected.forEach((distance, i) => {
          if (distance === Number.POSITIVE_INFINITY) expect(distances[i]).toBe(distance);
          else expect(Math.abs((distances[i] ?? Number.NaN) - distance)).toBeLessThan(ROUNDING);
        });
      }),
      { numRuns: 200 },
    );
  });

  test("of an empty mask is infinite, of a full one 0", () => {
    expect([...distanceTransform([0, 0], [2, 1, 1], [1, 1, 1])]).toEqual([Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]);
    expect([...distanceTransform([1, 1], [2, 1, 1], [1, 1, 1])]).toEqual([0, 0]);
  });

  test("refuses shapes and spacings that cannot be", () => {
    expect(() => distanceTransform([1], [1, 1, 2], [1, 1, 1])).toThrow(
      "Cannot compute distances: shape [1, 1, 2] has 2 voxels, data has 1",
    );
    expect(() => distanceTransform([1], [1, 0, 1], [1, 1, 1])).toThrow(
      "Cannot compute distances: shape is [1, 0, 1], expected three positive integers",
    );
    expect(() => distanceTransform([1], [2 ** 20, 2 ** 20, 2 ** 10], [1, 1, 1])).toThrow(
      "Cannot compute distances: shape is [1048576, 1048576, 1024], the limit is 268,435,456 voxels",
    );
    expect(() => distanceTransform([1], [1, 1, 1], [1, Number.NaN, 1])).toThrow(
      "Cannot compute distances: spacing is [1, NaN, 1], expected three positive numbers of millimeters",
    );
  });
});

describe("surfaces", () => {
  test.each(goldens.holes)("are what scipy.ndimage.binary_erosion leaves, at $shape", ({ mask, shape, surface }) => {
    expect([...surfaceVoxels(digits(mask), shape)].join("")).toBe(surface);
  });

  test("and their distances are those of all pairs of surface voxels", () => {
    fc.assert(
      fc.property(volumes, ({ shape, spacing, masks: [predicted, truth] }) => {
        const surfaces = [naiveSurface(predicted, shape), naiveSurface(truth, shape)] as const;
        expect([...surfaceVoxels(predicted, shape)]).toEqual(surfaces[0]);
        const [from, to] = [pointsOf(surfaces[0], shape, spacing), pointsOf(surfaces[1], shape, spacing)];
        const { fromPredicted, fromTruth } = surfaceDistances(predicted, truth, shape, spacing);
        for (const [list, naive] of [
          [fromPredicted, nearest(from, to)],
          [fromTruth, nearest(to, from)],
        ] as const) {
          expect(list.length).toBe(naive.length);
          naive
            .toSorted((a, b) => a - b)
            .forEach((distance, i) => {
              if (distance === Number.POSITIVE_INFINITY) expect(list[i]).toBe(distance);
              else expect(Math.abs((list[i] ?? Number.NaN) - distance)).toBeLessThan(ROUNDING);
            });
        }
      }),
      { numRuns: 200 },
    );
  });
});

describe("percentile", () => {
  test("interpolates linearly between the nearest two", () => {
    expect(percentile([0, 10], 95)).toBeCloseTo(9.5, 12);
    expect(percentile([7], 95)).toBe(7);
    expect(percentile([1, 2, 4], 100)).toBe(4);
    expect(percentile([1, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY], 95)).toBe(Number.POSITIVE_INFINITY);
    const values = fc.array(fc.double({ min: 0, max: 100, noNaN: true }), { minLength: 1, maxLength: 50 });
    fc.assert(
      fc.property(values, (list) => {
        const sorted = list.toSorted((a, b) => a - b);
        expect(Math.abs(percentile(sorted, 95) - naivePercentile(list, 95))).toBeLessThan(1e-9);
      }),
    );
  });

  test("refuses an empty list", () => {
    expect(() => percentile([], 95)).toThrow(
      "Cannot compute a percentile: there are 0 values and percent is 95, expected at least one value and a number from 0 to 100",
    );
  });
});
