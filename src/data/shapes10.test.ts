import { expect, test } from "vitest";
import type { Image } from "./image.js";
import { toGray } from "./image.js";
import { classesOfSample } from "./label-sets.js";
import { parseShapes10, renderShapes10, SHAPES10_CLASSES, shapes10 } from "./shapes10.js";

const draw = (name: (typeof SHAPES10_CLASSES)[number], nth: number, side = 48): Image =>
  renderShapes10({ seed: 4, split: "train", index: nth * 10 + SHAPES10_CLASSES.indexOf(name), side });

/** Mean squared difference of brightness between neighbors across and down. */
function roughness(image: Image): { readonly across: number; readonly down: number } {
  const { data, width, height } = toGray(image);
  let across = 0;
  let down = 0;
  for (let y = 1; y < height; y++) {
    for (let x = 1; x < width; x++) {
      across += (data[y * width + x]! - data[y * width + x - 1]!) ** 2;
      down += (data[y * width + x]! - data[(y - 1) * width + x]!) ** 2;
    }
  }
  return { across, down };
}

/** Which pixels differ from the ground, taken from the corner where the picture is surely ground. */
function drawn(image: Image): { readonly area: number; readonly middleIsDrawn: boolean } {
  const gray = toGray(image);
  const ordered = gray.data.slice().sort();
  const half = (ordered[Math.floor(ordered.length * 0.02)]! + ordered[Math.floor(ordered.length * 0.98)]!) / 2;
  const bright = (i: number) => gray.data[i]! > half;
  const ground = bright(0);
  let [area, sumX, sumY] = [0, 0, 0];
  for (let i = 0; i < gray.data.length; i++) {
    if (bright(i) === ground) continue;
    area += 1;
    sumX += i % gray.width;
    sumY += Math.floor(i / gray.width);
  }
  const middle = Math.round(sumY / area) * gray.width + Math.round(sumX / area);
  return { area: area / gray.data.length, middleIsDrawn: bright(middle) !== ground };
}

test("classes go round by index, and so do labels", () => {
  const { train, val } = shapes10({ train: 25, val: 12 });
  expect([train.size, val?.size, train.classes]).toEqual([25, 12, SHAPES10_CLASSES]);
  expect([0, 9, 10, 24].map((i) => train.labelOf(i))).toEqual([0, 9, 0, 4]);
  expect([train.nameOf(17), val?.nameOf(3)]).toEqual(["shapes10/train/17", "shapes10/val/3"]);
  expect([...SHAPES10_CLASSES].sort()).toEqual([...SHAPES10_CLASSES]);
  expect(shapes10({ val: 0 }).val).toBeNull();
});

test("a picture depends on seed, part and index, and on nothing else", () => {
  const picture = { seed: 1, split: "train", index: 3, side: 16 } as const;
  const bytes = (change: object) => Buffer.from(renderShapes10({ ...picture, ...change }).data).toString("hex");
  expect(bytes({})).toBe(bytes({}));
  expect(new Set([bytes({}), bytes({ seed: 2 }), bytes({ split: "val" }), bytes({ index: 13 })]).size).toBe(4);
});

test("horizontal stripes change down, vertical ones across, the others in both directions", () => {
  for (let nth = 0; nth < 20; nth++) {
    const horizontal = roughness(draw("horizontal_stripes", nth));
    const vertical = roughness(draw("vertical_stripes", nth));
    const both = ["checkerboard", "diagonal_stripes", "dots"] as const;
    expect(horizontal.down / horizontal.across).toBeGreaterThan(1.5);
    expect(vertical.across / vertical.down).toBeGreaterThan(1.5);
    for (const name of both) {
      const { across, down } = roughness(draw(name, nth));
      expect(Math.max(across / down, down / across)).toBeLessThan(3);
    }
  }
});

