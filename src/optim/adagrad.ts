import { numberOption, type OptionValues, resolveOptions } from "../options.js";
import { defineOptimizer, type Optimizer } from "./optimizer.js";
import { WEIGHT_DECAY, withL2 } from "./weight-decay.js";

export const ADAGRAD_OPTIONS = {
  learningRateDecay: numberOption("Learning-rate decay: the rate is divided by 1 + (step − 1) · learningRateDecay.", 0, 0, 1),
  initialSquareSum: numberOption("Initial value of the squared-gradient accumulator.", 0, 0, 1e4),
  epsilon: numberOption("Constant added to the denominator for numerical stability.", 1e-10, 1e-16, 1e4),
  weightDecay: WEIGHT_DECAY,
} as const;

/**
 * Adagrad: gradients divided by the root of the sum of all their squares so far.
 *
 * g ← g + weightDecay · w; s ← s + g²; w ← w − rate / (1 + (t − 1) · learningRateDecay) · g / (√s + epsilon).
 *
 * Source: Duchi et al., JMLR 12 (2011), and torch.optim.Adagrad. Passes: 7.
 *
 * @throws InceptionError OPTION_INVALID
 *
 * @example
 * ```ts
 * import { adagrad } from "inceptionkit/train";
 * adagrad({ initialSquareSum: 0.1 }).slots; // [{ name: "square_sum", initial: 0.1 }]
 * ```
 */
export function adagrad(options: Partial<OptionValues<typeof ADAGRAD_OPTIONS>> = {}): Optimizer {
  const values = resolveOptions("adagrad", ADAGRAD_OPTIONS, options);
  const { learningRateDecay, initialSquareSum, epsilon } = values;
  return defineOptimizer<"square_sum">("adagrad", values, { square_sum: initialSquareSum }, (x, { slot, learningRate, step, ...site }) => {
    const gradient = withL2(x, site.gradient, site.parameter, values.weightDecay);
    const squares = x.add("square_sum", slot("square_sum"), x.mul("square_sum.square", gradient, gradient));
    const slowing = () => x.offset("slowing", x.scaled("slowed", x.offset("steps_before", step, -1), learningRateDecay), 1);
    const rate = learningRateDecay === 0 ? learningRate : x.div("rate", learningRate, slowing());
    const direction = x.div("direction", gradient, x.offset("denominator", x.sqrt("root", squares), epsilon));
    return { parameter: x.sub("parameter", site.parameter, x.mul("movement", direction, rate)), slots: { square_sum: squares } };
  });
}
