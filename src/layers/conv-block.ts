import type { GraphBuilder, Ref } from "../ops/build.js";
import { type Padding, padsFollowSize, resolvePads } from "./padding.js";

/** A convolution as the tables write it: `3×3 /2 valid, 64`. */
export interface ConvSpec {
  readonly outChannels: number;
  readonly kernelShape: readonly number[];
  /** Default 1 along each axis. */
  readonly strides?: readonly number[];
  /** Default "symmetric". */
  readonly padding?: Padding;
  /** Default 1 along each axis. */
  readonly dilations?: readonly number[];
  /** How many parts input and output channels fall into, each read by its own. Default 1. */
  readonly groups?: number;
}

/**
 * Layers that follow each convolution: batch normalization and ReLU, or bias and ReLU.
 *
 * - "batch_norm": convolution without bias → batch normalization → ReLU (every public network since Inception-v2).
 * - "bias": convolution with bias → ReLU (GoogLeNet as published, the drawn Inception-ResNets).
 */
export type ConvBlockStyle = { readonly kind: "batch_norm"; readonly epsilon: number } | { readonly kind: "bias" };

/**
 * Convolution, normalization or bias, ReLU. Nodes are `<path>.conv`, `<path>.bn`, `<path>.relu`; the module is `path`.
 *
 * @param x - [N, C, spatial…]
 * @returns [N, outChannels, spatial…]
 *
 * @example
 * ```ts
 * import { describe } from "inceptionkit";
 * import { convBlock, globalPool, linear } from "inceptionkit/layers";
 * const network = describe("tiny", (b) => {
 *   const x = b.input("input", ["N", 3, 64, 64]);
 *   const style = { kind: "batch_norm", epsilon: 1e-3 } as const;
 *   const map = convBlock(b, "conv1", x, { outChannels: 16, kernelShape: [3, 3], strides: [2, 2] }, style);
 *   b.output("logits", linear(b, "fc", globalPool(b, "pool", map, "vector"), 10));
 * });
 * network.summary().params; // 634
 * ```
 */
export function convBlock(b: GraphBuilder, path: string, x: Ref, spec: ConvSpec, style: ConvBlockStyle): Ref {
  const convolved = plainConv(b, `${path}.conv`, x, spec, style.kind === "bias");
  const normalized = style.kind === "bias" ? convolved : batchNorm(b, `${path}.bn`, convolved, style.epsilon);
  return b.module(path, b.add("relu", `${path}.relu`, [normalized], {}));
}

/** A convolution alone; its kernel is `<path>.weight` [M, C/groups, kernel…] and its bias `<path>.bias` [M]. */
export function plainConv(b: GraphBuilder, path: string, x: Ref, spec: ConvSpec, bias: boolean): Ref {
  const { kernelShape, groups = 1, padding = "symmetric" } = spec;
  const channels = Number(x.type.shape[1]) / groups;
  const weight = b.parameter(`${path}.weight`, [spec.outChannels, channels, ...kernelShape], "conv_kernel");
  const inputs = bias ? ([x, weight, b.parameter(`${path}.bias`, [spec.outChannels], "bias")] as const) : ([x, weight] as const);
  const ones = kernelShape.map(() => 1);
  const { strides = ones, dilations = ones } = spec;
  const window = { kernelShape, strides, dilations };
  const pads = resolvePads(padding, { ...window, sizes: x.type.shape.slice(2).map(Number) });
  return b.add("conv", path, inputs, { kernelShape, strides, pads, dilations, groups }, padsFollowSize(padding, window));
}

/** A transposed convolution without overlap: its windows lie side by side, so each axis grows as many times as the kernel is long. */
interface TransposedConvSpec {
  readonly outChannels: number;
  /** The strides too. */
  readonly kernelShape: readonly number[];
}

/** A transposed convolution with bias; its kernel is `<path>.weight` [C, M, kernel…] and its bias `<path>.bias` [M]. */
export function transposedConv(b: GraphBuilder, path: string, x: Ref, { outChannels, kernelShape }: TransposedConvSpec): Ref {
  const weight = b.parameter(`${path}.weight`, [Number(x.type.shape[1]), outChannels, ...kernelShape], "conv_transpose_kernel");
  const [ones, zeros] = [kernelShape.map(() => 1), kernelShape.map(() => 0)];
  const window = { kernelShape, strides: kernelShape, dilations: ones, pads: [...zeros, ...zeros] };
  const inputs = [x, weight, b.parameter(`${path}.bias`, [outChannels], "bias")] as const;
  return b.add("convTranspose", path, inputs, { ...window, groups: 1, outputPadding: zeros });
}

/** Batch normalization with running statistics under PyTorch's names: weight, bias, running_mean, running_var, each [C]. */
export function batchNorm(b: GraphBuilder, path: string, x: Ref, epsilon: number): Ref {
  const shape = [Number(x.type.shape[1])];
  const parameters = [
    b.parameter(`${path}.weight`, shape, "norm_scale"),
    b.parameter(`${path}.bias`, shape, "norm_shift"),
    b.parameter(`${path}.running_mean`, shape, "running_mean"),
    b.parameter(`${path}.running_var`, shape, "running_var"),
  ] as const;
  return b.add("batchNormalization", path, [x, ...parameters], { epsilon });
}

/** Batch normalization and ReLU after a sum or a concatenation. Nodes `<path>` and `<path>.relu`; the module is `path`. */
export function normRelu(b: GraphBuilder, path: string, x: Ref, epsilon: number): Ref {
  return b.module(path, b.add("relu", `${path}.relu`, [batchNorm(b, path, x, epsilon)], {}));
}
