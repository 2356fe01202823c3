import { InceptionError } from "../errors.js";
import { formatCount } from "../text.js";
import { formatTriple, voxelCount } from "./volume.js";
import { type WindowPlan, type WindowWeights, windowStart, windowWeights } from "./windows.js";

/** How the probabilities of windows are merged. */
export interface AccumulatorOptions {
  /** Classes of the network. */
  readonly classes: number;
  /** Default gaussian. */
  readonly weights?: WindowWeights;
  /**
   * In what the weighted means are held. `float64`: where all windows agree on a 32-bit value, the mean is exactly that
   * value. `float32`: half the memory, with errors of some 1e-7 of the value. Default float64.
   */
  readonly precision?: "float64" | "float32";
}

/** Planes of the volume that no further window reaches: `depth` of them from plane `z` on, without padding. */
export interface Slab {
  readonly z: number;
  readonly depth: number;
  /** Weighted means of the windows' values, [classes, depth, y, x], x fastest. */
  readonly values: Float32Array;
}

/** A slab of labels: the class with the largest mean, of equal ones the first. */
export interface LabelSlab {
  readonly z: number;
  readonly depth: number;
  /** [depth, y, x], x fastest. */
  readonly labels: Uint16Array;
}

/** 8 GB in double precision: 25 classes over a window depth of 96 and planes of 512 × 512 take 5 GB. */
const MAX_HELD_VALUES = 2 ** 30;
/** Labels are 16-bit. */
const MAX_CLASSES = 2 ** 16;
const ACTION = "merge windows";

/**
 * Merges a network's results for the windows of a plan. It takes them in the plan's order, z slowest, and gives back
 * planes as soon as no further window reaches them. So it holds classes × window depth × plane values, however deep
 * the volume is.
 *
 * Each voxel becomes the mean of what the windows say about it, weighted by the place in the window. Since the windows are
 * all combinations of starts along the axes and the weight is a product over the axes, so is the sum of the weights: it is
 * divided by beforehand, and nothing but the means is held.
 *
 * @example
 * ```ts
 * import { planWindows, WindowAccumulator } from "inceptionkit/segment";
 * const plan = planWindows([1, 1, 3], [1, 1, 2]);
 * const merged = new WindowAccumulator(plan, { classes: 2 });
 * const [first] = merged.addForLabels(0, new Float32Array([0, 0, 1, 1]));
 * const [rest] = merged.addForLabels(1, new Float32Array([0, 5, 1, 1]));
 * [first.z, first.depth]; // [0, 1]
 * [...rest.labels]; // [1, 0]
 * ```
 */
export class WindowAccumulator {
  readonly #plan: WindowPlan;
  readonly #classes: number;
  /** Per axis and start, what each voxel of the window contributes to the mean. */
  readonly #shares: readonly [Shares, Shares, Shares];
  /** [classes, window depth, padded y, padded x]; plane z of the padded volume is at z modulo the window's depth. */
  readonly #held: Float64Array | Float32Array;
  #next = 0;
  /** Planes of the padded volume that have been given back. */
  #done = 0;

  /** @throws InceptionError OPTION_INVALID for classes that are no integer of 1 to 65536, IMAGE_LIMIT where too much would be held */
  constructor(plan: WindowPlan, { classes, weights = "gaussian", precision = "float64" }: AccumulatorOptions) {
    if (!Number.isInteger(classes) || classes < 1 || classes > MAX_CLASSES) {
      const fact = `classes is ${classes}, expected an integer from 1 to ${formatCount(MAX_CLASSES)}`;
      throw new InceptionError("OPTION_INVALID", `Cannot ${ACTION}: ${fact}`, { classes });
    }
    const held = heldValues(plan, classes);
    this.#plan = plan;
    this.#classes = classes;
    this.#shares = [0, 1, 2].map((axis) => axisShares(plan, axis, weights)) as [Shares, Shares, Shares];
    this.#held = precision === "float64" ? new Float64Array(held) : new Float32Array(held);
  }

  /** How many values are held between calls: classes × window depth × padded plane. */
  get heldValues(): number {
    return this.#held.length;
  }

  /**
   * Takes the next window's result and give back the planes that are finished, as means; after the last window all that remain.
   *
   * @param index - of the window; 0, then 1, and so on
   * @param values - [classes, z, y, x] of the window, logits or probabilities
   * @returns no slab or one
   * @throws InceptionError OPTION_INVALID for a window out of order, VOLUME_INVALID for a wrong number of values,
   *   SESSION_FAILED where a value is not a number
   */
  add(index: number, values: Float32Array): readonly Slab[] {
    return this.#finish(this.#take(index, values), (z, depth) => ({ z, depth, values: this.#means(z, depth) }));
  }

  /** As `add`, but gives labels. One accumulator may give either. */
  addForLabels(index: number, values: Float32Array): readonly LabelSlab[] {
    return this.#finish(this.#take(index, values), (z, depth) => ({ z, depth, labels: this.#labels(z, depth) }));
  }

