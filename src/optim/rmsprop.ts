import type { Ref } from "../ops/build.js";
import { booleanOption, fractionOption, numberOption, type OptionValues, resolveOptions } from "../options.js";
import { type Arithmetic, decayedSum, decayedSumOfSquares } from "./arithmetic.js";
import { defineOptimizer, type NamedSite, type Optimizer } from "./optimizer.js";
import { DECOUPLED, decoupledDecay, WEIGHT_DECAY, withL2 } from "./weight-decay.js";

const COMMON = {
  centered: booleanOption("Centered RMSProp: divide by the gradient's standard deviation instead of its root mean square.", false),
  weightDecay: WEIGHT_DECAY,
  decoupled: DECOUPLED,
} as const;

// Below the smallest, epsilon vanishes beside its own rounding; zero would divide 0 by 0 where a gradient is 0.
const [MIN_EPSILON, MAX_EPSILON] = [1e-16, 1e4];

export const RMSPROP_OPTIONS = {
  decay: fractionOption("Decay rate of the squared-gradient average (PyTorch's `alpha`).", 0.99),
  momentum: fractionOption("Momentum coefficient.", 0),
  epsilon: numberOption("Constant added to the denominator for numerical stability.", 1e-8, MIN_EPSILON, MAX_EPSILON),
  ...COMMON,
} as const;

export const RMSPROP_TF_OPTIONS = {
  decay: fractionOption("Decay rate of the squared-gradient average.", 0.9),
  momentum: fractionOption("Momentum coefficient.", 0.9),
  epsilon: numberOption("Constant added inside the square root.", 1, MIN_EPSILON, MAX_EPSILON),
  learningRateInMomentum: booleanOption("Apply the learning rate before momentum, as in TensorFlow.", true),
  ...COMMON,
} as const;

type RmspropSlot = "square_sum" | "gradient_sum" | "momentum";

/**
 * RMSProp as PyTorch has it: epsilon outside the root, the mean square starts at 0.
 *
 * s ← decay · s + (1 − decay) · g²; v ← momentum · v + g / (√s + epsilon); w ← w − rate · v. Centered: √(s − m²) with
 * m ← decay · m + (1 − decay) · g.
 *
 * Kept are S = s / (1 − decay), and v · √(1 − decay): then g / (√s + epsilon) = (1/√(1 − decay)) · g / (√S + epsilon/√(1 − decay)),
 * whose first factor goes into the rate.
 *
 * Source: torch.optim.RMSprop. Passes: 8, with momentum 10.
 *
 * @throws InceptionError OPTION_INVALID
 *
 * @example
 * ```ts
 * import { rmsprop } from "inceptionkit/train";
 * rmsprop({ momentum: 0.9 }).slots.map(({ name }) => name); // ["square_sum", "momentum"]
 * ```
 */
export function rmsprop(options: Partial<OptionValues<typeof RMSPROP_OPTIONS>> = {}): Optimizer {
  const values = resolveOptions("rmsprop", RMSPROP_OPTIONS, options);
  const spread = Math.sqrt(1 - values.decay);
  return defineOptimizer<RmspropSlot>("rmsprop", values, initialSlots(values, 0), (x, site) => {
    const { gradient, parameter } = decayed(x, site, values);
    const { variance, slots } = discountedVariance(x, site, gradient, values);
    const direction = x.div("direction", gradient, x.offset("denominator", x.sqrt("root", variance), values.epsilon / spread));
    return moved(x, site, { parameter, direction, spread, slots, momentum: values.momentum, rateFirst: false });
  });
}

/**
 * RMSProp in TensorFlow's form, the optimizer of the Inception papers from v3 on: epsilon inside the root, the mean
 * square starts at 1, and the learning rate goes into the movement that momentum keeps.
 *
 * s ← decay · s + (1 − decay) · g²; v ← momentum · v + rate · g / √(s + epsilon); w ← w − v. Centered:
 * √(s − m² + epsilon) with m ← decay · m + (1 − decay) · g.
 *
 * Kept is S = s / (1 − decay), which therefore starts at 1 / (1 − decay): then
 * g / √(s + epsilon) = (1/√(1 − decay)) · g / √(S + epsilon/(1 − decay)), whose first factor goes into the rate.
 *
 * Source: RMSpropTF of timm 1.0.29.dev0, after TensorFlow's RMSPropOptimizer. Passes: 8, with momentum 10.
 *
 * @throws InceptionError OPTION_INVALID
 *
 * @example
 * ```ts
 * import { rmspropTf } from "inceptionkit/train";
 * rmspropTf({ weightDecay: 4e-5 }).options.epsilon; // 1
 * ```
 */
