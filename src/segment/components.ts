import { joinSets } from "../data/disjoint-sets.js";
import { InceptionError } from "../errors.js";
import {
  type Box,
  checkLabel,
  checkLabels,
  checkVoxels,
  type LabelExtent,
  labelExtents,
  maskOf,
  type Triple,
  voxelCount,
} from "./volume.js";

/** Which voxels are neighbors: those that share a face (6), also an edge (18), also a corner (26). */
export const CONNECTIVITIES = [6, 18, 26] as const;
/** Which voxels count as neighbors: those that share faces (6), edges (18) or corners (26). */
export type Connectivity = (typeof CONNECTIVITIES)[number];

/** Connected parts of the labels of a volume. */
export interface Components {
  /** Per voxel the number of its component, from 1 in the order of their first voxels; 0 in the background. */
  readonly ids: Int32Array;
  /** Label and number of voxels of each component; the first is component 1. */
  readonly components: readonly { readonly label: number; readonly voxels: number }[];
}

/**
 * The connected components of a volume: neighbors with the same label above 0 belong together. Of a mask of 0 and 1 these
 * are the components of the mask.
 *
 * @param data - one label per voxel, x fastest
 * @param shape - voxels along x, y and z
 * @param connectivity - default 26
 * @throws InceptionError VOLUME_INVALID (also for voxels that are no labels), IMAGE_LIMIT, OPTION_INVALID
 *
 * @example
 * ```ts
 * import { connectedComponents } from "inceptionkit/segment";
 * const { ids, components } = connectedComponents([1, 0, 1, 2], [4, 1, 1]);
 * [...ids]; // [1, 0, 2, 3]
 * components.length; // 3
 * ```
 */
export function connectedComponents(data: ArrayLike<number>, shape: Triple, connectivity: Connectivity = 26): Components {
  const action = "label components";
  checkVoxels(action, shape, data);
  checkLabels(action, shape, data);
  checkConnectivity(action, connectivity);
  return numberRoots(data, joinNeighbors(data, shape, connectivity));
}

function checkConnectivity(action: string, connectivity: Connectivity): void {
  if (CONNECTIVITIES.includes(connectivity)) return;
  const fact = `connectivity is ${String(connectivity)}, expected ${CONNECTIVITIES.join(", ")}`;
  throw new InceptionError("OPTION_INVALID", `Cannot ${action}: ${fact}`, { connectivity });
}

/** Per voxel one that comes no later and belongs to the same component; the first of a component refers to itself. */
function joinNeighbors(data: ArrayLike<number>, [width, height, depth]: Triple, connectivity: Connectivity): Int32Array {
  const parents = new Int32Array(data.length);
  const offsets = earlierNeighbors(connectivity);
  let i = 0;
  for (let z = 0; z < depth; z++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++, i++) {
        parents[i] = i;
        const label = data[i];
        if (label === 0) continue;
        for (const [dx, dy, dz] of offsets) {
          if (x + dx < 0 || x + dx >= width || y + dy < 0 || y + dy >= height || z + dz < 0) continue;
          const other = i + (dz * height + dy) * width + dx;
          // The earlier voxel stays the root, so that components are numbered by their first voxels.
          if (data[other] === label) joinSets(parents, i, other);
        }
      }
    }
  }
  return parents;
}

/** Steps to the neighbors that come before a voxel in the order of the data. */
function earlierNeighbors(connectivity: Connectivity): readonly Triple[] {
  const farthest = { 6: 1, 18: 2, 26: 3 }[connectivity];
  const steps = [-1, 0, 1];
  return steps
    .flatMap((dz) => steps.flatMap((dy) => steps.map((dx): Triple => [dx, dy, dz])))
    .filter(([dx, dy, dz]) => dz * 9 + dy * 3 + dx < 0 && Math.abs(dx) + Math.abs(dy) + Math.abs(dz) <= farthest);
}

/** Replace references to first voxels by numbers of components. */
function numberRoots(data: ArrayLike<number>, parents: Int32Array): Components {
  const components: { label: number; voxels: number }[] = [];
  for (let i = 0; i < parents.length; i++) {
    if (data[i] === 0) {
      parents[i] = 0;
      continue;
    }
    // References go to earlier voxels only, and those already hold their component's number.
    const parent = parents[i]!;
    const id = parent === i ? components.push({ label: data[i]!, voxels: 0 }) : parents[parent]!;
    parents[i] = id;
    components[id - 1]!.voxels++;
  }
  return { ids: parents, components };
}

/** Which labels are postprocessed. */
export interface CleaningOptions {
  /** Which labels are cleaned, in this order; others are left alone. Default: all above 0, ascending. */
  readonly labels?: readonly number[];
}

