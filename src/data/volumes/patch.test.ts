import { describe, expect, test } from "vitest";
import { randomStream } from "../random.js";
import {
  changeIntensities,
  NO_VOLUME_AUGMENTATION,
  parseVolumeAugmentation,
  VOLUME_AUGMENTATION,
  type VolumeAugmentation,
} from "./augmentation.js";
import { centralPatch, choosePatch, cutPatch, type LabeledVolume, voxelIndicesByClass } from "./patch.js";
import type { Triple } from "./volume.js";

/** Two channels: x + 10 y + 100 z, and its negative; class 1 is a box, class 2 one voxel. */
function ramp(shape: Triple): LabeledVolume {
  const [width, height, depth] = shape;
  const voxels = width * height * depth;
  const values = Float32Array.from(
    { length: voxels },
    (_, i) => (i % width) + 10 * (Math.floor(i / width) % height) + 100 * Math.floor(i / (width * height)),
  );
  const classes = Uint16Array.from(values, (value) => (value % 10 >= 2 && value % 10 <= 4 && value >= 300 && value < 500 ? 1 : 0));
  classes[voxels - 1] = 2;
  const data = Float32Array.from({ length: 2 * voxels }, (_, i) => (i < voxels ? values[i]! : -values[i - voxels]! + 0));
  return { shape, data, channels: 2, classes, places: voxelIndicesByClass(classes, 3) };
}

const VOLUME = ramp([8, 9, 7]);
const PLAIN = NO_VOLUME_AUGMENTATION;
const random = (index = 0) => randomStream({ seed: 4, purpose: "patch test", index });

function at([width, height]: Triple, values: ArrayLike<number>, x: number, y: number, z: number): number {
  return values[x + width * (y + height * z)] ?? Number.NaN;
}

