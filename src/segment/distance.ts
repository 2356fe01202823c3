import { checkSpacing, checkVoxels, type Triple, voxelCount } from "./volume.js";

/**
 * How far each voxel's center is from the nearest center of a voxel of the mask, in millimeters; 0 in the mask, Infinity
 * everywhere where the mask is empty. Exact but for the rounding of double precision, also where the spacing differs
 * along the axes.
 *
 * Source: Felzenszwalb and Huttenlocher, "Distance Transforms of Sampled Functions", 2012: along one axis after the other
 * the lower envelope of parabolas. The time grows with the number of voxels alone.
 *
 * @param mask - one value per voxel, x fastest; what is not 0 belongs to the mask
 * @param shape - voxels along x, y and z
 * @param spacing - millimeters between voxels along x, y and z
 * @throws InceptionError VOLUME_INVALID, OPTION_INVALID, IMAGE_LIMIT
 *
 * @example
 * ```ts
 * import { distanceTransform } from "inceptionkit/segment";
 * distanceTransform([1, 0, 0, 0], [2, 1, 2], [1, 1, 3]); // Float64Array [0, 1, 3, Math.sqrt(10)]
 * ```
 */
export function distanceTransform(mask: ArrayLike<number>, shape: Triple, spacing: Triple): Float64Array {
  checkVoxels("compute distances", shape, mask);
  checkSpacing("compute distances", spacing);
  const distances = squaredDistances(mask, shape, spacing);
  for (let i = 0; i < distances.length; i++) distances[i] = Math.sqrt(distances[i]!);
  return distances;
}

/** The squares of `distanceTransform`, for arguments that were checked. */
export function squaredDistances(mask: ArrayLike<number>, shape: Triple, spacing: Triple): Float64Array {
  const [width, height, depth] = shape;
  const squares = new Float64Array(voxelCount(shape));
  for (let i = 0; i < squares.length; i++) squares[i] = mask[i] === 0 ? Number.POSITIVE_INFINITY : 0;
  const envelope = emptyEnvelope(Math.max(...shape));
  const plane = width * height;
  for (let row = 0; row < squares.length; row += width) transformLine(squares, row, 1, width, spacing[0], envelope);
  for (let z = 0; z < depth; z++) {
    for (let x = 0; x < width; x++) transformLine(squares, z * plane + x, width, height, spacing[1], envelope);
  }
  for (let at = 0; at < plane; at++) transformLine(squares, at, plane, depth, spacing[2], envelope);
  return squares;
}

/** The parabolas that are lowest somewhere on a line, from left to right. */
interface Envelope {
  /** The voxel on the line in which each parabola has its lowest point. */
  readonly places: Int32Array;
  /** Its value there. */
  readonly heights: Float64Array;
  /** From where on it is the lowest, in millimeters from the line's first voxel. */
  readonly from: Float64Array;
}

function emptyEnvelope(length: number): Envelope {
  return { places: new Int32Array(length), heights: new Float64Array(length), from: new Float64Array(length) };
}

/** Replace the values f of a line by the minimum over q of f(q) + (spacing · (p − q))². */
function transformLine(values: Float64Array, start: number, stride: number, length: number, spacing: number, envelope: Envelope): void {
  const { places, heights, from } = envelope;
  const count = buildEnvelope(values, start, stride, length, spacing, envelope);
  if (count === 0) return;
  let current = 0;
  for (let p = 0; p < length; p++) {
    while (current + 1 < count && from[current + 1]! <= p * spacing) current++;
    const away = (p - places[current]!) * spacing;
    values[start + p * stride] = away * away + heights[current]!;
  }
}

/** @returns the number of parabolas */
function buildEnvelope(
  values: Float64Array,
  start: number,
  stride: number,
  length: number,
  spacing: number,
  { places, heights, from }: Envelope,
): number {
  let count = 0;
  for (let q = 0; q < length; q++) {
    const height = values[start + q * stride]!;
    // No voxel of the mask has been met yet: a parabola at infinity is lowest nowhere, and the difference of two is NaN.
    if (height === Number.POSITIVE_INFINITY) continue;
    let crossing = Number.NEGATIVE_INFINITY;
    while (count > 0) {
      const place = places[count - 1]!;
      crossing = ((q + place) * spacing) / 2 + (height - heights[count - 1]!) / (2 * spacing * (q - place));
      if (crossing > from[count - 1]!) break;
      count--;
    }
    places[count] = q;
    heights[count] = height;
    from[count] = count === 0 ? Number.NEGATIVE_INFINITY : crossing;
    count++;
  }
  return count;
}
