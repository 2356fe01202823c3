import { squaredDistances } from "./distance.js";
import { checkSpacing, checkVoxels, type Triple, voxelCount } from "./volume.js";

/**
 * The voxels of a mask at its surface: those with a face towards a voxel outside the mask. What lies outside the volume
 * is outside the mask. It is what is left of the mask without its erosion by the 6-connected cross, the surface of MONAI
 * (`get_mask_edges`) and of medpy (`connectivity=1`).
 *
 * @param mask - one value per voxel, x fastest; what is not 0 belongs to the mask
 * @returns 1 at the surface, 0 elsewhere
 * @throws InceptionError VOLUME_INVALID, IMAGE_LIMIT
 *
 * @example
 * ```ts
 * import { surfaceVoxels } from "inceptionkit/segment";
 * const surface = surfaceVoxels(new Uint8Array(27).fill(1), [3, 3, 3]);
 * surface[13]; // 0
 * surface[12]; // 1
 * ```
 */
export function surfaceVoxels(mask: ArrayLike<number>, shape: Triple): Uint8Array {
  checkVoxels("find a surface", shape, mask);
  const [width, height, depth] = shape;
  const plane = width * height;
  const surface = new Uint8Array(voxelCount(shape));
  let i = 0;
  for (let z = 0; z < depth; z++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++, i++) {
        if (mask[i] === 0) continue;
        const atEdge = x === 0 || x === width - 1 || y === 0 || y === height - 1 || z === 0 || z === depth - 1;
        if (atEdge || isExposed(mask, i, width, plane)) surface[i] = 1;
      }
    }
  }
  return surface;
}

/** Whether a voxel inside the volume has a neighbor across a face that is outside the mask. */
function isExposed(mask: ArrayLike<number>, i: number, width: number, plane: number): boolean {
  return (
    mask[i - 1] === 0 ||
    mask[i + 1] === 0 ||
    mask[i - width] === 0 ||
    mask[i + width] === 0 ||
    mask[i - plane] === 0 ||
    mask[i + plane] === 0
  );
}

/** Distances between two surfaces, in millimeters, each list in ascending order. */
export interface SurfaceDistances {
  /** From each surface voxel of the prediction to the nearest surface voxel of the truth. */
  readonly fromPredicted: Float64Array;
  /** From each surface voxel of the truth to the nearest surface voxel of the prediction. */
  readonly fromTruth: Float64Array;
}

/**
 * How far the surfaces of two masks are apart, measured between centers of surface voxels (`surfaceVoxels`). Where one mask
 * is empty, the distances of the other are Infinity; a mask that is empty has an empty list.
 *
 * @param predicted - one value per voxel, x fastest; what is not 0 belongs to the mask
 * @param truth - likewise
 * @param shape - of both, voxels along x, y and z
 * @param spacing - millimeters between voxels along x, y and z
 * @throws InceptionError VOLUME_INVALID, OPTION_INVALID, IMAGE_LIMIT
 *
 * @example
 * ```ts
 * import { surfaceDistances } from "inceptionkit/segment";
 * surfaceDistances([1, 0, 0, 0], [0, 0, 1, 1], [4, 1, 1], [0.5, 1, 1]);
 * // { fromPredicted: Float64Array [1], fromTruth: Float64Array [1, 1.5] }
 * ```
 */
export function surfaceDistances(predicted: ArrayLike<number>, truth: ArrayLike<number>, shape: Triple, spacing: Triple): SurfaceDistances {
  checkSpacing("measure surface distances", spacing);
  const [from, to] = [surfaceVoxels(predicted, shape), surfaceVoxels(truth, shape)];
  return { fromPredicted: directedDistances(from, to, shape, spacing), fromTruth: directedDistances(to, from, shape, spacing) };
}

function directedDistances(from: Uint8Array, to: Uint8Array, shape: Triple, spacing: Triple): Float64Array {
  const count = from.reduce((sum, value) => sum + value, 0);
  const distances = new Float64Array(count);
  if (count === 0) return distances;
  const squares = squaredDistances(to, shape, spacing);
  let at = 0;
  for (let i = 0; i < from.length; i++) if (from[i] === 1) distances[at++] = Math.sqrt(squares[i]!);
  return distances.sort();
}