describe("where a patch lies", () => {
  test("around a voxel of a class, small classes as often as large ones", () => {
    const size: Triple = [3, 3, 3];
    const found = [0, 0, 0];
    for (let index = 0; index < 400; index++) {
      const { labels } = cutPatch(VOLUME, choosePatch(VOLUME, size, 1, random(index)), size, PLAIN, random(index));
      found[labels.includes(2) ? 2 : labels.includes(1) ? 1 : 0]! += 1;
    }
    expect(found[0]).toBe(0);
    // 200 ± 10 of 400 draws; five deviations.
    expect(Math.abs((found[2] ?? 0) - 200)).toBeLessThan(50);
  });

  test("anywhere, and never outside", () => {
    const starts = Array.from({ length: 500 }, (_, index) => choosePatch(VOLUME, [3, 9, 10], 0, random(index)));
    expect([...new Set(starts.map(([x]) => x))].toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(new Set(starts.map(([, y]) => y))).toEqual(new Set([0]));
    // A patch larger than the volume lies around it.
    expect([...new Set(starts.map(([, , z]) => z))].toSorted((a, b) => a - b)).toEqual([-3, -2, -1, 0].toSorted((a, b) => a - b));
  });

  test("measuring looks at the middle of the foreground, or of the padding", () => {
    const classes = new Uint16Array(8 * 9 * 7);
    classes[6 + 8 * (1 + 9 * 3)] = 1;
    expect(centralPatch({ shape: [8, 9, 7], classes }, [4, 4, 12])).toEqual([4, 0, -2]);
    expect(centralPatch({ shape: [8, 9, 7], classes: classes.map(() => 0) }, [4, 4, 4])).toEqual([2, 3, 2]);
  });

  test("places of classes are theirs, evenly chosen of a large class", () => {
    const classes = Uint16Array.from({ length: 60_000 }, (_, i) => (i < 30_000 ? 0 : i === 59_999 ? 2 : 1));
    const [none, first, second] = voxelIndicesByClass(classes, 3);
    expect([none?.length, first?.length, [...(second ?? [])]]).toEqual([0, 10_000, [59_999]]);
    expect([first?.[0], first?.[1], first?.at(-1)]).toEqual([30_000, 30_003, 59_997]);
  });
});

describe("a patch", () => {
  test("unchanged is the part of the volume, with 0 and background outside", () => {
    const size: Triple = [4, 3, 2];
    const { image, labels } = cutPatch(VOLUME, [6, -1, 6], size, PLAIN, random());
    const plane = (offset: number) => [...image.subarray(offset, offset + 12)];
    expect(plane(0)).toEqual([0, 0, 0, 0, 606, 607, 0, 0, 616, 617, 0, 0]);
    expect(plane(12)).toEqual(new Array(12).fill(0));
    expect(plane(24)).toEqual([0, 0, 0, 0, -606, -607, 0, 0, -616, -617, 0, 0].map((value) => value + 0));
    expect(labels.every((label) => label === 0)).toBe(true);
    expect(cutPatch(VOLUME, [7, 8, 6], [1, 1, 1], PLAIN, random()).labels[0]).toBe(2);
  });

  test("mirrored is the same patch from the other side, labels with it", () => {
    const size: Triple = [8, 9, 7];
    const outcomes = new Set<string>();
    for (let index = 0; index < 40; index++) {
      const { image, labels } = cutPatch(VOLUME, [0, 0, 0], size, { ...PLAIN, mirrorAxes: [0, 2] }, random(index));
      const [turnedX, turnedZ] = [at(size, image, 0, 0, 0) % 10 === 7, at(size, image, 0, 0, 0) >= 600];
      outcomes.add(`${turnedX} ${turnedZ}`);
      for (const [x, y, z] of [
        [1, 2, 3],
        [7, 8, 6],
      ] as const) {
        const from = [turnedX ? 7 - x : x, y, turnedZ ? 6 - z : z] as const;
        expect(at(size, image, x, y, z)).toBe(at(size, VOLUME.data, ...from));
        expect(at(size, labels, x, y, z)).toBe(at(size, VOLUME.classes, ...from));
      }
    }
    expect(outcomes.size).toBe(4);
  });

  test("rotated, scaled and deformed images stay what they are: a ramp is a ramp along the turned axes", () => {
    const big = ramp([40, 40, 40]);
    const augmentation: VolumeAugmentation = { ...PLAIN, rotationProbability: 1, rotationDegrees: 30, scalingProbability: 1 };
    const size: Triple = [12, 12, 12];
    for (let index = 0; index < 10; index++) {
      const { image } = cutPatch(big, [14, 14, 14], size, augmentation, random(index));
      // The middle of the patch stays where it is: the ramp's value there is 19.5 of each axis.
      const middle = [5, 6].flatMap((x) => [5, 6].flatMap((y) => [5, 6].map((z) => at(size, image, x, y, z))));
      expect(middle.reduce((sum, value) => sum + value, 0) / 8).toBeCloseTo(19.5 * 111, 1);
      // One gradient everywhere, of the length √(1 + 10² + 100²) / scale.
      const step = (axis: number): number =>
        at(size, image, 5 + Number(axis === 0), 5 + Number(axis === 1), 5 + Number(axis === 2)) - at(size, image, 5, 5, 5);
      const gradient = [0, 1, 2].map(step);
      expect(at(size, image, 9, 3, 7) - at(size, image, 5, 5, 5)).toBeCloseTo(4 * gradient[0]! - 2 * gradient[1]! + 2 * gradient[2]!, 0);
      const length = Math.hypot(...gradient) / Math.hypot(1, 10, 100);
      expect(length).toBeGreaterThan(1 / 1.25 - 1e-3);
      expect(length).toBeLessThan(1 / 0.8 + 1e-3);
    }
  });

  test("elastic shifts are smooth and as large as asked", () => {
    const big = ramp([60, 60, 60]);
    const augmentation: VolumeAugmentation = { ...PLAIN, elasticProbability: 1, elasticShift: 2, elasticSpacing: 10 };
    const size: Triple = [30, 30, 30];
    let squares = 0;
    for (let index = 0; index < 8; index++) {
      const { image } = cutPatch(big, [15, 15, 15], size, augmentation, random(index));
      const plain = cutPatch(big, [15, 15, 15], size, PLAIN, random(index)).image;
      // 100 a voxel along z: the difference is the shift there, but for some tenths along x and y.
      const shifts = Array.from({ length: 30 }, (_, z) => (at(size, image, 15, 15, z) - at(size, plain, 15, 15, z)) / 100);
      squares += shifts.reduce((sum, shift) => sum + shift * shift, 0) / 30 / 8;
      for (let z = 1; z < 30; z++) expect(Math.abs(shifts[z]! - shifts[z - 1]!)).toBeLessThan(1);
    }
    // A B-spline of independent points has (151/315)³ of their variance: 2 · 0.33 = 0.66 voxels, and √(1 + 0.1² + 0.01²) for the other axes.
    expect(Math.sqrt(squares)).toBeGreaterThan(0.35);
    expect(Math.sqrt(squares)).toBeLessThan(1.1);
  });

  test("is the same for the same stream", () => {
    const cut = (index: number) => cutPatch(VOLUME, [0, 0, 0], [8, 8, 8], { ...VOLUME_AUGMENTATION, elasticProbability: 1 }, random(index));
    expect(cut(1)).toEqual(cut(1));
    expect(cut(1).image).not.toEqual(cut(2).image);
  });
});

describe("intensities", () => {
  const values = () => Float32Array.from({ length: 4096 }, (_, i) => Math.sin(i) + 0.2 * Math.sin(i / 100));
  const mean = (list: Float32Array) => list.reduce((sum, value) => sum + value, 0) / list.length;
  const deviation = (list: Float32Array) => {
    const middle = mean(list);
    return Math.sqrt(list.reduce((sum, value) => sum + (value - middle) ** 2, 0) / list.length);
  };

  test("noise has the deviation that was asked for at most", () => {
    const changed = values();
    changeIntensities(changed, { ...PLAIN, noiseProbability: 1, noiseDeviation: 0.5 }, random(3));
    const before = values();
    const noise = changed.map((value, i) => value - before[i]!);
    expect(deviation(noise)).toBeGreaterThan(0);
    expect(deviation(noise)).toBeLessThan(0.55);
    expect(Math.abs(mean(noise))).toBeLessThan(0.05);
  });

  test("gamma keeps mean, deviation and order", () => {
    for (let index = 0; index < 6; index++) {
      const changed = values();
      changeIntensities(changed, { ...PLAIN, gammaProbability: 1 }, random(index));
      expect(mean(changed)).toBeCloseTo(mean(values()), 4);
      expect(deviation(changed)).toBeCloseTo(deviation(values()), 4);
      const order = (list: Float32Array) => Array.from(list.keys()).toSorted((a, b) => list[a]! - list[b]!);
      expect(order(changed).slice(0, 50)).toEqual(order(values()).slice(0, 50));
    }
  });

  test("contrast stays between the lowest and the highest; brightness is a factor", () => {
    const contrasted = values();
    changeIntensities(contrasted, { ...PLAIN, contrastProbability: 1, contrastRange: [1.25, 1.25] }, random());
    expect(Math.max(...contrasted)).toBe(Math.max(...values()));
    expect(contrasted[100]).toBeCloseTo((values()[100]! - mean(values())) * 1.25 + mean(values()), 5);
    const brighter = values();
    changeIntensities(brighter, { ...PLAIN, brightnessProbability: 1, brightnessRange: [1.5, 1.5] }, random());
    expect(brighter[7]).toBeCloseTo(values()[7]! * 1.5, 6);
  });
});

describe("an augmentation in a file", () => {
  test("says what differs from the usual one", () => {
    expect(parseVolumeAugmentation({ mirrorAxes: [0, 1, 2], noiseProbability: 0 }, "x")).toEqual({
      ...VOLUME_AUGMENTATION,
      mirrorAxes: [0, 1, 2],
      noiseProbability: 0,
    });
  });

  test.each([
    [{ mirrorAxes: [3] }, "mirrorAxes is not a list of 0, 1 and 2"],
    [{ gammaRange: [2, 1] }, "gammaRange is not a minimum and a maximum from 0.05 to 20"],
    [{ rotationProbability: 1.5 }, "rotationProbability is not a number from 0 to 1"],
    [{ rotation: 1 }, `rotation is not one of ${Object.keys(VOLUME_AUGMENTATION).join(", ")}`],
    [7, "the value is not an object"],
  ])("%j is refused", (value, fact) => {
    expect(() => parseVolumeAugmentation(value, "the settings")).toThrow(
      expect.objectContaining({ code: "OPTION_INVALID", message: `Cannot read the augmentation of the settings: ${fact}` }),
    );
  });
});
