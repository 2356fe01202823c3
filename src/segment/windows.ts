import { roundHalfToEven } from "../data/transforms/crop.js";
import { InceptionError } from "../errors.js";
import { formatCount } from "../text.js";
import { checkShape, formatTriple, type Triple, voxelCount } from "./volume.js";

/** How windows overlap. */
export interface WindowPlanOptions {
  /** Minimum overlap of neighboring windows, as a fraction in [0, 1). Default 0.5. */
  readonly overlap?: number;
}

/** Positions of windows in a volume. Axes are x, y and z; positions are voxels of the padded volume. */
export interface WindowPlan {
  /** Voxels of the volume. */
  readonly shape: Triple;
  /** Voxels of a window. */
  readonly window: Triple;
  /** Voxels of the volume after padding: along each axis the volume's, or the window's where that is larger. */
  readonly padded: Triple;
  /** Padding before the first voxel of each axis: half of what is missing, rounded down; the rest is at the end. */
  readonly before: Triple;
  /** Where windows start along each axis, ascending. Every combination is a window. */
  readonly starts: readonly [x: readonly number[], y: readonly number[], z: readonly number[]];
  /** Number of windows. */
  readonly count: number;
}

/** More windows than this mean a mistaken size: a whole-body scan with windows of 64 voxels and overlap 0.75 has some ten thousand. */
const MAX_WINDOWS = 2 ** 20;
/**
 * Padding may multiply the voxels of a volume by this much: a single slice in windows of 64 voxels. A row of 32,767 voxels would
 * become 2,240 times as many in windows of 40 × 56 × 40, and take hours.
 */
const MAX_PADDING = 64;
/** Padding up to this many windows is harmless, however small the volume is. */
const HARMLESS_WINDOWS = 8;
const ACTION = "plan windows";

/**
 * Cover a volume with overlapping windows. Along an axis of n voxels a window of w starts ⌈(n − w) / s⌉ + 1 times, with a
 * step s of (1 − overlap) · w voxels at most and one voxel at least; the starts are spread evenly, the first at the beginning,
 * the last w before the end, rounded half to even. A volume smaller than the window is padded on both sides.
 *
 * Source: compute_steps_for_sliding_window and pad_nd_image of nnU-Net, which has no least step.
 *
 * @param shape - voxels of the volume along x, y and z
 * @param window - voxels of a window along x, y and z
 * @throws InceptionError VOLUME_INVALID, IMAGE_LIMIT for too many voxels or windows, or where padding makes the volume more than 64
 *   times and 8 windows as large, OPTION_INVALID for an overlap outside [0, 1)
 *
 * @example
 * ```ts
 * import { planWindows } from "inceptionkit/segment";
 * const plan = planWindows([110, 64, 48], [64, 64, 64]);
 * plan.starts; // [[0, 23, 46], [0], [0]]
 * plan.before; // [0, 0, 8]
 * plan.count; // 3
 * ```
 */
export function planWindows(shape: Triple, window: Triple, options: WindowPlanOptions = {}): WindowPlan {
  const { overlap = 0.5 } = options;
  checkShape(ACTION, shape);
  checkShape(`${ACTION} of this size`, window);
  if (!(overlap >= 0 && overlap < 1)) {
    throw new InceptionError("OPTION_INVALID", `Cannot ${ACTION}: overlap is ${overlap}, expected a number in [0, 1)`, { overlap });
  }
  const padded = triple((axis) => Math.max(shape[axis], window[axis]));
  checkPadding(shape, window, padded);
  checkShape(`${ACTION} after padding`, padded);
  const starts = [0, 1, 2].map((axis) => axisStarts(padded[axis]!, window[axis]!, overlap));
  const count = starts.reduce((product, list) => product * list.length, 1);
  if (count > MAX_WINDOWS) {
    const fact = `windows of ${formatTriple(window)} with overlap ${overlap} cover ${formatTriple(shape)} ${formatCount(count)} times`;
    throw new InceptionError("IMAGE_LIMIT", `Cannot ${ACTION}: ${fact}, the limit is ${formatCount(MAX_WINDOWS)} windows`, { count });
  }
  const before = triple((axis) => Math.floor((padded[axis] - shape[axis]) / 2));
  return { shape, window, padded, before, starts: [starts[0]!, starts[1]!, starts[2]!], count };
}

