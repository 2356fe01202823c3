import { describe, expect, test } from "vitest";
import { createVolume, type Triple } from "../data/volumes/volume.js";
import { boxAround, drawSlice, EDGES, pictureSize, type SliceView, shownSlices, wholeBox } from "./slices.js";

const SHAPE: Triple = [3, 4, 2];
/** Voxels of 1 × 1 × 2 mm; each value tells its place: x + 10 y + 100 z. */
const IMAGE = createVolume(
  SHAPE,
  Float32Array.from({ length: 24 }, (_, i) => (i % 3) + 10 * (Math.floor(i / 3) % 4) + 100 * Math.floor(i / 12)),
  [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 2, 0, 0, 0, 0, 1],
);
const PLAIN = { range: [0, 255], colors: [null] } as const;

/** The red of each pixel, row by row. */
function reds(view: SliceView, classes = new Uint8Array(24)): number[][] {
  const { width, height, data } = drawSlice(IMAGE, classes, view, PLAIN);
  return Array.from({ length: height }, (_, row) => Array.from({ length: width }, (_, column) => data[3 * (row * width + column)]!));
}

describe("drawSlice", () => {
  const view = { region: wholeBox(SHAPE), scale: 1 };

  test("one pixel for a voxel: the patient's right is left, the front or the head is up", () => {
    expect(reds({ ...view, plane: "axial", index: 1 })).toEqual([
      [132, 131, 130],
      [122, 121, 120],
      [112, 111, 110],
      [102, 101, 100],
    ]);
    // Two millimeters along z are two pixels: 100 z at a quarter, three quarters, and outside the centers the outermost.
    expect(reds({ ...view, plane: "coronal", index: 2 })).toEqual([
      [122, 121, 120],
      [97, 96, 95],
      [47, 46, 45],
      [22, 21, 20],
    ]);
    expect(reds({ ...view, plane: "sagittal", index: 1 })[0]).toEqual([131, 121, 111, 101]);
    expect(EDGES.axial[0]).toBe("R");
  });

  test("a part of it, larger, in another range", () => {
    const { width, height, data } = drawSlice(
      IMAGE,
      new Uint8Array(24),
      { plane: "axial", index: 0, region: { start: [1, 1, 0], size: [2, 1, 1] }, scale: 2 },
      { range: [13.5, 14.5], colors: [] },
    );
    expect([width, height]).toEqual([4, 2]);
    // The first row lies at y = 1.25 and its pixels at x = 2.25, which is beyond the last center, 1.75, 1.25 and 0.75.
    expect([0, 1, 2, 3].map((column) => data[3 * column])).toEqual([255, 191, 63, 0]);
  });

  test("voxels that are no number are black, and a range without width is black too", () => {
    const image = createVolume([1, 1, 1], Float32Array.of(Number.NaN));
    const at: SliceView = { plane: "axial", index: 0, region: wholeBox([1, 1, 1]), scale: 1 };
    expect([...drawSlice(image, [0], at, PLAIN).data]).toEqual([0, 0, 0]);
    expect([...drawSlice(createVolume([1, 1, 1], Float32Array.of(5)), [0], at, { range: [5, 5], colors: [] }).data]).toEqual([0, 0, 0]);
  });

  test("outlines run inside the border of a class, not along the border of the picture", () => {
    const classes = new Uint8Array(5 * 5);
    for (let y = 0; y < 5; y++) for (let x = 0; x < 4; x++) classes[y * 5 + x] = 1;
    const image = createVolume([5, 5, 1], new Float32Array(25));
    const at: SliceView = { plane: "axial", index: 0, region: wholeBox([5, 5, 1]), scale: 1 };
    const { data } = drawSlice(image, classes, at, { range: [0, 1], colors: [null, [9, 8, 7]], outline: 1 });
    // The picture runs against x: column 0 is voxel 4, which is background; column 1 borders on it.
    const row = Array.from({ length: 5 }, (_, column) => [...data.subarray(3 * (2 * 5 + column), 3 * (2 * 5 + column) + 3)]);
    expect(row).toEqual([
      [0, 0, 0],
      [9, 8, 7],
      [0, 0, 0],
      [0, 0, 0],
      [0, 0, 0],
    ]);
  });

  test("a dashed outline is the outline with gaps along both axes", () => {
    const image = createVolume([64, 64, 1], new Float32Array(64 * 64));
    const classes = Uint8Array.from({ length: 64 * 64 }, (_, i) => (i % 64 > 8 && i % 64 < 56 && i > 8 * 64 && i < 56 * 64 ? 1 : 0));
    const at: SliceView = { plane: "axial", index: 0, region: wholeBox([64, 64, 1]), scale: 1 };
    const drawn = (dashed: readonly boolean[]) => {
      const { data } = drawSlice(image, classes, at, { range: [0, 1], colors: [null, [9, 8, 7]], dashed, outline: 1 });
      return Array.from({ length: 64 * 64 }, (_, pixel) => data[3 * pixel] === 9);
    };
    const [full, dashes] = [drawn([]), drawn([false, true])];
    expect(dashes.every((set, pixel) => !set || full[pixel])).toBe(true);
    // The first row and the first column of the outline.
    const row = full.findIndex(Boolean) - (full.findIndex(Boolean) % 64);
    const column = full.findIndex(Boolean) % 64;
    for (const line of [Array.from({ length: 64 }, (_, x) => row + x), Array.from({ length: 64 }, (_, y) => y * 64 + column)]) {
      const shown = line.filter((pixel) => full[pixel]).map((pixel) => dashes[pixel]);
      expect(shown).toContain(true);
      expect(shown).toContain(false);
    }
  });
});

describe("where to look", () => {
  test("at the slice nearest to the center of mass that shows something", () => {
    const classes = new Uint8Array(24);
    // Two voxels at both ends of y: their center is between them, where nothing is.
    classes[0] = 1;
    classes[9] = 2;
    expect(shownSlices(classes, SHAPE)).toEqual([0, 0, 0]);
    expect(shownSlices(new Uint8Array(24), SHAPE)).toEqual([1, 2, 1]);
  });

  test("around the labels with a margin, within the volume", () => {
    const classes = new Uint8Array(24);
    classes[1 + 3 * 2 + 12] = 4;
    expect(boxAround(classes, SHAPE, [1, 1, 2], 0)).toEqual({ start: [1, 2, 1], size: [1, 1, 1] });
    expect(boxAround(classes, SHAPE, [1, 1, 2], 1)).toEqual({ start: [0, 1, 0], size: [3, 3, 2] });
    expect(boxAround(new Uint8Array(24), SHAPE, [1, 1, 2], 1)).toBeNull();
    expect(pictureSize("coronal", wholeBox(SHAPE), [1, 1, 2])).toEqual([3, 4]);
  });
});
