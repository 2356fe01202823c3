import { InceptionError } from "../errors.js";
import { checkFinite } from "../tensor/finite.js";
import { WindowAccumulator } from "./accumulate.js";
import { voxelCount } from "./volume.js";
import { cutWindow, type Mirroring, mirrorings, mirrorVolume, type WindowPlan } from "./windows.js";

/** A network that computes the logits of a window, on any runtime. */
export interface WindowNetwork {
  /** Of its input. */
  readonly channels: number;
  /** Of its result. */
  readonly classes: number;
  /** From [channels, z, y, x] to logits [classes, z, y, x], both of the plan's window. The input may be kept or changed. */
  readonly run: (window: Float32Array) => Promise<Float32Array>;
}

/** How a volume is cut into windows and their results are merged. */
export interface SegmentWindowsOptions {
  /** Axes to mirror along, 0 (x) to 2 (z): with n of them every window is run 2ⁿ times. Default: none. */
  readonly mirrorAxes?: readonly number[];
  /** Padding value for volumes smaller than the window. Default 0, the mean of a volume after z-score. */
  readonly padValue?: number;
  /** Also return probabilities. Default false. */
  readonly probabilities?: boolean;
  /** Called with how many windows are done and how many there are, first with 0, then after each; it is awaited. */
  readonly onWindow?: (done: number, total: number) => void | Promise<void>;
}

/** The result for a whole volume, on the grid of the data. */
export interface SegmentedWindows {
  /** Of the largest probability, of equal ones the first; [z, y, x], x fastest. */
  readonly classes: Uint16Array;
  /** Probabilities of each class, [z, y, x]; null if they were not requested. */
  readonly probabilities: readonly Float32Array[] | null;
}

/**
 * Segments a volume window by window. Probabilities are averaged, not logits: each window's logits go through softmax, results
 * of mirrored windows are mirrored back and averaged, and overlapping windows are averaged with Gaussian weights. The mean of
 * probabilities is one again, and no window counts more because its logits are larger.
 *
 * Held are the result and, between windows, classes × window depth × plane values. The next window runs while the last one is
 * averaged.
 *
 * @param data - [channels, z, y, x] of the plan's volume, as the network was trained on
 * @param plan - of `planWindows`
 * @throws InceptionError VOLUME_INVALID, IMAGE_LIMIT, OPTION_INVALID; NOT_FINITE for logits that are NaN or infinite; SESSION_FAILED
 *   for logits that are not of the window's size; whatever `run` and `onWindow` throw
 *
 * @example
 * ```ts
 * import { planWindows, segmentWindows } from "inceptionkit/segment";
 * const run = async (window: Float32Array) => Float32Array.from([...window.map(() => 1), ...window]);
 * const result = await segmentWindows({ channels: 1, classes: 2, run }, Float32Array.of(0, 2, 0), planWindows([3, 1, 1], [2, 1, 1]));
 * [...result.classes]; // [0, 1, 0]
 * ```
 */
export async function segmentWindows(
  network: WindowNetwork,
  data: Float32Array,
  plan: WindowPlan,
  options: SegmentWindowsOptions = {},
): Promise<SegmentedWindows> {
  const { mirrorAxes = [], padValue = 0, probabilities: wanted = false, onWindow } = options;
  const turns = mirrorings(mirrorAxes);
  const merged = new WindowAccumulator(plan, { classes: network.classes });
  const result = emptyResult(plan, network.classes, wanted);
  const begin = (index: number): Promise<Float32Array> => {
    const begun = windowProbabilities(network, cutWindow(plan, index, data, network.channels, padValue), plan, turns);
    // Looked at when its turn comes; without a handler now, a failure before that would end the process.
    begun.catch(() => {});
    return begun;
  };
  let next = begin(0);
  await onWindow?.(0, plan.count);
  for (let index = 0; index < plan.count; index++) {
    const means = await next;
    if (index + 1 < plan.count) next = begin(index + 1);
    if (result.probabilities === null) {
      for (const { z, labels } of merged.addForLabels(index, means)) result.classes.set(labels, z * plan.shape[0] * plan.shape[1]);
    } else {
      for (const slab of merged.add(index, means)) keepSlab(slab.values, slab.z, plan, result.classes, result.probabilities);
    }
    await onWindow?.(index + 1, plan.count);
  }
  return result;
}

function emptyResult({ shape }: WindowPlan, classes: number, probabilities: boolean): SegmentedWindows {
  const voxels = voxelCount(shape);
  return {
    classes: new Uint16Array(voxels),
    probabilities: probabilities ? Array.from({ length: classes }, () => new Float32Array(voxels)) : null,
  };
}

/** The mean over all mirrorings of a window's probabilities, [classes, z, y, x]. */
async function windowProbabilities(
  { channels, classes, run }: WindowNetwork,
  window: Float32Array,
  plan: WindowPlan,
  turns: readonly Mirroring[],
): Promise<Float32Array> {
  const voxels = voxelCount(plan.window);
  const sum = new Float32Array(classes * voxels);
  for (const turn of turns) {
    const turned = turn.includes(true);
    const input = turned ? mirrorVolume(window, plan.window, turn, channels) : window.slice();
    const logits = await run(input);
    if (logits.length !== sum.length) {
      const message = `Cannot segment a window: the network gave ${logits.length} values, expected ${sum.length}`;
      throw new InceptionError("SESSION_FAILED", message, { values: logits.length, expected: sum.length });
    }
    checkFinite(logits, "segment a window", 'output "logits"');
    const probabilities = softmaxOfVoxels(logits, classes);
    const back = turned ? mirrorVolume(probabilities, plan.window, turn, classes) : probabilities;
    for (let i = 0; i < sum.length; i++) sum[i]! += back[i]! / turns.length;
  }
  return sum;
}

/** Softmax over the first axis of [classes, voxels], in double precision. All logits are finite. */
function softmaxOfVoxels(logits: Float32Array, classes: number): Float32Array {
  const voxels = logits.length / classes;
  const out = new Float32Array(logits.length);
  const powers = new Float64Array(classes);
  for (let voxel = 0; voxel < voxels; voxel++) {
    let largest = Number.NEGATIVE_INFINITY;
    for (let at = voxel; at < logits.length; at += voxels) largest = Math.max(largest, logits[at]!);
    let sum = 0;
    for (let index = 0, at = voxel; index < classes; index++, at += voxels) {
      powers[index] = Math.exp(logits[at]! - largest);
      sum += powers[index]!;
    }
    for (let index = 0, at = voxel; index < classes; index++, at += voxels) out[at] = powers[index]! / sum;
  }
  return out;
}

/** Put a slab of means in its place, and the class of the largest one. */
function keepSlab(
  values: Float32Array,
  z: number,
  { shape }: WindowPlan,
  classes: Uint16Array,
  probabilities: readonly Float32Array[],
): void {
  const length = values.length / probabilities.length;
  const from = z * shape[0] * shape[1];
  for (const [index, kept] of probabilities.entries()) kept.set(values.subarray(index * length, (index + 1) * length), from);
  for (let i = 0; i < length; i++) {
    let best = 0;
    for (let index = 1; index < probabilities.length; index++) if (values[index * length + i]! > values[best * length + i]!) best = index;
    classes[from + i] = best;
  }
}
