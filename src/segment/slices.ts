import type { Volume } from "../data/volumes/volume.js";
import { type Box, type Triple, voxelCount } from "./volume.js";

/** Names of the three directions to look in; a volume that is turned to RAS is seen along z, y and x. */
export const PLANES = ["axial", "coronal", "sagittal"] as const;
export type Plane = (typeof PLANES)[number];

/** Red, green and blue, 0 to 255. */
type Color = readonly [red: number, green: number, blue: number];

/** A picture in memory, three bytes per pixel, row by row from the top. */
interface RgbPicture {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/** What is shown of a volume. */
export interface SliceView {
  readonly plane: Plane;
  /** Voxel along the axis that is looked along. */
  readonly index: number;
  /** Part of the volume, in voxels. */
  readonly region: Box;
  /** Pixels per millimeter. */
  readonly scale: number;
}

/** How values become gray and classes outlines. */
interface SliceStyle {
  /** What is black, and what is white. */
  readonly range: readonly [low: number, high: number];
  /** Of each class; null for those without an outline, such as the background. */
  readonly colors: readonly (Color | null)[];
  /** Of each class: whether its outline is dashed, where its color is another's too. Default: none. */
  readonly dashed?: readonly boolean[];
  /** Width of outlines in pixels, default 3. */
  readonly outline?: number;
}

const DASH_PIXELS = 16;

interface Axes {
  /** From the left of the picture to the right, from its top to its bottom, and into it. */
  readonly across: 0 | 1 | 2;
  readonly down: 0 | 1 | 2;
  readonly along: 0 | 1 | 2;
}

const AXES: Readonly<Record<Plane, Axes>> = {
  axial: { across: 0, down: 1, along: 2 },
  coronal: { across: 0, down: 2, along: 1 },
  sagittal: { across: 1, down: 2, along: 0 },
};

/** What lies at the left, right, top and bottom of a picture: the patient's right, left, front, back, head and feet. */
export const EDGES: Readonly<Record<Plane, readonly [left: string, right: string, top: string, bottom: string]>> = {
  axial: ["R", "L", "A", "P"],
  coronal: ["R", "L", "S", "I"],
  sagittal: ["A", "P", "S", "I"],
};

/** Axis of the volume, 0 (x) to 2 (z), that a plane looks along. */
export function axisAlong(plane: Plane): 0 | 1 | 2 {
  return AXES[plane].along;
}

/** Millimeters of a region from left to right and from top to bottom of its picture. */
export function pictureSize(plane: Plane, { size }: Box, spacing: Triple): readonly [width: number, height: number] {
  const { across, down } = AXES[plane];
  return [size[across] * spacing[across], size[down] * spacing[down]];
}

/**
 * Draw a slice as radiologists look at it: axial from the feet and coronal from the front, both with the patient's right at the
 * left, sagittal with the front at the left. Pixels are square in millimeters; gray values are interpolated linearly, outlines
 * run inside the border of each label's voxels.
 *
 * @param image - turned to RAS
 * @param classes - class of each voxel of `image`, an index into the colors
 */
export function drawSlice(image: Volume, classes: ArrayLike<number>, view: SliceView, style: SliceStyle): RgbPicture {
  const [wide, high] = pictureSize(view.plane, view.region, image.spacing);
  const [width, height] = [Math.max(1, Math.round(wide * view.scale)), Math.max(1, Math.round(high * view.scale))];
  const { across, down, along } = AXES[view.plane];
  const strides = [1, image.shape[0], image.shape[0] * image.shape[1]];
  const columns = positions(width, view.region, across, image.shape[across]);
  const rows = positions(height, view.region, down, image.shape[down]);
  const [stepX = 1, stepY = 1, base] = [strides[across], strides[down], view.index * (strides[along] ?? 1)];
  const data = new Uint8Array(3 * width * height);
  const seen = new Int32Array(width * height);
  const [low, highValue] = style.range;
  const spread = highValue > low ? 255 / (highValue - low) : 0;
  for (let row = 0, to = 0; row < height; row++) {
    const y = rows[row]!;
    for (let column = 0; column < width; column++, to++) {
      const x = columns[column]!;
      const value = (atX: number, atY: number): number => Number(image.data[base + atX * stepX + atY * stepY]);
      const top = between(value(x.low, y.low), value(x.high, y.low), x.weight);
      const bottom = between(value(x.low, y.high), value(x.high, y.high), x.weight);
      const gray = (between(top, bottom, y.weight) - low) * spread;
      // A typed array makes NaN, which a voxel may be, 0.
      data.fill(Math.min(255, Math.max(0, gray)), 3 * to, 3 * to + 3);
      seen[to] = classes[base + x.nearest * stepX + y.nearest * stepY]!;
    }
  }
  drawOutlines({ width, height, data }, seen, style);
  return { width, height, data };
}

/** Where the middle of a pixel lies among the voxels of an axis. Pictures run against every axis. */
interface Position {
  readonly low: number;
  readonly high: number;
  /** Of `high`. */
  readonly weight: number;
  readonly nearest: number;
}

function positions(pixels: number, { start, size }: Box, axis: 0 | 1 | 2, voxels: number): readonly Position[] {
  return Array.from({ length: pixels }, (_, pixel) => {
    const exact = start[axis] + size[axis] * (1 - (pixel + 0.5) / pixels) - 0.5;
    const place = Math.min(Math.max(exact, 0), voxels - 1);
    const low = Math.floor(place);
    return { low, high: Math.min(low + 1, voxels - 1), weight: place - low, nearest: Math.round(place) };
  });
}

function between(a: number, b: number, weight: number): number {
  return weight === 0 ? a : a + (b - a) * weight;
}

/** Gaps of dashed outlines. Across both axes and both diagonals they alternate with dashes. */
function inGap(column: number, row: number): boolean {
  return (Math.floor((2 * column + row) / DASH_PIXELS) & 1) === 1;
}

/** A pixel of a class is outline where another class lies within the outline's width, across or down. */
function drawOutlines({ width, height, data }: RgbPicture, seen: Int32Array, { colors, dashed = [], outline = 3 }: SliceStyle): void {
  const differs = (column: number, row: number, own: number): boolean =>
    column >= 0 && column < width && row >= 0 && row < height && seen[row * width + column] !== own;
  for (let row = 0, at = 0; row < height; row++) {
    for (let column = 0; column < width; column++, at++) {
      const own = seen[at]!;
      const color = colors[own];
      if (!color || (dashed[own] === true && inGap(column, row))) continue;
      for (let far = 1; far <= outline; far++) {
        const border =
          differs(column - far, row, own) ||
          differs(column + far, row, own) ||
          differs(column, row - far, own) ||
          differs(column, row + far, own);
        if (border) data.set(color, 3 * at);
      }
    }
  }
}

/**
 * Where to look: for each axis the slice nearest to the center of mass of all classes above 0 that shows one of them; the
 * middle of the volume where there are none.
 *
 * @param classes - one per voxel, x fastest
 */
export function shownSlices(classes: ArrayLike<number>, shape: Triple): Triple {
  const counts = shape.map((size) => new Float64Array(size));
  const [x, y, z] = counts as [Float64Array, Float64Array, Float64Array];
  for (let i = 0, at = 0; i < shape[2]; i++)
    for (let j = 0; j < shape[1]; j++)
      for (let k = 0; k < shape[0]; k++, at++) {
        if (!classes[at]) continue;
        x[k]!++;
        y[j]!++;
        z[i]!++;
      }
  return [shownIndex(x), shownIndex(y), shownIndex(z)];
}

function shownIndex(counts: Float64Array): number {
  let [sum, moment] = [0, 0];
  for (const [index, count] of counts.entries()) {
    sum += count;
    moment += index * count;
  }
  if (sum === 0) return Math.floor(counts.length / 2);
  const center = moment / sum;
  let best = -1;
  for (const [index, count] of counts.entries()) {
    if (count > 0 && (best < 0 || Math.abs(index - center) < Math.abs(best - center))) best = index;
  }
  return best;
}

/** All voxels of a shape. */
export function wholeBox(shape: Triple): Box {
  return { start: [0, 0, 0], size: shape };
}

/** The smallest box around all classes above 0, with a margin of so many millimeters within the volume; null where there are none. */
export function boxAround(classes: ArrayLike<number>, shape: Triple, spacing: Triple, marginMm: number): Box | null {
  const low = [...shape];
  const high = [-1, -1, -1];
  for (let at = 0; at < voxelCount(shape); at++) {
    if (!classes[at]) continue;
    const row = Math.floor(at / shape[0]);
    for (const [axis, value] of [at % shape[0], row % shape[1], Math.floor(row / shape[1])].entries()) {
      if (value < low[axis]!) low[axis] = value;
      if (value > high[axis]!) high[axis] = value;
    }
  }
  if (high[0] === -1) return null;
  const start = (axis: 0 | 1 | 2): number => Math.max(0, low[axis]! - Math.ceil(marginMm / spacing[axis]));
  const end = (axis: 0 | 1 | 2): number => Math.min(shape[axis], high[axis]! + 1 + Math.ceil(marginMm / spacing[axis]));
  const starts: Triple = [start(0), start(1), start(2)];
  return { start: starts, size: [end(0) - starts[0], end(1) - starts[1], end(2) - starts[2]] };
}
