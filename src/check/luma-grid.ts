/** The brightness of an image on a grid from which areas can be averaged: what hashes, correlations and measurements read. */
import { type Image, type Raster, toGray } from "../data/image.js";
import { resize } from "../data/transforms/resize.js";

/** A part of an image, in fractions of its sides. */
export interface Part {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

export const WHOLE: Part = { left: 0, top: 0, width: 1, height: 1 };

/** Sums over all rectangles that begin at the upper left corner: (height + 1) rows of (width + 1) values. */
export interface LumaSums {
  readonly width: number;
  readonly height: number;
  readonly sums: Float64Array;
}

/** Longest side of the grid. Larger images are averaged down to it, so that what is measured does not depend on their size. */
const MAX_SIDE = 256;

/** The luma of an image (ITU-R BT.601), with sides of at most 256 pixels. */
export function lumaGrid(image: Image): Raster<1> {
  const gray = toGray(image);
  const scale = MAX_SIDE / Math.max(gray.width, gray.height);
  if (scale >= 1) return gray;
  const side = (length: number): number => Math.max(1, Math.round(length * scale));
  return resize(gray, { width: side(gray.width), height: side(gray.height), filter: "box" });
}

export function lumaSums({ width, height, data }: Pick<Raster<1>, "width" | "height" | "data">): LumaSums {
  const sums = new Float64Array((width + 1) * (height + 1));
  for (let y = 0; y < height; y++) {
    let row = 0;
    for (let x = 0; x < width; x++) {
      row += data[y * width + x]!;
      sums[(y + 1) * (width + 1) + x + 1] = sums[y * (width + 1) + x + 1]! + row;
    }
  }
  return { width, height, sums };
}

/**
 * A part of an image as `side` × `side` area averages, exact also where the borders of the areas lie within pixels.
 *
 * @param mirrored - read from right to left
 */
export function areaAverages(grid: LumaSums, part: Part, side: number, mirrored = false): Float64Array {
  const columns = borders(part.left * grid.width, part.width * grid.width, side, grid.width);
  const rows = borders(part.top * grid.height, part.height * grid.height, side, grid.height);
  const corners = new Float64Array((side + 1) * (side + 1));
  for (let y = 0; y <= side; y++) for (let x = 0; x <= side; x++) corners[y * (side + 1) + x] = sumTo(grid, columns[x]!, rows[y]!);
  const averages = new Float64Array(side * side);
  const area = (part.width * grid.width * part.height * grid.height) / (side * side);
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const at = y * (side + 1) + x;
      const sum = corners[at + side + 2]! - corners[at + side + 1]! - corners[at + 1]! + corners[at]!;
      averages[y * side + (mirrored ? side - 1 - x : x)] = sum / area;
    }
  }
  return averages;
}

function borders(start: number, length: number, count: number, most: number): Float64Array {
  return Float64Array.from({ length: count + 1 }, (_, i) => Math.min(most, Math.max(0, start + (length * i) / count)));
}

/** The sum over the rectangle from the corner to a point: bilinear between the stored sums, since pixels are constant. */
function sumTo({ width, height, sums }: LumaSums, x: number, y: number): number {
  const [left, top] = [Math.min(width - 1, Math.floor(x)), Math.min(height - 1, Math.floor(y))];
  const [across, down] = [x - left, y - top];
  const at = top * (width + 1) + left;
  const above = sums[at]! * (1 - across) + sums[at + 1]! * across;
  const below = sums[at + width + 1]! * (1 - across) + sums[at + width + 2]! * across;
  return above * (1 - down) + below * down;
}
