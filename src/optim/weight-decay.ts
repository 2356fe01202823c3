import type { ParameterRole } from "../ir/graph.js";
import type { Ref } from "../ops/build.js";
import { booleanOption, numberOption } from "../options.js";
import type { Arithmetic } from "./arithmetic.js";

/**
 * Which parameters weight decay holds for, by their role. `kernels`: kernels of convolutions and linear layers, as in the papers
 * and slim. `kernels_and_biases`: biases as well, as in slim's Inception-ResNet-v2. `all`: every trained parameter, as
 * PyTorch does unless told otherwise.
 */
export const DECAY_TARGETS = {
  kernels: ["conv_kernel", "conv_transpose_kernel", "linear_kernel"],
  kernels_and_biases: ["conv_kernel", "conv_transpose_kernel", "linear_kernel", "bias"],
  all: ["conv_kernel", "conv_transpose_kernel", "linear_kernel", "bias", "norm_scale", "norm_shift"],
} as const satisfies Readonly<Record<string, readonly ParameterRole[]>>;

/** Which parameters weight decay applies to. */
export type DecayTarget = keyof typeof DECAY_TARGETS;

/**
 * Whether weight decay holds for a parameter of this role; never for running statistics.
 *
 * @param target - default `kernels`
 *
 * @example
 * ```ts
 * import { decays } from "inceptionkit/train";
 * decays("conv_kernel"); // true
 * decays("norm_scale"); // false
 * decays("norm_scale", "all"); // true
 * ```
 */
export function decays(role: ParameterRole, target: DecayTarget = "kernels"): boolean {
  const roles: readonly ParameterRole[] = DECAY_TARGETS[target];
  return roles.includes(role);
}

export const WEIGHT_DECAY = numberOption("Weight-decay coefficient.", 0, 0, 1);
export const DECOUPLED = booleanOption("Use decoupled weight decay (scaled by the learning rate) instead of L2 regularization.", false);

/** The gradient of loss + ½ · weightDecay · |parameter|²: gradient + weightDecay · parameter. Two passes. */
export function withL2(x: Arithmetic, gradient: Ref, parameter: Ref, weightDecay: number): Ref {
  return weightDecay === 0 ? gradient : x.add("decayed_gradient", gradient, x.scaled("decay", parameter, weightDecay));
}

/** (1 − learningRate · weightDecay) · parameter. One pass. */
export function decoupledDecay(x: Arithmetic, parameter: Ref, learningRate: Ref, weightDecay: number): Ref {
  if (weightDecay === 0) return parameter;
  return x.mul("shrunk", parameter, x.offset("kept_share", x.scaled("lost_share", learningRate, -weightDecay), 1));
}