  /** @returns up to which plane of the padded volume all is known */
  #take(index: number, values: Float32Array): number {
    const { count, window, padded, starts } = this.#plan;
    if (index !== this.#next || index >= count) {
      const expected = this.#next < count ? `window ${this.#next}` : `none after the last of ${count}`;
      throw new InceptionError("OPTION_INVALID", `Cannot ${ACTION}: got window ${index}, expected ${expected}`, { index });
    }
    if (values.length !== this.#classes * voxelCount(window)) {
      const expected = `expected ${this.#classes * voxelCount(window)} for ${this.#classes} classes of ${formatTriple(window)} voxels`;
      const message = `Cannot ${ACTION}: window ${index} has ${values.length} values, ${expected}`;
      throw new InceptionError("VOLUME_INVALID", message, { index, values: values.length });
    }
    const wrong = firstNaN(values);
    if (wrong >= 0) {
      throw new InceptionError("SESSION_FAILED", `Cannot ${ACTION}: value ${wrong} of window ${index} is NaN, expected numbers`, { index });
    }
    this.#addWeighted(index, values);
    this.#next++;
    const perPlane = starts[0].length * starts[1].length;
    return this.#next === count ? padded[2] : starts[2][Math.floor(this.#next / perPlane)]!;
  }

  #addWeighted(index: number, values: Float32Array): void {
    const { window, padded, starts } = this.#plan;
    const start = windowStart(this.#plan, index);
    const row = Math.floor(index / starts[0].length);
    const sharesX = this.#shares[0][index % starts[0].length]!;
    const sharesY = this.#shares[1][row % starts[1].length]!;
    const sharesZ = this.#shares[2][Math.floor(row / starts[1].length)]!;
    const held = this.#held;
    let from = 0;
    for (let channel = 0; channel < this.#classes; channel++) {
      for (let z = 0; z < window[2]; z++) {
        const plane = this.#planeAt(channel, start[2] + z);
        for (let y = 0; y < window[1]; y++) {
          const share = sharesZ[z]! * sharesY[y]!;
          const to = plane + (start[1] + y) * padded[0] + start[0];
          for (let x = 0; x < sharesX.length; x++, from++) held[to + x]! += share * sharesX[x]! * values[from]!;
        }
      }
    }
  }

  /** Where a plane of the padded volume begins among the held values. */
  #planeAt(channel: number, z: number): number {
    const { window, padded } = this.#plan;
    return (channel * window[2] + (z % window[2])) * padded[0] * padded[1];
  }

  /** Hand out what lies before plane `end` of the padded volume, and clear its place. */
  #finish<S>(end: number, slabOf: (z: number, depth: number) => S): readonly S[] {
    const { shape, before, padded } = this.#plan;
    const first = Math.max(this.#done - before[2], 0);
    const last = Math.min(end - before[2], shape[2]);
    const slabs = last > first ? [slabOf(first, last - first)] : [];
    for (; this.#done < end; this.#done++) {
      for (let channel = 0; channel < this.#classes; channel++) {
        const at = this.#planeAt(channel, this.#done);
        this.#held.fill(0, at, at + padded[0] * padded[1]);
      }
    }
    return slabs;
  }

  #means(first: number, depth: number): Float32Array {
    const { shape, before, padded } = this.#plan;
    const means = new Float32Array(this.#classes * depth * shape[0] * shape[1]);
    let to = 0;
    for (let channel = 0; channel < this.#classes; channel++) {
      for (let z = 0; z < depth; z++) {
        const plane = this.#planeAt(channel, first + before[2] + z);
        for (let y = 0; y < shape[1]; y++, to += shape[0]) {
          const row = plane + (y + before[1]) * padded[0] + before[0];
          means.set(this.#held.subarray(row, row + shape[0]), to);
        }
      }
    }
    return means;
  }

  #labels(first: number, depth: number): Uint16Array {
    const { shape, before, padded } = this.#plan;
    const held = this.#held;
    const labels = new Uint16Array(depth * shape[0] * shape[1]);
    const best = new Float32Array(shape[0]);
    for (let z = 0, to = 0; z < depth; z++) {
      for (let y = 0; y < shape[1]; y++, to += shape[0]) {
        best.fill(Number.NEGATIVE_INFINITY);
        for (let channel = 0; channel < this.#classes; channel++) {
          const row = this.#planeAt(channel, first + before[2] + z) + (y + before[1]) * padded[0] + before[0];
          for (let x = 0; x < shape[0]; x++) {
            // Compared as 32-bit values, so that labels are the classes of the largest means that `add` gives.
            const value = Math.fround(held[row + x]!);
            if (value <= best[x]!) continue;
            best[x] = value;
            labels[to + x] = channel;
          }
        }
      }
    }
    return labels;
  }
}

/**
 * Computes how many values an accumulator holds: classes × window depth × padded plane.
 *
 * @throws InceptionError IMAGE_LIMIT above 2^30
 */
export function heldValues({ window, padded: [width, height] }: WindowPlan, classes: number): number {
  const held = classes * window[2] * width * height;
  if (held <= MAX_HELD_VALUES) return held;
  const fact = `${classes} classes in ${window[2]} planes of ${width} × ${height} are ${formatCount(held)} values, the limit is ${formatCount(MAX_HELD_VALUES)}`;
  throw new InceptionError("IMAGE_LIMIT", `Cannot ${ACTION}: ${fact}`, { held, limit: MAX_HELD_VALUES });
}

/** The place of the first value that is not a number, or -1. A plain loop: a callback for each value takes longer than the means. */
function firstNaN(values: Float32Array): number {
  for (let i = 0; i < values.length; i++) if (Number.isNaN(values[i])) return i;
  return -1;
}

/** For each start along an axis the weight of each voxel of the window, divided by the sum over all windows there. */
type Shares = readonly Float64Array[];

function axisShares(plan: WindowPlan, axis: number, kind: WindowWeights): Shares {
  const [size, window, starts] = [plan.padded[axis]!, plan.window[axis]!, plan.starts[axis]!];
  const weights = windowWeights(window, kind);
  const sums = new Float64Array(size);
  for (const start of starts) for (let i = 0; i < window; i++) sums[start + i]! += weights[i]!;
  return starts.map((start) => weights.map((weight, i) => weight / sums[start + i]!));
}
