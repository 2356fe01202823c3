import { InceptionError } from "../errors.js";
import type { Graph, Parameter } from "../ir/graph.js";
import { fnv1a32, mulberry32 } from "../tensor/fill.js";
import { elementCount, float32Tensor, type Tensor } from "../tensor/tensor.js";

/**
 * Initializers of convolution and linear weights. Scale 1, shift and bias 0, running mean 0 and variance 1 in all of them.
 *
 * - "he_normal": σ = √(2/fan_in), normal cut at 2σ and widened so that its deviation is σ (slim v2 and v3, Keras).
 * - "xavier_uniform": uniform in ±√(6/(fan_in + fan_out)) (slim Inception-ResNet-v2, facenet, Keras' default).
 * - "truncated_normal": σ = 0.01 cut at 2σ (slim v1 and torchvision's GoogLeNet).
 */
export const INITIALIZERS = ["he_normal", "truncated_normal", "xavier_uniform"] as const;
/** A weight initialization by name. */
export type Initializer = (typeof INITIALIZERS)[number];

/** slim v1's and torchvision's deviation. */
const TRUNCATED_SIGMA = 0.01;

/** Deviation of a standard normal variable that is drawn again until it lies within ±2. */
const CUT_NORMAL_DEVIATION = 0.87962566103423978;

/**
 * First values for every parameter of a network, to train from scratch. The same seed gives the same values; each
 * parameter's depend on the seed and its path alone.
 *
 * @param initializer - default "he_normal"
 * @throws InceptionError OPTION_INVALID for an initializer that does not exist
 *
 * @example
 * ```ts
 * import { describeModel } from "inceptionkit/models";
 * import { initialParameters } from "inceptionkit/weights";
 * const graph = describeModel("googlenet", { widthMultiplier: 0.125 });
 * const parameters = initialParameters(graph, 1);
 * ```
 */
export function initialParameters(graph: Graph, seed: number, initializer: Initializer = "he_normal"): ReadonlyMap<string, Tensor> {
  if (!INITIALIZERS.includes(initializer)) {
    throw new InceptionError(
      "OPTION_INVALID",
      `Cannot initialize "${graph.name}" with initializer "${String(initializer)}": expected one of ${INITIALIZERS.join(", ")}`,
      { initializer },
    );
  }
  return new Map(graph.parameters.map((parameter) => [parameter.path, initialValue(parameter, seed, initializer)]));
}

function initialValue({ path, role, type }: Parameter, seed: number, initializer: Initializer): Tensor {
  const shape = type.shape.map(Number);
  const values = new Float32Array(elementCount(shape));
  if (role === "norm_scale" || role === "running_var") values.fill(1);
  if (role === "conv_kernel" || role === "conv_transpose_kernel" || role === "linear_kernel") {
    const draw = mulberry32(fnv1a32(`initialize:${seed}:${path}`));
    fillKernel(values, role === "conv_transpose_kernel" ? transposedFans(shape) : fansOf(shape), draw, initializer);
  }
  return float32Tensor(shape, values);
}

/** How many products are added up for one output, and how many outputs one input reaches. */
interface Fans {
  readonly fanIn: number;
  readonly fanOut: number;
}

/** Of a convolution [M, C, kernel…] or a linear layer [M, C]. */
function fansOf([outChannels = 1, ...rest]: readonly number[]): Fans {
  return { fanIn: elementCount(rest), fanOut: outChannels * elementCount(rest.slice(1)) };
}

/** Of a transposed convolution [C, M, kernel…] whose kernel is its stride, as it is in decoders: one tap reaches each output. */
function transposedFans([inChannels = 1, ...rest]: readonly number[]): Fans {
  return { fanIn: inChannels, fanOut: elementCount(rest) };
}

function fillKernel(values: Float32Array, { fanIn, fanOut }: Fans, draw: () => number, initializer: Initializer): void {
  if (initializer === "xavier_uniform") {
    const limit = Math.sqrt(6 / (fanIn + fanOut));
    for (let i = 0; i < values.length; i++) values[i] = limit * (2 * draw() - 1);
    return;
  }
  const sigma = initializer === "he_normal" ? Math.sqrt(2 / fanIn) / CUT_NORMAL_DEVIATION : TRUNCATED_SIGMA;
  for (let i = 0; i < values.length; i++) values[i] = sigma * cutNormal(draw);
}

/** A standard normal number within ±2, by Marsaglia's polar method, whose square root and logarithm are all it needs. */
function cutNormal(draw: () => number): number {
  for (;;) {
    const u = 2 * draw() - 1;
    const v = 2 * draw() - 1;
    const square = u * u + v * v;
    if (square === 0 || square >= 1) continue;
    const normal = u * Math.sqrt((-2 * Math.log(square)) / square);
    if (Math.abs(normal) <= 2) return normal;
  }
}