function checkPadding(shape: Triple, window: Triple, padded: Triple): void {
  const [before, after] = [voxelCount(shape), voxelCount(padded)];
  if (after <= Math.max(HARMLESS_WINDOWS * voxelCount(window), MAX_PADDING * before)) return;
  const fact = `a volume of ${formatTriple(shape)} voxels is padded to ${formatTriple(padded)} for windows of ${formatTriple(window)}`;
  const message = `Cannot ${ACTION}: ${fact}, ${Math.round(after / before)} times as many voxels; the limit is ${MAX_PADDING} times`;
  throw new InceptionError("IMAGE_LIMIT", message, { shape, window, padded });
}

function triple(valueAt: (axis: 0 | 1 | 2) => number): Triple {
  return [valueAt(0), valueAt(1), valueAt(2)];
}

function axisStarts(size: number, window: number, overlap: number): readonly number[] {
  const step = Math.max(1, window * (1 - overlap));
  const last = size - window;
  const steps = Math.ceil(last / step);
  return Array.from({ length: steps + 1 }, (_, i) => (i === 0 ? 0 : roundHalfToEven((last / steps) * i)));
}

/**
 * Where a window starts in the padded volume. Windows are numbered with x fastest and z slowest, as voxels are.
 *
 * @throws InceptionError OPTION_INVALID where there is no such window
 */
export function windowStart(plan: WindowPlan, index: number): Triple {
  if (!Number.isInteger(index) || index < 0 || index >= plan.count) {
    const message = `Cannot place window ${index}: expected an integer from 0 to ${plan.count - 1}`;
    throw new InceptionError("OPTION_INVALID", message, { index, count: plan.count });
  }
  const [x, y, z] = plan.starts;
  const row = Math.floor(index / x.length);
  return [x[index % x.length]!, y[row % y.length]!, z[Math.floor(row / y.length)]!];
}

/**
 * The voxels of a window, as a network takes them: [channels, z, y, x], x fastest.
 *
 * @param plan - of `planWindows`
 * @param index - which window, from 0
 * @param data - the volume, [channels, z, y, x]
 * @param channels - default 1
 * @param padValue - what lies outside the volume, default 0
 * @throws InceptionError VOLUME_INVALID where the data does not have the plan's shape, OPTION_INVALID where there is no such window
 *
 * @example
 * ```ts
 * import { cutWindow, planWindows } from "inceptionkit/segment";
 * const plan = planWindows([3, 1, 1], [2, 1, 2], { overlap: 0 });
 * [...cutWindow(plan, 1, [7, 8, 9])]; // [8, 9, 0, 0]
 * ```
 */
export function cutWindow(plan: WindowPlan, index: number, data: ArrayLike<number>, channels = 1, padValue = 0): Float32Array {
  const { shape, window, before } = plan;
  checkChannels("cut a window", shape, channels, data);
  const voxels = voxelCount(shape);
  const start = windowStart(plan, index);
  const from = triple((axis) => start[axis] - before[axis]);
  const cut = new Float32Array(voxelCount(window) * channels).fill(padValue);
  const [left, right] = [Math.max(0, -from[0]), Math.min(window[0], shape[0] - from[0])];
  let to = 0;
  for (let channel = 0; channel < channels; channel++) {
    for (let z = 0; z < window[2]; z++) {
      for (let y = 0; y < window[1]; y++, to += window[0]) {
        const [atY, atZ] = [from[1] + y, from[2] + z];
        if (atY < 0 || atY >= shape[1] || atZ < 0 || atZ >= shape[2]) continue;
        const row = channel * voxels + (atZ * shape[1] + atY) * shape[0] + from[0];
        for (let x = left; x < right; x++) cut[to + x] = data[row + x]!;
      }
    }
  }
  return cut;
}

function checkChannels(action: string, shape: Triple, channels: number, data: ArrayLike<number>): void {
  checkShape(action, shape);
  const expected = voxelCount(shape) * channels;
  if (Number.isInteger(channels) && channels > 0 && data.length === expected) return;
  const fact = `shape ${formatTriple(shape)} with ${channels} channels has ${expected} values, data has ${data.length}`;
  throw new InceptionError("VOLUME_INVALID", `Cannot ${action}: ${fact}`, { shape, channels, values: data.length });
}

/** How much the voxels of a window count where windows overlap. */
export const WINDOW_WEIGHTS = ["gaussian", "constant"] as const;
/** How the results of overlapping windows are weighted. */
export type WindowWeights = (typeof WINDOW_WEIGHTS)[number];

