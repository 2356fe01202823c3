/**
 * Weights of Pillow's separable resampling along one axis (its Resample.c; the antialiased "convolution" resize of 2.7 and later).
 *
 * For output position i the filter is centered on (i + 0.5) * scale of the input, is widened by the scale where the axis shrinks,
 * and its weights are normalized to sum 1 over the pixels that exist, so that edges repeat nothing.
 */

interface Kernel {
  /** Distance from the center, in output pixels of a shrinking axis or input pixels of a growing one, beyond which the weight is 0. */
  readonly support: number;
  readonly weight: (x: number) => number;
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI);
}

/** Pillow writes the two constants of this window as single-precision literals. */
function hamming(x: number): number {
  const t = Math.abs(x);
  if (t >= 1) return 0;
  return t === 0 ? 1 : (Math.sin(t * Math.PI) / (t * Math.PI)) * (Math.fround(0.54) + Math.fround(0.46) * Math.cos(t * Math.PI));
}

/** Keys' cubic; Pillow fixes its free parameter at -0.5. */
function cubic(x: number): number {
  const a = -0.5;
  const t = Math.abs(x);
  if (t < 1) return ((a + 2) * t - (a + 3)) * t * t + 1;
  return t < 2 ? (((t - 5) * t + 8) * t - 4) * a : 0;
}

const KERNELS = {
  box: { support: 0.5, weight: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0) },
  bilinear: { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  hamming: { support: 1, weight: hamming },
  bicubic: { support: 2, weight: cubic },
  lanczos: { support: 3, weight: (x) => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0) },
} as const satisfies Record<string, Kernel>;

/** Pillow's filters that average; "nearest" is the one that does not. */
export type KernelName = keyof typeof KERNELS;

/** For each output position of a range: which input positions it reads, and with which weights. */
export interface Taps<W extends Float64Array | Int32Array = Float64Array | Int32Array> {
  /** First input position per output position. */
  readonly first: Int32Array;
  /** Number of input positions per output position. */
  readonly count: Int32Array;
  /** Weights of output position i start at `i * stride`. */
  readonly stride: number;
  readonly weights: W;
}

/** Fractional bits of Pillow's 8-bit weights: 32, less 8 for the pixel, less 2 of headroom for lobes that overshoot. */
export const WEIGHT_BITS = 32 - 8 - 2;

export interface Axis {
  readonly inSize: number;
  /** Length of the whole resized axis, of which positions `from` to `from + length - 1` are wanted. */
  readonly outSize: number;
  readonly from: number;
  readonly length: number;
  readonly kernel: KernelName;
}

interface TapRange {
  readonly first: number;
  readonly count: number;
  /** Where the filter is centered, in input pixels from the left edge of the first one. */
  readonly center: number;
}

/** Weights that are stored per output position; some stay unused at the edges. */
export function tapStride({ inSize, outSize, kernel }: Pick<Axis, "inSize" | "outSize" | "kernel">): number {
  return Math.ceil(KERNELS[kernel].support * Math.max(1, inSize / outSize)) * 2 + 1;
}

/** Weights in double precision, which sum to 1. */
export function floatTaps(axis: Axis): Taps<Float64Array> {
  return fillTaps(axis, new Float64Array(axis.length * tapStride(axis)), (weight) => weight);
}

/** Weights in fixed point with WEIGHT_BITS fractional bits, halves away from zero. */
export function fixedTaps(axis: Axis): Taps<Int32Array> {
  const one = 2 ** WEIGHT_BITS;
  return fillTaps(axis, new Int32Array(axis.length * tapStride(axis)), (weight) => Math.trunc(weight * one + (weight < 0 ? -0.5 : 0.5)));
}

/** The input positions that output position `position` reads. */
export function tapRange({ inSize, outSize, kernel }: Pick<Axis, "inSize" | "outSize" | "kernel">, position: number): TapRange {
  const scale = inSize / outSize;
  const center = (position + 0.5) * scale;
  const reach = KERNELS[kernel].support * Math.max(1, scale);
  const first = Math.max(0, Math.trunc(center - reach + 0.5));
  return { first, count: Math.min(inSize, Math.trunc(center + reach + 0.5)) - first, center };
}

function fillTaps<W extends Float64Array | Int32Array>(axis: Axis, weights: W, store: (weight: number) => number): Taps<W> {
  const { weight } = KERNELS[axis.kernel];
  const inverse = 1 / Math.max(1, axis.inSize / axis.outSize);
  const stride = tapStride(axis);
  const firsts = new Int32Array(axis.length);
  const counts = new Int32Array(axis.length);
  const row = new Float64Array(stride);
  for (let i = 0; i < axis.length; i++) {
    const { first, count, center } = tapRange(axis, axis.from + i);
    let sum = 0;
    for (let k = 0; k < count; k++) {
      const w = weight((k + first - center + 0.5) * inverse);
      row[k] = w;
      sum += w;
    }
    for (let k = 0; k < count; k++) weights[i * stride + k] = store(sum === 0 ? row[k]! : row[k]! / sum);
    firsts[i] = first;
    counts[i] = count;
  }
  return { first: firsts, count: counts, stride, weights };
}
