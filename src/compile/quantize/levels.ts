/** The arithmetic of levels: scales, zero points, and parameters as integers. All results are what float32 holds. */
import type { Range } from "./ranges.js";

/** How a value is written with 256 levels: (level − zeroPoint) · scale. */
export interface Levels {
  /** Positive, as float32. */
  readonly scale: number;
  /** In [0, 255]. */
  readonly zeroPoint: number;
}

const LARGEST_LEVEL = 255;
/** Below this float32 numbers lose digits, and some processors take them for 0. */
const MIN_SCALE = 2 ** -126;

/**
 * The levels that cover a range and 0, which must be a level itself: padding and rectifiers make it, and it must stay it.
 * scale = (high − low) / 255, zeroPoint = round(−low / scale).
 */
export function levelsOf(range: Range): Levels {
  const [low, high] = [Math.min(range.low, 0), Math.max(range.high, 0)];
  if (low === high) return { scale: 1, zeroPoint: 0 };
  const scale = asScale((high - low) / LARGEST_LEVEL);
  return { scale, zeroPoint: Math.min(LARGEST_LEVEL, Math.max(0, roundHalfEven(-low / scale))) };
}

function asScale(value: number): number {
  return Math.max(Math.fround(value), MIN_SCALE);
}

/** To the nearest integer, halves to the even one, as ONNX's QuantizeLinear does. */
export function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 !== 0) ? floor + 1 : floor;
}

/** A layer's kernel and bias as integers, with one scale for each output channel. */
interface QuantizedKernel {
  readonly kernel: Int8Array;
  readonly kernelScales: readonly number[];
  /** In units of inputScale · kernelScale; null where the layer has none. */
  readonly bias: Int32Array | null;
  readonly biasScales: readonly number[];
}

/**
 * Sums of products and the bias are added up as int32. The products stay below 2^30: 255 · 127 · 2^15 taps; so may the bias.
 */
const LARGEST_BIAS = 2 ** 30;

/**
 * A kernel, symmetric around 0: q = round(w / scale) with scale = max|w| / `largest` in each output channel, and the bias in
 * units of the products, b / (inputScale · scale). A channel whose weights are so small that its bias would not fit gets
 * a larger scale.
 *
 * @param kernel - [M, …], row-major
 * @param largest - 127, or 64 where sums of two products must fit in 16 bits (see `reduceRange`)
 */
export function quantizeKernel(
  kernel: ArrayLike<number>,
  bias: ArrayLike<number> | null,
  channels: number,
  { inputScale, largest }: { readonly inputScale: number; readonly largest: number },
): QuantizedKernel {
  const perChannel = kernel.length / channels;
  const quantized = new Int8Array(kernel.length);
  const kernelScales = Array.from({ length: channels }, (_, channel) => {
    const start = channel * perChannel;
    let most = 0;
    for (let index = start; index < start + perChannel; index++) most = Math.max(most, Math.abs(kernel[index] ?? 0));
    const forBias = Math.abs(bias?.[channel] ?? 0) / (inputScale * LARGEST_BIAS);
    const needed = Math.max(most / largest, forBias);
    const scale = needed === 0 ? 1 : asScale(needed);
    for (let index = start; index < start + perChannel; index++) {
      quantized[index] = Math.min(largest, Math.max(-largest, roundHalfEven((kernel[index] ?? 0) / scale)));
    }
    return scale;
  });
  const biasScales = kernelScales.map((scale) => asScale(inputScale * scale));
  const integers = bias && Int32Array.from(biasScales, (scale, channel) => roundHalfEven((bias[channel] ?? 0) / scale));
  return { kernel: quantized, kernelScales, bias: integers, biasScales };
}
