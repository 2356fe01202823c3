import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { digits, readSegmentGoldens } from "../../test/segment-goldens.js";
import { CONNECTIVITIES, type Connectivity, connectedComponents, fillHoles, keepLargestComponents, type Triple } from "./index.js";

const goldens = readSegmentGoldens();

const volumes = fc
  .record({ x: fc.integer({ min: 1, max: 6 }), y: fc.integer({ min: 1, max: 6 }), z: fc.integer({ min: 1, max: 6 }) })
  .chain(({ x, y, z }) =>
    fc.record({
      shape: fc.constant<Triple>([x, y, z]),
      data: fc.array(fc.constantFrom(0, 1, 1, 2), { minLength: x * y * z, maxLength: x * y * z }),
    }),
  );

/** The component of each voxel, by its first voxel: color spreads from each voxel until nothing changes. */
function naiveComponents(data: readonly number[], [width, height, depth]: Triple, connectivity: Connectivity): number[] {
  const farthest = { 6: 1, 18: 2, 26: 3 }[connectivity];
  const at = (i: number): Triple => [i % width, Math.floor(i / width) % height, Math.floor(i / (width * height))];
  const touches = (a: number, b: number): boolean => {
    const steps = at(a).map((value, axis) => Math.abs(value - (at(b)[axis] ?? 0)));
    return Math.max(...steps) === 1 && steps.reduce((sum, step) => sum + step, 0) <= farthest;
  };
  const component = new Array<number>(width * height * depth).fill(0);
  let found = 0;
  data.forEach((label, seed) => {
    if (label === 0 || component[seed] !== 0) return;
    found++;
    const open = [seed];
    component[seed] = found;
    for (let i = open.pop(); i !== undefined; i = open.pop()) {
      for (let j = 0; j < data.length; j++) {
        if (component[j] !== 0 || data[j] !== label || !touches(i, j)) continue;
        component[j] = found;
        open.push(j);
      }
    }
  });
  return component;
}

describe("connectedComponents", () => {
  test.each(goldens.components)("has the sizes of scipy.ndimage.label at $shape", ({ mask, shape, connectivity }) => {
    for (const each of CONNECTIVITIES) {
      const { components } = connectedComponents(digits(mask), shape, each);
      expect(components.map(({ voxels }) => voxels).toSorted((a, b) => b - a)).toEqual(connectivity[each].sizes);
    }
  });

  test.each(CONNECTIVITIES)("is what spreads from voxel to voxel with %i neighbors", (connectivity) => {
    fc.assert(
      fc.property(volumes, ({ data, shape }) => {
        const { ids, components } = connectedComponents(data, shape, connectivity);
        expect([...ids]).toEqual(naiveComponents(data, shape, connectivity));
        components.forEach(({ label, voxels }, index) => {
          const members = data.filter((_, i) => ids[i] === index + 1);
          expect(members).toEqual(new Array(voxels).fill(label));
        });
      }),
    );
  });

  test("a diagonal is one part over corners, not over faces or edges", () => {
    const diagonal = Array.from({ length: 27 }, (_, i) => (i === 0 || i === 13 || i === 26 ? 1 : 0));
    expect(CONNECTIVITIES.map((each) => connectedComponents(diagonal, [3, 3, 3], each).components.length)).toEqual([3, 3, 1]);
    const edges = [1, 0, 0, 1];
    expect(CONNECTIVITIES.map((each) => connectedComponents(edges, [2, 2, 1], each).components.length)).toEqual([2, 1, 1]);
  });

  test("refuses what is no volume of labels", () => {
    expect(() => connectedComponents([1], [2, 1, 1])).toThrow(
      expect.objectContaining({ message: "Cannot label components: shape [2, 1, 1] has 2 voxels, data has 1" }),
    );
    expect(() => connectedComponents([0, Number.NaN], [1, 1, 2])).toThrow(
      expect.objectContaining({
        message: "Cannot label components: voxel [0, 0, 1] is NaN, expected labels that are integers from 0 to 2147483647",
      }),
    );
    expect(() => connectedComponents([0], [1, 1, 1], 8 as never)).toThrow(
      expect.objectContaining({ message: "Cannot label components: connectivity is 8, expected 6, 18, 26" }),
    );
  });
});

