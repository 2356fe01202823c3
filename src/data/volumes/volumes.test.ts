import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { goldenPath } from "../../../test/shared.js";
import { InceptionError } from "../../errors.js";
import { qformAffine, qformOf } from "../../formats/nifti-affine.js";
import { clipPercentiles, ctWindow, voxelStatistics, zScore } from "./intensity.js";
import { axisCodes, fromRas, toRas } from "./orientation.js";
import { resampleToGrid, resampleToShape, resampleToSpacing, shapeAtSpacing } from "./resample.js";
import { type Affine, createVolume, type Triple, type Volume, voxelOf, worldOf } from "./volume.js";

interface Goldens {
  readonly linear: readonly { readonly shape: Triple; readonly target: Triple; readonly input: number[]; readonly output: number[] }[];
  readonly axcodes: readonly { readonly affine: Affine; readonly codes: string }[];
  readonly canonical: readonly { readonly affine: Affine; readonly shape: Triple; readonly data: number[]; readonly canonical: Affine }[];
  readonly qform: readonly { readonly affine: Affine; readonly quaternion: number[]; readonly qfac: number }[];
  readonly percentiles: {
    readonly values: number[];
    readonly clips: readonly (readonly [lower: number, upper: number, low: number, high: number])[];
    readonly mean: number;
    readonly std: number;
  };
}

/** Of nibabel, SciPy and NumPy. */
const GOLDENS = JSON.parse(readFileSync(goldenPath("volumes.json"), "utf8")) as Goldens;

function messageOf(run: () => unknown): readonly [code: string, message: string] {
  try {
    run();
  } catch (thrown) {
    if (thrown instanceof InceptionError) return [thrown.code, thrown.message];
  }
  throw new Error("expected an InceptionError");
}

function expectClose(found: ArrayLike<number>, expected: ArrayLike<number>, digits: number): void {
  expect(found.length).toBe(expected.length);
  Array.from(found).map((value, index) => expect(value).toBeCloseTo(expected[index] as number, digits));
}

const size = fc.integer({ min: 1, max: 5 });
const shape: fc.Arbitrary<Triple> = fc.tuple(size, size, size);
/** Oblique, sheared, mirrored: anything that spans the space. */
const affine: fc.Arbitrary<Affine> = fc
  .array(fc.integer({ min: -40, max: 40 }), { minLength: 12, maxLength: 12 })
  .map((rows) => [...rows.map((value) => value / 8), 0, 0, 0, 1])
  .filter(([a = 0, b = 0, c = 0, , d = 0, e = 0, f = 0, , g = 0, h = 0, i = 0]) => {
    return Math.abs(a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)) > 0.05;
  });
const labels: fc.Arbitrary<Volume> = fc
  .tuple(shape, affine, fc.infiniteStream(fc.integer({ min: 0, max: 3 })))
  .map(([sizes, matrix, values]) => createVolume(sizes, Uint8Array.from(take(values, sizes[0] * sizes[1] * sizes[2])), matrix));

function take(values: Iterator<number>, count: number): readonly number[] {
  return Array.from({ length: count }, () => Number(values.next().value));
}

const FLIPPED: Affine = [-2, 0, 0, 90, 0, 0, 3, -126, 0, -1, 0, -72, 0, 0, 0, 1];

