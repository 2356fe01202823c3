/** Measures of labeled volumes by comparing every voxel with every other, written from their definitions. */

import type { Triple } from "../src/segment/index.js";

type Point = readonly number[];

/** x, y and z in millimeters of every voxel of the mask, in the order of the data. */
export function pointsOf(mask: ArrayLike<number>, [width, height, depth]: Triple, spacing: Triple): Point[] {
  const points: Point[] = [];
  for (let z = 0; z < depth; z++)
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++)
        if (mask[(z * height + y) * width + x] !== 0) points.push([x * spacing[0], y * spacing[1], z * spacing[2]]);
  return points;
}

/** The voxels of the mask of which one of the six neighbors is outside the mask or the volume. */
export function naiveSurface(mask: ArrayLike<number>, [width, height, depth]: Triple): number[] {
  const at = (x: number, y: number, z: number): boolean =>
    x >= 0 && y >= 0 && z >= 0 && x < width && y < height && z < depth && mask[(z * height + y) * width + x] !== 0;
  const surface: number[] = [];
  for (let z = 0; z < depth; z++)
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++) {
        const inside = at(x - 1, y, z) && at(x + 1, y, z) && at(x, y - 1, z) && at(x, y + 1, z) && at(x, y, z - 1) && at(x, y, z + 1);
        surface.push(at(x, y, z) && !inside ? 1 : 0);
      }
  return surface;
}

/** From each point to the nearest of the others. */
export function nearest(from: readonly Point[], to: readonly Point[]): number[] {
  return from.map((a) => Math.min(...to.map((b) => Math.hypot(...a.map((value, axis) => value - (b[axis] ?? Number.NaN))))));
}

/** numpy.percentile with its default interpolation. */
export function naivePercentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const place = ((sorted.length - 1) * percent) / 100;
  const low = sorted[Math.floor(place)] ?? Number.NaN;
  return low + ((sorted[Math.ceil(place)] ?? Number.NaN) - low) * (place % 1);
}

/** The labels of a volume with its axes turned round where `flips` says so. */
export function flipped(data: ArrayLike<number>, [width, height, depth]: Triple, flips: readonly boolean[]): number[] {
  const result: number[] = [];
  for (let z = 0; z < depth; z++)
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++) {
        const [fromX, fromY, fromZ] = [flips[0] ? width - 1 - x : x, flips[1] ? height - 1 - y : y, flips[2] ? depth - 1 - z : z];
        result.push(data[(fromZ * height + fromY) * width + fromX] ?? Number.NaN);
      }
  return result;
}
