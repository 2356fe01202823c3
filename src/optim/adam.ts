import type { Ref } from "../ops/build.js";
import { booleanOption, fractionOption, numberOption, type OptionValues, resolveOptions } from "../options.js";
import { type Arithmetic, approached, decayedSum, decayedSumOfSquares } from "./arithmetic.js";
import { defineOptimizer, type NamedSite, type Optimizer } from "./optimizer.js";
import { WEIGHT_DECAY, withL2 } from "./weight-decay.js";

export const ADAM_OPTIONS = {
  beta1: fractionOption("Decay rate of the first-moment estimate.", 0.9),
  beta2: fractionOption("Decay rate of the second-moment estimate.", 0.999),
  epsilon: numberOption("Constant added to the denominator for numerical stability.", 1e-8, 1e-16, 1e4),
  amsgrad: booleanOption("Use the AMSGrad variant.", false),
  weightDecay: WEIGHT_DECAY,
} as const;

export const ADAMW_OPTIONS = { ...ADAM_OPTIONS, weightDecay: { ...WEIGHT_DECAY, default: 0.01 } } as const;

type AdamSlot = "gradient_sum" | "square_sum" | "largest_square_sum";
type AdamValues = OptionValues<typeof ADAM_OPTIONS>;

/**
 * Adam: gradients divided by their root mean square, both averaged and freed from their start at 0. Weight decay is L2,
 * added to the gradient.
 *
 * m ← beta1 · m + (1 − beta1) · g; s ← beta2 · s + (1 − beta2) · g²; with m̂ = m / (1 − beta1ᵗ) and ŝ = s / (1 − beta2ᵗ):
 * w ← w − rate · m̂ / (√ŝ + epsilon).
 *
 * Kept are M = m / (1 − beta1) and S = s / (1 − beta2). With r = √((1 − beta2ᵗ) / (1 − beta2)) the movement is
 * rate · r · (1 − beta1) / (1 − beta1ᵗ) · M / (√S + epsilon · r), in which all factors but M and S are scalars.
 *
 * Source: Kingma and Ba, arXiv:1412.6980, and torch.optim.Adam. Passes: 10.
 *
 * @throws InceptionError OPTION_INVALID
 *
 * @example
 * ```ts
 * import { adam } from "inceptionkit/train";
 * adam({ beta2: 0.99 }).slots.map(({ name }) => name); // ["gradient_sum", "square_sum"]
 * ```
 */
export function adam(options: Partial<AdamValues> = {}): Optimizer {
  const values = resolveOptions("adam", ADAM_OPTIONS, options);
  return adamForm("adam", values, 0, (x, site) => withL2(x, site.gradient, site.parameter, values.weightDecay));
}

/**
 * Adam with decoupled weight decay: as `adam`, and the parameter itself is shrunk by rate · weightDecay first.
 *
 * Source: Loshchilov and Hutter, arXiv:1711.05101, and torch.optim.AdamW. Passes: 12.
 *
 * @throws InceptionError OPTION_INVALID
 *
 * @example
 * ```ts
 * import { adamw } from "inceptionkit/train";
 * adamw().options.weightDecay; // 0.01
 * ```
 */
export function adamw(options: Partial<AdamValues> = {}): Optimizer {
  const values = resolveOptions("adamw", ADAMW_OPTIONS, options);
  return adamForm("adamw", values, values.weightDecay, (_, site) => site.gradient);
}

type Site = NamedSite<AdamSlot>;

/** @param shrinking - weight decay of the parameter itself */
function adamForm(name: string, values: AdamValues, shrinking: number, gradientOf: (x: Arithmetic, site: Site) => Ref): Optimizer {
  const { beta1, beta2, epsilon, amsgrad } = values;
  const initial = { gradient_sum: 0, square_sum: 0, ...(amsgrad ? { largest_square_sum: 0 } : {}) };
  return defineOptimizer<AdamSlot>(name, values, initial, (x, site) => {
    const gradient = gradientOf(x, site);
    const sum = decayedSum(x, "gradient_sum", site.slot("gradient_sum"), beta1, gradient);
    const squares = decayedSumOfSquares(x, "square_sum", site.slot("square_sum"), beta2, gradient);
    const largest = amsgrad ? maximum(x, "largest_square_sum", site.slot("largest_square_sum"), squares) : squares;
    const spread = x.sqrt("spread", x.scaled("square_weights", approached(x, "square_start", site.step, beta2), 1 / (1 - beta2)));
    const denominator = x.add("denominator", x.sqrt("root", largest), x.scaled("epsilon", spread, epsilon));
    const weights = x.scaled("gradient_weights", approached(x, "gradient_start", site.step, beta1), 1 / (1 - beta1));
    const rate = x.div("rate", x.mul("spread_rate", site.learningRate, spread), weights);
    const movement = x.mul("movement", x.div("direction", sum, denominator), rate);
    return {
      parameter: x.sub("parameter", site.parameter, withShrinking(x, movement, site, shrinking)),
      slots: { gradient_sum: sum, square_sum: squares, ...(amsgrad ? { largest_square_sum: largest } : {}) },
    };
  });
}

/**
 * movement + rate · shrinking · parameter. Gathered before it is taken off, so that the parameter is rounded once: a
 * parameter is some thousand times its movement, and a second rounding would double the error of the step.
 */
function withShrinking(x: Arithmetic, movement: Ref, { parameter, learningRate }: Site, shrinking: number): Ref {
  if (shrinking === 0) return movement;
  return x.add("whole_movement", movement, x.mul("shrinking", parameter, x.scaled("lost_share", learningRate, shrinking)));
}

/** max(a, b) = a + max(b − a, 0): exactly a where a is the larger. */
function maximum(x: Arithmetic, name: string, a: Ref, b: Ref): Ref {
  return x.add(name, a, x.relu(`${name}.more`, x.sub(`${name}.difference`, b, a)));
}