describe("a volume", () => {
  test("knows its spacing, and its points in the world", () => {
    const volume = createVolume([2, 3, 4], new Float32Array(24), FLIPPED);
    expect(volume.spacing).toEqual([2, 1, 3]);
    // x = -2 i + 90, y = 3 k - 126, z = -j - 72.
    expect(worldOf(FLIPPED, [1, 2, 3])).toEqual([88, -117, -74]);
    expect(voxelOf(FLIPPED, [88, -117, -74])).toEqual([1, 2, 3]);
  });

  test("is refused where it cannot be what it says", () => {
    expect(messageOf(() => createVolume([2, 2, 2], new Float32Array(7)))).toEqual([
      "VOLUME_INVALID",
      "Cannot use a volume of 2 x 2 x 2 voxels over 7 values: expected one value for each voxel",
    ]);
    expect(messageOf(() => createVolume([2, 0, 2], new Float32Array(0)))).toEqual([
      "VOLUME_INVALID",
      "Cannot use a volume of 2 x 0 x 2 voxels: expected three positive sizes",
    ]);
    for (const wrong of [
      [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
      [1, 0, 0, Number.NaN, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1],
      [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 1, 1],
    ]) {
      expect(messageOf(() => createVolume([1, 1, 1], new Float32Array(1), wrong))).toEqual([
        "VOLUME_INVALID",
        `Cannot use a volume with the affine [${wrong.join(", ")}]: expected 16 finite numbers, row by row, whose three axes span the space and whose last row is 0, 0, 0, 1`,
      ]);
    }
  });

  test("voxelOf undoes worldOf", () => {
    fc.assert(
      fc.property(affine, shape, (matrix, point) => {
        expectClose(voxelOf(matrix, worldOf(matrix, point)), point, 6);
      }),
    );
  });
});

describe("orientation", () => {
  test("axis codes of random affines are nibabel's", () => {
    for (const golden of GOLDENS.axcodes) expect(axisCodes(golden.affine)).toBe(golden.codes);
  });

  test("to RAS is nibabel's as_closest_canonical", () => {
    for (const golden of GOLDENS.canonical) {
      const data = Int16Array.from({ length: 12 }, (_, index) => index);
      const ras = toRas(createVolume([2, 3, 2], data, golden.affine));
      expect(ras.shape).toEqual(golden.shape);
      expect([...ras.data]).toEqual(golden.data);
      expectClose(ras.affine, golden.canonical, 9);
    }
  });

  test("keeps every voxel at its point of the world, and comes back exactly", () => {
    fc.assert(
      fc.property(labels, (volume) => {
        const ras = toRas(volume);
        expect(ras.data).toBeInstanceOf(Uint8Array);
        const [nx, ny, nz] = ras.shape;
        for (let k = 0; k < nz; k++) {
          for (let j = 0; j < ny; j++) {
            for (let i = 0; i < nx; i++) {
              const [a, b, c] = voxelOf(volume.affine, worldOf(ras.affine, [i, j, k])).map(Math.round) as [number, number, number];
              expect(ras.data[i + nx * (j + ny * k)]).toBe(volume.data[a + volume.shape[0] * (b + volume.shape[1] * c)]);
            }
          }
        }
        expect(fromRas(ras, volume)).toEqual(volume);
      }),
    );
  });

  test("does not go back to another grid", () => {
    const volume = createVolume([2, 3, 4], new Uint8Array(24), FLIPPED);
    const wrong = createVolume([2, 4, 3], new Uint8Array(24), FLIPPED);
    expect(messageOf(() => fromRas(toRas(volume), wrong))).toEqual([
      "VOLUME_INVALID",
      "Cannot reorient a volume of 2 x 4 x 3 voxels to 2 x 4 x 3 voxels oriented LIA: it is not on that grid in RAS orientation",
    ]);
  });
});

describe("transforms as quaternions", () => {
  test("are nibabel's, both ways", () => {
    for (const golden of GOLDENS.qform) {
      const qform = qformOf(golden.affine, 1);
      expect(qform?.qfac).toBe(golden.qfac);
      // A half turn is the same about an axis and about its opposite.
      const sign =
        (qform?.quaternion.find((part) => Math.abs(part) > 1e-6) ?? 1) * (golden.quaternion.find((p) => Math.abs(p) > 1e-6) ?? 1);
      const half = Math.abs(1 - golden.quaternion.reduce((sum, part) => sum + part * part, 0)) < 1e-9 && sign < 0;
      expectClose(qform?.quaternion.map((part) => (half ? -part : part)) ?? [], golden.quaternion, 9);
      expectClose((qform && qformAffine(qform, [1.5, 2, 3.25], 2)) ?? [], golden.affine, 6);
    }
  });

  test("of a sheared affine there is none", () => {
    expect(qformOf([1, 0.1, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1], 1)).toBeNull();
    expect(qformOf([0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1], 1)).toBeNull();
  });
});

describe("resampling", () => {
  test("linear equals scipy.ndimage.zoom", () => {
    for (const { shape: from, target, input, output } of GOLDENS.linear) {
      const resampled = resampleToShape(createVolume(from, Int16Array.from(input)), target, "linear");
      expect(resampled.data).toBeInstanceOf(Float32Array);
      expectClose(resampled.data, output, 4);
    }
  });

  test("labels by hand: two voxels become five, and three labels share a cell", () => {
    // Positions -0.3, 0.1, 0.5, 0.9, 1.3: at 0.5 both labels weigh the same and the smaller wins; by nearest it lies in the second voxel.
    const row = createVolume([2, 1, 1], Uint8Array.of(1, 2));
    expect([...resampleToShape(row, [5, 1, 1], "label-linear").data]).toEqual([1, 1, 1, 2, 2]);
    expect([...resampleToShape(row, [5, 1, 1], "nearest").data]).toEqual([1, 1, 2, 2, 2]);
    // In the middle of four voxels 3, 3, 1, 2: 3 has half the weight.
    const square = createVolume([2, 2, 1], Float32Array.of(3, 1, 2, 3));
    const middle = resampleToShape(square, [1, 1, 1], "label-linear");
    expect([...middle.data]).toEqual([3]);
    expect(middle.data).toBeInstanceOf(Float32Array);
    expect(middle.affine).toEqual([2, 0, 0, 0.5, 0, 2, 0, 0.5, 0, 0, 1, 0, 0, 0, 0, 1]);
  });

  test("sizes are what covers the field of view, halves to even", () => {
    const grid = createVolume([5, 10, 1], new Uint8Array(50), [0.5, 0, 0, 0, 0, 2, 0, 0, 0, 0, 3, 0, 0, 0, 0, 1]);
    expect(shapeAtSpacing(grid, [1, 1.5, 9])).toEqual([2, 13, 1]);
    expect(resampleToSpacing(grid, [1, 1.5, 9], "nearest").spacing).toEqual([1.25, 20 / 13, 3]);
  });

  test("the field of view stays, values stay among the old, and labels come back exactly from whole multiples", () => {
    fc.assert(
      fc.property(labels, fc.tuple(size, size, size), fc.constantFrom("nearest", "label-linear"), (volume, factor, interpolation) => {
        const target: Triple = [volume.shape[0] * factor[0], volume.shape[1] * factor[1], volume.shape[2] * factor[2]];
        const fine = resampleToShape(volume, target, interpolation);
        expect(fine.data).toBeInstanceOf(Uint8Array);
        expect([...fine.data].every((label) => volume.data.includes(label))).toBe(true);
        for (const corner of [0, 1]) {
          const face = (sizes: Triple) => sizes.map((dim) => corner * dim - 0.5) as [number, number, number];
          expectClose(worldOf(fine.affine, face(target)), worldOf(volume.affine, face(volume.shape)), 6);
        }
        if (interpolation === "nearest") expect(resampleToGrid(fine, volume, interpolation)).toEqual(volume);
      }),
    );
  });

  test("returns to any grid with its shape and affine, and the same size changes nothing", () => {
    fc.assert(
      fc.property(labels, shape, fc.constantFrom("nearest", "label-linear", "linear"), (volume, target, interpolation) => {
        const there = resampleToShape(volume, target, interpolation);
        const back = resampleToGrid(there, volume, interpolation);
        expect({ shape: back.shape, affine: back.affine, length: back.data.length }).toEqual({
          shape: volume.shape,
          affine: volume.affine,
          length: volume.data.length,
        });
        expect([...resampleToShape(volume, volume.shape, interpolation).data]).toEqual([...volume.data]);
      }),
    );
  });

  test("NaN spreads to voxels between only", () => {
    const volume = createVolume([3, 1, 1], Float32Array.of(1, Number.NaN, 3));
    expect([...resampleToShape(volume, [3, 1, 1], "linear").data]).toEqual([1, Number.NaN, 3]);
  });

  test("what cannot be is refused", () => {
    const volume = createVolume([2, 2, 2], new Float32Array(8));
    expect(messageOf(() => resampleToSpacing(volume, [1, 0, 1], "linear"))).toEqual([
      "OPTION_INVALID",
      "Cannot resample to the spacing [1, 0, 1]: expected three positive lengths in millimeters",
    ]);
    expect(messageOf(() => resampleToSpacing(volume, [1e-3, 1e-3, 1e-3], "linear"))).toEqual([
      "OPTION_INVALID",
      "Cannot resample to 2000 x 2000 x 2000 voxels: expected three positive sizes and at most 536,870,912 voxels",
    ]);
    expect(messageOf(() => resampleToGrid(volume, createVolume([3, 3, 3], new Float32Array(27)), "linear"))).toEqual([
      "VOLUME_INVALID",
      "Cannot resample a volume of 2 x 2 x 2 voxels to the grid of 3 x 3 x 3 voxels: they do not cover the same field of view; resample only volumes that were computed from that grid",
    ]);
  });
});

describe("intensity", () => {
  const { values, clips, mean, std } = GOLDENS.percentiles;
  const volume = createVolume([values.length, 1, 1], Int16Array.from(values));

  test("mean, standard deviation and percentiles are NumPy's", () => {
    const statistics = voxelStatistics(volume);
    expect(statistics).toMatchObject({ count: 37, min: Math.min(...values), max: Math.max(...values) });
    expectClose([statistics.mean, statistics.standardDeviation], [mean, std], 12);
    expectClose(
      zScore(volume).data,
      values.map((value) => (value - mean) / std),
      6,
    );
    for (const [lower, upper, low, high] of clips) {
      const clipped = clipPercentiles(volume, lower, upper);
      expectClose(
        clipped.data,
        values.map((value) => Math.min(Math.max(value, low), high)),
        5,
      );
    }
  });

  test("of voxels that are not 0, and without those that are not finite", () => {
    const sparse = createVolume([5, 1, 1], Float32Array.of(0, 2, Number.NaN, 4, Number.POSITIVE_INFINITY));
    expect(voxelStatistics(sparse, "nonzero")).toEqual({ count: 2, mean: 3, standardDeviation: 1, min: 2, max: 4 });
    expect([...zScore(sparse, "nonzero").data]).toEqual([0, -1, 0, 1, 0]);
    expect([...clipPercentiles(sparse, 25, 75, "nonzero").data]).toEqual([2.5, 2.5, 2.5, 3.5, 3.5]);
    expect([...ctWindow(sparse, 2, 4).data]).toEqual([0, 0.5, 0, 1, 1]);
  });

  test("without spread or without voxels everything is 0", () => {
    const flat = createVolume([2, 1, 1], Int16Array.of(7, 7));
    expect([...zScore(flat).data]).toEqual([0, 0]);
    const empty = createVolume([2, 1, 1], Float32Array.of(0, Number.NaN));
    expect(voxelStatistics(empty, "nonzero").count).toBe(0);
    expect([...zScore(empty, "nonzero").data]).toEqual([0, 0]);
    expect([...clipPercentiles(empty, 0, 100, "nonzero").data]).toEqual([0, 0]);
  });

  test("what cannot be is refused", () => {
    expect(messageOf(() => clipPercentiles(volume, 60, 40))).toEqual([
      "OPTION_INVALID",
      "Cannot clip to the percentiles 60 and 40: expected 0 <= lower <= upper <= 100",
    ]);
    expect(messageOf(() => ctWindow(volume, 40, 0))).toEqual([
      "OPTION_INVALID",
      "Cannot apply a window of center 40 and width 0: expected finite Hounsfield units and a positive width",
    ]);
  });
});