export function rmspropTf(options: Partial<OptionValues<typeof RMSPROP_TF_OPTIONS>> = {}): Optimizer {
  const values = resolveOptions("rmsprop_tf", RMSPROP_TF_OPTIONS, options);
  const share = 1 - values.decay;
  return defineOptimizer<RmspropSlot>("rmsprop_tf", values, initialSlots(values, 1 / share), (x, site) => {
    const { gradient, parameter } = decayed(x, site, values);
    const { variance, slots } = discountedVariance(x, site, gradient, values);
    const direction = x.div("direction", gradient, x.sqrt("root", x.offset("denominator", variance, values.epsilon / share)));
    const { momentum, learningRateInMomentum: rateFirst } = values;
    return moved(x, site, { parameter, direction, spread: Math.sqrt(share), slots, momentum, rateFirst });
  });
}

type CommonValues = OptionValues<typeof COMMON> & { readonly decay: number; readonly momentum: number };
type Site = NamedSite<RmspropSlot>;

function initialSlots({ momentum, centered }: CommonValues, square: number): Readonly<Partial<Record<RmspropSlot, number>>> {
  return { square_sum: square, ...(centered ? { gradient_sum: 0 } : {}), ...(momentum === 0 ? {} : { momentum: 0 }) };
}

function decayed(x: Arithmetic, site: Site, { decoupled, weightDecay }: CommonValues): { readonly gradient: Ref; readonly parameter: Ref } {
  return {
    gradient: withL2(x, site.gradient, site.parameter, decoupled ? 0 : weightDecay),
    parameter: decoupledDecay(x, site.parameter, site.learningRate, decoupled ? weightDecay : 0),
  };
}

/** S, or S − (1 − decay) · M² where centered: the mean square or the variance, over 1 − decay. */
function discountedVariance(x: Arithmetic, { slot }: Site, gradient: Ref, { decay, centered }: CommonValues) {
  const squares = decayedSumOfSquares(x, "square_sum", slot("square_sum"), decay, gradient);
  if (!centered) return { variance: squares, slots: { square_sum: squares } };
  const sum = decayedSum(x, "gradient_sum", slot("gradient_sum"), decay, gradient);
  const meanSquare = x.mul("square_of_mean", x.scaled("mean", sum, 1 - decay), sum);
  // A gradient that hardly changes has a variance near 0, which rounding may put below it.
  const variance = x.relu("variance", x.sub("centred", squares, meanSquare));
  return { variance, slots: { square_sum: squares, gradient_sum: sum } };
}

interface Movement {
  readonly parameter: Ref;
  /** The normalized gradient times `spread`. */
  readonly direction: Ref;
  readonly spread: number;
  readonly slots: Readonly<Partial<Record<RmspropSlot, Ref>>>;
  readonly momentum: number;
  /** Whether the learning rate is applied before the momentum. */
  readonly rateFirst: boolean;
}

function moved(x: Arithmetic, { slot, learningRate }: Site, { parameter, direction, spread, slots, momentum, rateFirst }: Movement) {
  const rate = x.scaled("rate", learningRate, 1 / spread);
  if (momentum === 0) return { parameter: x.sub("parameter", parameter, x.mul("movement", direction, rate)), slots };
  const entering = rateFirst ? x.mul("entering", direction, rate) : direction;
  const velocity = decayedSum(x, "momentum", slot("momentum"), momentum, entering);
  const movement = rateFirst ? velocity : x.mul("movement", velocity, rate);
  return { parameter: x.sub("parameter", parameter, movement), slots: { ...slots, momentum: velocity } };
}
