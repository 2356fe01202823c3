import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cutWindow, planWindows, WINDOW_WEIGHTS, WindowAccumulator, type WindowPlan, windowStart, windowWeights } from "./index.js";

const sizes = (most: number) =>
  fc.tuple(...[0, 1, 2].map(() => fc.integer({ min: 1, max: most }))) as fc.Arbitrary<[number, number, number]>;
const cases = fc
  .record({
    shape: sizes(8),
    window: sizes(5),
    overlap: fc.constantFrom(0, 0.3, 0.5, 0.75),
    classes: fc.integer({ min: 1, max: 3 }),
    weights: fc.constantFrom(...WINDOW_WEIGHTS),
    seed: fc.integer({ min: 0, max: 1000 }),
  })
  .map(({ shape, window, overlap, ...rest }) => ({ plan: planWindows(shape, window, { overlap }), ...rest }));

/** Values without a pattern, 32-bit. */
function noise(length: number, seed: number): Float32Array {
  return Float32Array.from({ length }, (_, i) => Math.sin(12.9898 * (i + 1) + 78.233 * seed) * 10);
}

/** The accumulated values of the whole volume, [classes, z, y, x], from a function that gives each window's result. */
function accumulated(
  plan: WindowPlan,
  merged: WindowAccumulator,
  classes: number,
  resultOf: (index: number) => Float32Array,
): Float32Array {
  const [plane, depth] = [plan.shape[0] * plan.shape[1], plan.shape[2]];
  const whole = new Float32Array(classes * plane * depth).fill(Number.NaN);
  let next = 0;
  for (let index = 0; index < plan.count; index++) {
    for (const slab of merged.add(index, resultOf(index))) {
      expect(slab.z).toBe(next);
      next += slab.depth;
      for (let channel = 0; channel < classes; channel++) {
        const part = slab.values.subarray(channel * slab.depth * plane, (channel + 1) * slab.depth * plane);
        whole.set(part, (channel * depth + slab.z) * plane);
      }
    }
  }
  expect(next).toBe(depth);
  return whole;
}

/** The definition: sums of weighted values and of weights over the whole volume, divided at the end. */
function naiveMeans(plan: WindowPlan, classes: number, kind: "gaussian" | "constant", results: readonly Float32Array[]): number[] {
  const { shape, window, before, count } = plan;
  const weights = window.map((size) => windowWeights(size, kind));
  const [sums, totals] = [new Float64Array(classes * shape[0] * shape[1] * shape[2]), new Float64Array(shape[0] * shape[1] * shape[2])];
  for (let index = 0; index < count; index++) {
    const start = windowStart(plan, index).map((value, axis) => value - before[axis]!);
    for (let i = 0; i < window[0] * window[1] * window[2]; i++) {
      const inside = [i % window[0], Math.floor(i / window[0]) % window[1], Math.floor(i / (window[0] * window[1]))];
      const [x, y, z] = inside.map((value, axis) => value + start[axis]!) as [number, number, number];
      if (x < 0 || y < 0 || z < 0 || x >= shape[0] || y >= shape[1] || z >= shape[2]) continue;
      const weight = inside.reduce((product, value, axis) => product * weights[axis]![value]!, 1);
      const at = (z * shape[1] + y) * shape[0] + x;
      totals[at]! += weight;
      for (let channel = 0; channel < classes; channel++) {
        sums[channel * totals.length + at]! += weight * results[index]![channel * window[0] * window[1] * window[2] + i]!;
      }
    }
  }
  return Array.from(sums, (sum, i) => sum / totals[i % totals.length]!);
}

