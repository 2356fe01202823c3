import { describe, expect, test } from "vitest";
import { cutWindow, planWindows, segmentWindows, type Triple, type WindowNetwork, type WindowPlan, windowStart } from "./index.js";

/** A network without a machine: each logit depends on the voxel, its neighbor to the right and the place in the window. */
function network(channels: number, classes: number, [x, y, z]: Triple): WindowNetwork {
  const voxels = x * y * z;
  return {
    channels,
    classes,
    run: async (window) =>
      Float32Array.from({ length: classes * voxels }, (_, i) => {
        const [index, voxel] = [Math.floor(i / voxels), i % voxels];
        const right = (voxel + 1) % x === 0 ? 0 : window[voxel + 1]!;
        const other = channels > 1 ? window[voxels + voxel]! : 0;
        return Math.sin(3 * window[voxel]! + index * (1 + right)) * 2 + 0.3 * other * index - 0.02 * voxel * index;
      }),
  };
}

function noise(length: number): Float32Array {
  return Float32Array.from({ length }, (_, i) => Math.sin(12.9898 * (i + 1)) * 3);
}

/** Order of a window's voxels when it is turned round along some axes. */
function turned([x, y, z]: Triple, axes: readonly number[]): number[] {
  return Array.from({ length: x * y * z }, (_, i) => {
    const place = [i % x, Math.floor(i / x) % y, Math.floor(i / (x * y))];
    const [a, b, c] = place.map((value, axis) => (axes.includes(axis) ? [x, y, z][axis]! - 1 - value : value)) as [number, number, number];
    return (c * y + b) * x + a;
  });
}

function softmax(logits: readonly number[]): number[] {
  const powers = logits.map(Math.exp);
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}

/** The definition, in double precision: the sum over windows and mirrorings of weight times softmax, over the sum of the weights. */
async function naive(
  { run, channels, classes }: WindowNetwork,
  data: Float32Array,
  plan: WindowPlan,
  turns: readonly (readonly number[])[],
) {
  const { shape, window, before } = plan;
  const [voxels, inside] = [shape[0] * shape[1] * shape[2], window[0] * window[1] * window[2]];
  const [sums, totals] = [new Float64Array(classes * voxels), new Float64Array(voxels)];
  for (let index = 0; index < plan.count; index++) {
    const start = windowStart(plan, index).map((value, axis) => value - before[axis]!);
    const cut = cutWindow(plan, index, data, channels);
    for (const turn of turns) {
      const order = turned(window, turn);
      const given = Float32Array.from(cut, (_, i) => cut[Math.floor(i / inside) * inside + order[i % inside]!]!);
      const logits = await run(given);
      for (let i = 0; i < inside; i++) {
        const from = order[i]!;
        const place = [i % window[0], Math.floor(i / window[0]) % window[1], Math.floor(i / (window[0] * window[1]))];
        const [x, y, z] = place.map((value, axis) => value + start[axis]!) as [number, number, number];
        if (x < 0 || y < 0 || z < 0 || x >= shape[0] || y >= shape[1] || z >= shape[2]) continue;
        const weight = place.reduce((product, value, axis) => {
          const size = window[axis]!;
          return product * Math.exp(-(((value - (size - 1) / 2) / (size / 8)) ** 2) / 2);
        }, 1);
        const at = (z * shape[1] + y) * shape[0] + x;
        totals[at]! += weight;
        const shares = softmax(Array.from({ length: classes }, (_, c) => logits[c * inside + from]!));
        for (const [c, share] of shares.entries()) sums[c * voxels + at]! += weight * share;
      }
    }
  }
  return sums.map((sum, i) => sum / totals[i % voxels]!);
}

describe("segmentWindows", () => {
  test.each([
    { shape: [7, 6, 5], window: [4, 3, 4], channels: 1, classes: 3, mirrorAxes: [] },
    { shape: [7, 2, 5], window: [4, 4, 2], channels: 2, classes: 2, mirrorAxes: [0, 2] },
    { shape: [3, 3, 3], window: [5, 4, 6], channels: 1, classes: 4, mirrorAxes: [1] },
  ] as const)(
    "windows of $window over $shape are the weighted mean of probabilities",
    async ({ shape, window, channels, classes, mirrorAxes }) => {
      const data = noise(channels * shape[0] * shape[1] * shape[2]);
      const plan = planWindows(shape, window);
      const net = network(channels, classes, window);
      const subsets: number[][] = [[]];
      for (const axis of mirrorAxes) subsets.push(...subsets.map((set) => [...set, axis]));
      const expected = await naive(net, data, plan, subsets);
      const voxels = shape[0] * shape[1] * shape[2];
      const { classes: labels, probabilities } = await segmentWindows(net, data, plan, { mirrorAxes, probabilities: true });
      expect(probabilities?.length).toBe(classes);
      for (const [c, values] of (probabilities ?? []).entries()) {
        for (const [i, value] of values.entries()) expect(value).toBeCloseTo(expected[c * voxels + i]!, 6);
      }
      const best = Array.from({ length: voxels }, (_, i) => {
        const values = Array.from({ length: classes }, (_, c) => Math.fround(expected[c * voxels + i]!));
        return values.indexOf(Math.max(...values));
      });
      expect([...labels]).toEqual(best);
      // Labels alone are found without keeping probabilities: they must be the same.
      expect((await segmentWindows(net, data, plan, { mirrorAxes })).classes).toEqual(labels);
    },
  );

  test("tells how far it is, and runs a window while the last one is averaged", async () => {
    const events: string[] = [];
    const run = async (window: Float32Array): Promise<Float32Array> => {
      events.push(`run ${window[0]}`);
      return Float32Array.of(1, 0);
    };
    const plan = planWindows([3, 1, 1], [1, 1, 1]);
    await segmentWindows({ channels: 1, classes: 2, run }, Float32Array.of(7, 8, 9), plan, {
      onWindow: (done, total) => void events.push(`${done} of ${total}`),
    });
    expect(events).toEqual(["run 7", "0 of 3", "run 8", "1 of 3", "run 9", "2 of 3", "3 of 3"]);
  });

  test("a network that gives what no network should is an error", async () => {
    const plan = planWindows([1, 1, 1], [1, 1, 1]);
    const failing = (values: Float32Array) =>
      segmentWindows({ channels: 1, classes: 2, run: async () => values }, new Float32Array(1), plan).catch((thrown: unknown) => thrown);
    expect(await failing(Float32Array.of(1))).toMatchObject({
      code: "SESSION_FAILED",
      message: "Cannot segment a window: the network gave 1 values, expected 2",
    });
    for (const wrong of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      expect(await failing(Float32Array.of(0, wrong))).toMatchObject({
        code: "NOT_FINITE",
        message: `Cannot segment a window: output "logits" is ${wrong} at index 1; 1 of 2 values is not finite`,
      });
    }
  });

  test("a failure of a later window comes as it is, once", async () => {
    const run = async (window: Float32Array): Promise<Float32Array> => {
      if (window[0] === 2) throw new Error("lost");
      return Float32Array.of(0, 1);
    };
    const plan = planWindows([3, 1, 1], [1, 1, 1]);
    await expect(segmentWindows({ channels: 1, classes: 2, run }, Float32Array.of(1, 2, 3), plan)).rejects.toThrow("lost");
  });
});