describe("keepLargestComponents", () => {
  test("keeps the largest of each label, the first of equal ones", () => {
    expect([...keepLargestComponents([1, 0, 1, 1, 2, 0, 2], [7, 1, 1])]).toEqual([0, 0, 1, 1, 2, 0, 0]);
    expect([...keepLargestComponents([1, 0, 1, 1, 2, 0, 2], [7, 1, 1], { labels: [2] })]).toEqual([1, 0, 1, 1, 2, 0, 0]);
    expect([...keepLargestComponents([1, 0, 0, 1], [2, 2, 1])]).toEqual([1, 0, 0, 1]);
    expect([...keepLargestComponents([1, 0, 0, 1], [2, 2, 1], { connectivity: 6 })]).toEqual([1, 0, 0, 0]);
  });

  test("leaves one component of each label, and no other voxel changes", () => {
    fc.assert(
      fc.property(volumes, ({ data, shape }) => {
        const kept = keepLargestComponents(data, shape);
        const before = connectedComponents(data, shape);
        const after = connectedComponents(kept, shape);
        expect(after.components.map(({ label }) => label).toSorted()).toEqual([...new Set(data)].filter((label) => label > 0).toSorted());
        for (const { label, voxels } of after.components) {
          expect(voxels).toBe(Math.max(...before.components.filter((each) => each.label === label).map((each) => each.voxels)));
        }
        kept.forEach((label, i) => void expect(label === 0 || label === data[i]).toBe(true));
      }),
    );
  });

  test("refuses a label that cannot be", () => {
    expect(() => keepLargestComponents([0], [1, 1, 1], { labels: [-1] })).toThrow(
      expect.objectContaining({
        message: "Cannot keep the largest components: label is -1, expected an integer from 0 to 2147483647",
      }),
    );
  });
});

describe("fillHoles", () => {
  test.each(goldens.holes)("is scipy.ndimage.binary_fill_holes at $shape", ({ mask, shape, filled }) => {
    expect([...fillHoles(digits(mask), shape)].join("")).toBe(filled);
  });

  test("leaves other labels inside a hole alone, and fills around them", () => {
    // A row within a box of 5 × 3 × 3 of label 1: background, label 2, background.
    const data = new Uint8Array(45).fill(1);
    data.set([0, 2, 0], 21);
    const filled = fillHoles(data, [5, 3, 3]);
    expect([...filled.subarray(20, 25)]).toEqual([1, 1, 2, 1, 1]);
    expect([...fillHoles(data, [5, 3, 3], { labels: [2] })]).toEqual([...data]);
  });

  test("a tunnel to the border is no hole, a diagonal gap is none either", () => {
    const tunnel = new Uint8Array(27).fill(1);
    tunnel[13] = 0;
    tunnel[12] = 0;
    expect([...fillHoles(tunnel, [3, 3, 3])]).toEqual([...tunnel]);
    const corner = new Uint8Array(27).fill(1);
    corner[13] = 0;
    corner[9] = 0;
    expect(fillHoles(corner, [3, 3, 3])[13]).toBe(1);
    expect(fillHoles(corner, [3, 3, 3])[9]).toBe(0);
  });

  test("fills the background that six-neighbor steps outside the label cannot leave", () => {
    fc.assert(
      fc.property(volumes, ({ data, shape }) => {
        const filled = fillHoles(data, shape, { labels: [1] });
        const outside = data.map((label) => (label === 1 ? 0 : 1));
        const [width, height, depth] = shape;
        const parts = naiveComponents(outside, shape, 6);
        const open = new Set(
          parts.filter((_, i) => {
            const at: Triple = [i % width, Math.floor(i / width) % height, Math.floor(i / (width * height))];
            return at.some((value, axis) => value === 0 || value === [width, height, depth][axis]! - 1);
          }),
        );
        expect([...filled]).toEqual(data.map((label, i) => (label === 0 && !open.has(parts[i] ?? 0) ? 1 : label)));
      }),
    );
  });
});