/**
 * Weights along one axis of a window: a Gaussian around its middle with a standard deviation of an eighth of the window and
 * a largest value of 1 (for an odd size), or 1 everywhere. The weight of a voxel is the product over its axes; it is never 0,
 * the least, at a corner, being about e⁻²⁴.
 *
 * The middle is (size − 1) / 2, so that weights of mirrored windows are mirrored; nnU-Net has it at ⌊size / 2⌋, the same
 * for odd sizes.
 *
 * @param size - voxels of the window along the axis
 * @throws InceptionError OPTION_INVALID
 *
 * @example
 * ```ts
 * import { windowWeights } from "inceptionkit/segment";
 * windowWeights(9)[4]; // 1
 * [...windowWeights(3, "constant")]; // [1, 1, 1]
 * ```
 */
export function windowWeights(size: number, kind: WindowWeights = "gaussian"): Float64Array {
  if (!Number.isSafeInteger(size) || size < 1 || !WINDOW_WEIGHTS.includes(kind)) {
    const fact = `size is ${size} and kind "${String(kind)}", expected a positive integer and ${WINDOW_WEIGHTS.join(" or ")}`;
    throw new InceptionError("OPTION_INVALID", `Cannot weight a window: ${fact}`, { size, kind });
  }
  const [middle, deviation] = [(size - 1) / 2, size / 8];
  return Float64Array.from({ length: size }, (_, i) => (kind === "constant" ? 1 : Math.exp(-(((i - middle) / deviation) ** 2) / 2)));
}

/** Axes to mirror. */
export type Mirroring = readonly [x: boolean, y: boolean, z: boolean];

/**
 * Every way to mirror along some of the given axes, the unmirrored one first: 2ⁿ for n axes. The mean of a network's
 * mirrored results of mirrored inputs is its prediction under mirroring.
 *
 * @param axes - those whose direction may be turned: 0 for x, 1 for y, 2 for z
 * @throws InceptionError OPTION_INVALID for an axis that is none of these
 *
 * @example
 * ```ts
 * import { mirrorings } from "inceptionkit/segment";
 * mirrorings([0, 2]); // [[false, false, false], [true, false, false], [false, false, true], [true, false, true]]
 * ```
 */
export function mirrorings(axes: readonly number[]): readonly Mirroring[] {
  const wrong = axes.find((axis) => axis !== 0 && axis !== 1 && axis !== 2);
  if (wrong !== undefined) {
    throw new InceptionError("OPTION_INVALID", `Cannot mirror axis ${wrong}: expected 0 (x), 1 (y) or 2 (z)`, { axes });
  }
  const turned = [0, 1, 2].filter((axis) => axes.includes(axis));
  return Array.from({ length: 2 ** turned.length }, (_, bits): Mirroring => {
    const has = (axis: number): boolean => turned.includes(axis) && ((bits >> turned.indexOf(axis)) & 1) === 1;
    return [has(0), has(1), has(2)];
  });
}

/**
 * Turns a volume round along the given axes. Doing it twice gives the volume back.
 *
 * @param data - [channels, z, y, x]
 * @param shape - voxels along x, y and z
 * @param channels - default 1
 * @throws InceptionError VOLUME_INVALID, IMAGE_LIMIT
 *
 * @example
 * ```ts
 * import { mirrorVolume } from "inceptionkit/segment";
 * [...mirrorVolume(new Float32Array([1, 2, 3, 4]), [2, 1, 2], [true, false, true])]; // [4, 3, 2, 1]
 * ```
 */
export function mirrorVolume(data: Float32Array, shape: Triple, [flipX, flipY, flipZ]: Mirroring, channels = 1): Float32Array {
  const [width, height, depth] = shape;
  checkChannels("mirror a volume", shape, channels, data);
  const mirrored = new Float32Array(data.length);
  let to = 0;
  for (let channel = 0; channel < channels; channel++) {
    for (let z = 0; z < depth; z++) {
      for (let y = 0; y < height; y++, to += width) {
        const [fromY, fromZ] = [flipY ? height - 1 - y : y, flipZ ? depth - 1 - z : z];
        const row = ((channel * depth + fromZ) * height + fromY) * width;
        mirrored.set(data.subarray(row, row + width), to);
        if (flipX) mirrored.subarray(to, to + width).reverse();
      }
    }
  }
  return mirrored;
}