/**
 * Keeps the largest connected component of each label and make the others background. Of equally large ones the one whose
 * first voxel comes first is kept.
 *
 * @param data - one label per voxel, x fastest
 * @param shape - voxels along x, y and z
 * @param options - `connectivity` is 26 by default
 * @returns new labels
 * @throws InceptionError VOLUME_INVALID (also for voxels that are no labels), IMAGE_LIMIT, OPTION_INVALID
 *
 * @example
 * ```ts
 * import { keepLargestComponents } from "inceptionkit/segment";
 * [...keepLargestComponents([1, 0, 1, 1, 2], [5, 1, 1])]; // [0, 0, 1, 1, 2]
 * ```
 */
export function keepLargestComponents(
  data: ArrayLike<number>,
  shape: Triple,
  options: CleaningOptions & { readonly connectivity?: Connectivity } = {},
): Int32Array {
  for (const label of options.labels ?? []) checkLabel("keep the largest components", label);
  const { ids, components } = connectedComponents(data, shape, options.connectivity);
  const cleaned = options.labels && new Set(options.labels);
  const largest = new Map<number, number>();
  components.forEach(({ label, voxels }, index) => {
    const best = largest.get(label);
    if (best === undefined || voxels > components[best]!.voxels) largest.set(label, index);
  });
  const kept = components.map(({ label }, index) => (cleaned?.has(label) === false || largest.get(label) === index ? label : 0));
  return ids.map((id) => (id === 0 ? 0 : kept[id - 1]!));
}

/**
 * Fills the holes of each label: background voxels from which no way through voxels outside the label leads to the border of
 * the volume, going over faces alone, become that label. Voxels of other labels are left alone, also inside a hole. A label
 * with a smaller place in `labels` is filled first; what was filled is no background for the next.
 *
 * For a mask of 0 and 1 it is scipy.ndimage.binary_fill_holes.
 *
 * @param data - one label per voxel, x fastest
 * @param shape - voxels along x, y and z
 * @returns new labels
 * @throws InceptionError VOLUME_INVALID (also for voxels that are no labels), IMAGE_LIMIT, OPTION_INVALID
 *
 * @example
 * ```ts
 * import { fillHoles } from "inceptionkit/segment";
 * const shell = Array.from({ length: 27 }, (_, i) => (i === 13 ? 0 : 3));
 * fillHoles(shell, [3, 3, 3])[13]; // 3
 * ```
 */
export function fillHoles(data: ArrayLike<number>, shape: Triple, options: CleaningOptions = {}): Int32Array {
  const action = "fill holes";
  checkVoxels(action, shape, data);
  checkLabels(action, shape, data);
  for (const label of options.labels ?? []) checkLabel(action, label);
  const extents = labelExtents(action, shape, data);
  const labels = options.labels ?? [...extents.keys()].toSorted((a, b) => a - b);
  const filled = Int32Array.from(data);
  for (const label of labels) {
    const extent = extents.get(label);
    if (extent !== undefined && label !== 0) fillLabel(filled, shape, label, extent);
  }
  return filled;
}

/** Its holes lie in the box of the label: from a voxel outside of it, straight ahead leads to the border. */
function fillLabel(filled: Int32Array, shape: Triple, label: number, { box }: LabelExtent): void {
  const [width, height] = shape;
  const { start, size } = box;
  const reached = maskOf(filled, shape, label, box);
  floodFromFaces(reached, size);
  let at = 0;
  for (let z = 0; z < size[2]; z++) {
    for (let y = 0; y < size[1]; y++) {
      const row = ((start[2] + z) * height + start[1] + y) * width + start[0];
      for (let x = 0; x < size[0]; x++, at++) if (reached[at] === 0 && filled[row + x] === 0) filled[row + x] = label;
    }
  }
}

/** Set every 0 that is connected over faces with a 0 at a face of the box to 2. */
function floodFromFaces(mask: Uint8Array, size: Box["size"]): void {
  const [width, height, depth] = size;
  const plane = width * height;
  // A voxel is marked when it is put here, so that none comes twice.
  const stack = new Int32Array(voxelCount(size));
  let count = 0;
  const visit = (i: number): void => {
    if (mask[i] !== 0) return;
    mask[i] = 2;
    stack[count++] = i;
  };
  for (let i = 0; i < mask.length; i++) {
    const [x, y, z] = [i % width, Math.floor(i / width) % height, Math.floor(i / plane)];
    if (x === 0 || x === width - 1 || y === 0 || y === height - 1 || z === 0 || z === depth - 1) visit(i);
  }
  while (count > 0) {
    const i = stack[--count]!;
    const [x, y] = [i % width, Math.floor(i / width) % height];
    if (x > 0) visit(i - 1);
    if (x < width - 1) visit(i + 1);
    if (y > 0) visit(i - width);
    if (y < height - 1) visit(i + width);
    if (i >= plane) visit(i - plane);
    if (i < mask.length - plane) visit(i + plane);
  }
}
