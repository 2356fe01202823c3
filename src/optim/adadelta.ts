import { fractionOption, numberOption, type OptionValues, resolveOptions } from "../options.js";
import { decayedSumOfSquares } from "./arithmetic.js";
import { defineOptimizer, type Optimizer } from "./optimizer.js";
import { WEIGHT_DECAY, withL2 } from "./weight-decay.js";

export const ADADELTA_OPTIONS = {
  decay: fractionOption("Decay rate of both running averages (`rho`).", 0.9),
  epsilon: numberOption("Constant added inside both square roots.", 1e-6, 1e-16, 1e4),
  weightDecay: WEIGHT_DECAY,
} as const;

/**
 * Adadelta: gradients divided by their root mean square and multiplied by that of the movements.
 *
 * g ← g + weightDecay · w; s ← decay · s + (1 − decay) · g²; d = g · √(u + epsilon) / √(s + epsilon);
 * u ← decay · u + (1 − decay) · d²; w ← w − rate · d. The rate is 1 in the paper.
 *
 * Kept are s and u over 1 − decay, with epsilon / (1 − decay); the quotient of the roots stays the same.
 *
 * Source: Zeiler, arXiv:1212.5701, and torch.optim.Adadelta. Passes: 13.
 *
 * @throws InceptionError OPTION_INVALID
 *
 * @example
 * ```ts
 * import { adadelta } from "inceptionkit/train";
 * adadelta().slots.map(({ name }) => name); // ["square_sum", "movement_square_sum"]
 * ```
 */
export function adadelta(options: Partial<OptionValues<typeof ADADELTA_OPTIONS>> = {}): Optimizer {
  const values = resolveOptions("adadelta", ADADELTA_OPTIONS, options);
  const { decay } = values;
  const epsilon = values.epsilon / (1 - decay);
  const initial = { square_sum: 0, movement_square_sum: 0 };
  return defineOptimizer<keyof typeof initial>("adadelta", values, initial, (x, { slot, learningRate, ...site }) => {
    const gradient = withL2(x, site.gradient, site.parameter, values.weightDecay);
    const squares = decayedSumOfSquares(x, "square_sum", slot("square_sum"), decay, gradient);
    const moved = slot("movement_square_sum");
    const quotient = x.div("quotient", x.offset("numerator", moved, epsilon), x.offset("denominator", squares, epsilon));
    const direction = x.mul("direction", x.sqrt("root", quotient), gradient);
    const movedNext = decayedSumOfSquares(x, "movement_square_sum", moved, decay, direction);
    return {
      parameter: x.sub("parameter", site.parameter, x.mul("movement", direction, learningRate)),
      slots: { square_sum: squares, movement_square_sum: movedNext },
    };
  });
}
