import type { Ref } from "../ops/build.js";
import { booleanOption, fractionOption, numberOption, type OptionValues, optionError, resolveOptions } from "../options.js";
import { type Arithmetic, decayedSum } from "./arithmetic.js";
import { defineOptimizer, type Optimizer } from "./optimizer.js";
import { DECOUPLED, decoupledDecay, WEIGHT_DECAY, withL2 } from "./weight-decay.js";

export const SGD_OPTIONS = {
  momentum: fractionOption("Momentum coefficient.", 0),
  dampening: numberOption("Dampening of the gradient in the momentum buffer, from the second step on.", 0, 0, 1),
  nesterov: booleanOption("Use Nesterov momentum.", false),
  weightDecay: WEIGHT_DECAY,
  decoupled: DECOUPLED,
} as const;

/**
 * Stochastic gradient descent with momentum.
 *
 * g ← g + weightDecay · w; v ← momentum · v + (1 − dampening) · g, undampened at the first step; w ← w − rate · v, with
 * Nesterov's look-ahead w ← w − rate · (g + momentum · v). Without momentum w ← w − rate · g.
 *
 * Source: torch.optim.SGD. Passes: 2, with momentum 4.
 *
 * @throws InceptionError OPTION_INVALID
 *
 * @example
 * ```ts
 * import { sgd } from "inceptionkit/train";
 * sgd({ momentum: 0.9, weightDecay: 4e-5 }).slots; // [{ name: "momentum", initial: 0 }]
 * ```
 */
export function sgd(options: Partial<OptionValues<typeof SGD_OPTIONS>> = {}): Optimizer {
  const values = resolveOptions("sgd", SGD_OPTIONS, options);
  const { momentum, dampening, nesterov, weightDecay, decoupled } = values;
  if (nesterov && (momentum === 0 || dampening !== 0)) {
    throw optionError(
      "sgd",
      "nesterov",
      nesterov,
      `momentum above 0 and dampening 0 with it, got momentum ${momentum} and dampening ${dampening}`,
    );
  }
  const initial = momentum === 0 ? {} : { momentum: 0 };
  return defineOptimizer<"momentum">("sgd", values, initial, (x, { slot, learningRate, step, ...site }) => {
    if (momentum === 0) {
      // Without a memory both kinds of decay are the same movement: w − rate · (g + decay · w).
      const kept = decoupledDecay(x, site.parameter, learningRate, weightDecay);
      return { parameter: x.sub("parameter", kept, x.mul("movement", site.gradient, learningRate)), slots: {} };
    }
    const gradient = withL2(x, site.gradient, site.parameter, decoupled ? 0 : weightDecay);
    const parameter = decoupledDecay(x, site.parameter, learningRate, decoupled ? weightDecay : 0);
    const velocity = decayedSum(x, "momentum", slot("momentum"), momentum, dampened(x, gradient, step, dampening));
    const direction = nesterov ? decayedSum(x, "ahead", velocity, momentum, gradient) : velocity;
    return { parameter: x.sub("parameter", parameter, x.mul("movement", direction, learningRate)), slots: { momentum: velocity } };
  });
}

/** (1 − dampening) · gradient, but the whole gradient at step 1. */
function dampened(x: Arithmetic, gradient: Ref, step: Ref, dampening: number): Ref {
  if (dampening === 0) return gradient;
  // 0 at step 1 and 1 from step 2 on, exactly.
  const later = x.clip("later", x.offset("steps_before", step, -1), 0, 1);
  return x.mul("dampened", gradient, x.offset("share", x.scaled("lost_share", later, -dampening), 1));
}