test("shapes cover what their formulas say and are solid in the middle, but for the ring", () => {
  // Radius r is 0.27 to 0.42 of the side; areas over r^2: disc pi, square 1.6^2, triangle 3 sqrt(3) / 4, cross 4 * 0.6 - 0.6^2, ring pi (1 - 0.6^2).
  const areas = { disc: Math.PI, square: 2.56, triangle: 1.299, cross: 2.04, ring: 2.0106 };
  for (const [name, factor] of Object.entries(areas)) {
    for (let nth = 0; nth < 20; nth++) {
      const found = drawn(draw(name as keyof typeof areas, nth, 64));
      expect(found.area).toBeGreaterThan(factor * 0.27 ** 2 * 0.9);
      expect(found.area).toBeLessThan(factor * 0.42 ** 2 * 1.1);
      expect(found.middleIsDrawn).toBe(name !== "ring");
    }
  }
});

test("settings are read from the name", () => {
  expect(parseShapes10("shapes10")).toEqual({});
  expect(parseShapes10("shapes10?train=1000&val=0&size=64&seed=9")).toEqual({ train: 1000, val: 0, size: 64, seed: 9 });
});

test.each([
  ["shapes10?tarin=5", '"tarin" is not a setting, expected train, val, size, seed or objects'],
  ["shapes10?train=many", 'train is "many", expected an integer'],
  ["shapes10?train=3", "train is 3, expected an integer from 10 to 10,000,000"],
  ["shapes10?objects=10", "objects is 10, expected an integer from 1 to 9"],
  ["shapes10?size=4096", "size is 4096, expected an integer from 8 to 1,024"],
  ["shapes10?__proto__=1", '"__proto__" is not a setting, expected train, val, size, seed or objects'],
  ["shapes11", 'expected "shapes10", optionally with "?train=2000&val=500&size=32&seed=1"'],
])("%s is refused", (source, fact) => {
  expect(() => parseShapes10(source)).toThrowError(`Cannot use the dataset "${source}": ${fact}`);
});

/** Squares of a grid in which something is drawn: their brightness varies far more than noise and shading make it vary. */
function drawnCells(image: Image, grid: number): number {
  const { data, width } = toGray(image);
  const side = width / grid;
  let count = 0;
  for (let cell = 0; cell < grid * grid; cell++) {
    const values = Array.from({ length: side * side }, (_, i) => {
      const [x, y] = [(cell % grid) * side + (i % side), Math.floor(cell / grid) * side + Math.floor(i / side)];
      return data[y * width + x]!;
    }).sort((a, b) => a - b);
    // Colors differ by at least 75 in brightness, noise by at most 20 and shading by at most 25 over the whole image.
    if (values[Math.floor(0.96 * values.length)]! - values[Math.floor(0.04 * values.length)]! > 50) count++;
  }
  return count;
}

test("with objects, an image has none to that many of them, and as many squares are drawn", () => {
  const { train } = shapes10({ train: 200, objects: 4, size: 64, seed: 3 });
  const sets = Array.from({ length: 200 }, (_, index) => [...classesOfSample(train.labelSets!, index)]);
  const squares = sets.map((_, index) => drawnCells(renderShapes10({ seed: 3, split: "train", index, side: 64, objects: 4 }), 2));
  for (const [index, set] of sets.entries()) {
    expect(set).toEqual([...new Set(set)].sort((a, b) => a - b));
    expect(squares[index]! === 0).toBe(set.length === 0);
    expect(squares[index]!).toBeGreaterThanOrEqual(set.length);
  }
  // Uniform from 0 to 4: a fifth of 200 each, with a standard deviation of 5.7.
  for (const count of [0, 1, 2, 3, 4]) expect(Math.abs(squares.filter((each) => each === count).length - 40)).toBeLessThan(23);
  // 400 objects of ten classes.
  for (let label = 0; label < 10; label++) expect(sets.filter((set) => set.includes(label)).length).toBeGreaterThan(20);
  expect([train.labelOf(0), train.labelOf(1)]).toEqual([sets[0]?.[0] ?? -1, sets[1]?.[0] ?? -1]);
  expect(parseShapes10("shapes10?objects=9&train=20")).toEqual({ objects: 9, train: 20 });
});