describe("WindowAccumulator", () => {
  test("a network that gives its input back gives the volume back, to the last bit", () => {
    fc.assert(
      fc.property(cases, ({ plan, classes, weights, seed }) => {
        const volume = noise(classes * plan.shape[0] * plan.shape[1] * plan.shape[2], seed);
        const merged = new WindowAccumulator(plan, { classes, weights });
        expect(accumulated(plan, merged, classes, (index) => cutWindow(plan, index, volume, classes))).toEqual(volume);
      }),
    );
  });

  test("a network that gives a constant gives it everywhere, to the last bit", () => {
    fc.assert(
      fc.property(cases, fc.float({ noNaN: true, noDefaultInfinity: true }), ({ plan, weights }, constant) => {
        const window = new Float32Array(plan.window[0] * plan.window[1] * plan.window[2]).fill(constant);
        const whole = accumulated(plan, new WindowAccumulator(plan, { classes: 1, weights }), 1, () => window);
        expect(whole.every((value) => value === constant)).toBe(true);
      }),
    );
  });

  test("by slabs is what the whole volume's weighted sums give", () => {
    fc.assert(
      fc.property(cases, ({ plan, classes, weights, seed }) => {
        const length = classes * plan.window[0] * plan.window[1] * plan.window[2];
        const results = Array.from({ length: plan.count }, (_, index) => noise(length, seed + index));
        const naive = naiveMeans(plan, classes, weights, results);
        for (const precision of ["float64", "float32"] as const) {
          const merged = new WindowAccumulator(plan, { classes, weights, precision });
          const whole = accumulated(plan, merged, classes, (index) => results[index]!);
          // Values up to 10: half a unit in the last place of a 32-bit number is 4.8e-7; some hundred additions in 32 bits reach 5e-5.
          const tolerance = precision === "float64" ? 6e-7 : 5e-5;
          naive.forEach((mean, i) => void expect(Math.abs(whole[i]! - mean)).toBeLessThan(tolerance));
        }
      }),
      { numRuns: 60 },
    );
  });

  test("labels are the classes of the largest means, the first of equal ones", () => {
    fc.assert(
      fc.property(cases, ({ plan, classes, weights, seed }) => {
        const length = classes * plan.window[0] * plan.window[1] * plan.window[2];
        // Few different values, so that ties occur.
        const resultOf = (index: number) => noise(length, seed + index).map((value) => Math.round(value / 8));
        const whole = accumulated(plan, new WindowAccumulator(plan, { classes, weights }), classes, resultOf);
        const merged = new WindowAccumulator(plan, { classes, weights });
        const labels = Array.from({ length: plan.count }, (_, index) => index).flatMap((index) =>
          merged.addForLabels(index, resultOf(index)).flatMap((slab) => [...slab.labels]),
        );
        const voxels = whole.length / classes;
        const expected = Array.from({ length: voxels }, (_, i) => {
          const means = Array.from({ length: classes }, (_, channel) => whole[channel * voxels + i]!);
          return means.indexOf(Math.max(...means));
        });
        expect(labels).toEqual(expected);
      }),
    );
  });

  test("holds classes × window depth × plane values, however deep the volume is", () => {
    const window = [16, 16, 8] as const;
    for (const depth of [8, 80, 800]) {
      const plan = planWindows([40, 24, depth], window);
      const merged = new WindowAccumulator(plan, { classes: 3 });
      expect(merged.heldValues).toBe(3 * 8 * 40 * 24);
      const result = new Float32Array(3 * 16 * 16 * 8);
      let largest = 0;
      for (let index = 0; index < plan.count; index++) {
        for (const { depth } of merged.addForLabels(index, result)) largest = Math.max(largest, depth);
        expect(merged.heldValues).toBe(3 * 8 * 40 * 24);
      }
      expect(largest).toBeLessThanOrEqual(8);
    }
  });

  test("gives a plane back with the last window that reaches it", () => {
    const plan = planWindows([2, 1, 6], [1, 1, 4]);
    // Starts along z: 0 and 2; two windows beside each other at either.
    const merged = new WindowAccumulator(plan, { classes: 1 });
    const slabs = [0, 1, 2, 3].map((index) => merged.add(index, new Float32Array(4)).map(({ z, depth }) => [z, depth]));
    expect(slabs).toEqual([[], [[0, 2]], [], [[2, 4]]]);
  });

  test("refuses what does not belong to the plan", () => {
    const plan = planWindows([2, 1, 1], [1, 1, 1]);
    const saying = (message: string): unknown => expect.objectContaining({ message });
    const merged = new WindowAccumulator(plan, { classes: 2 });
    expect(() => merged.add(1, new Float32Array(2))).toThrow(saying("Cannot merge windows: got window 1, expected window 0"));
    expect(() => merged.add(0, new Float32Array(3))).toThrow(
      saying("Cannot merge windows: window 0 has 3 values, expected 2 for 2 classes of [1, 1, 1] voxels"),
    );
    expect(() => merged.add(0, new Float32Array([0, Number.NaN]))).toThrow(
      saying("Cannot merge windows: value 1 of window 0 is NaN, expected numbers"),
    );
    merged.add(0, new Float32Array(2));
    merged.add(1, new Float32Array(2));
    expect(() => merged.add(2, new Float32Array(2))).toThrow(
      saying("Cannot merge windows: got window 2, expected none after the last of 2"),
    );
    expect(() => new WindowAccumulator(plan, { classes: 0 })).toThrow(
      saying("Cannot merge windows: classes is 0, expected an integer from 1 to 65,536"),
    );
    expect(() => new WindowAccumulator(planWindows([512, 512, 512], [128, 128, 128]), { classes: 100 })).toThrow(
      saying("Cannot merge windows: 100 classes in 128 planes of 512 × 512 are 3,355,443,200 values, the limit is 1,073,741,824"),
    );
  });
});
