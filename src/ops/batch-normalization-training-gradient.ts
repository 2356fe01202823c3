import type { BatchNormalizationTrainingAttributes } from "./batch-normalization-training.js";
import { nodeList } from "./kit/lowering.js";
import {
  type ChannelDot,
  channelSum,
  checkGradientShape,
  checkVectors,
  concreteShape,
  dotByConvolution,
  isLargeImage,
  perChannel,
  scaleChannels,
} from "./kit/normalization.js";
import { exactly, type Fixed, type Form, type OpDef } from "./op.js";

/**
 * With n elements in a channel, σ = √(variance + ε) and x̂ = (x − mean)/σ, y = scale·x̂ + shift. Then
 *   dshift = Σ dy,   dscale = Σ dy·x̂ = (Σ dy·x − mean·Σ dy)/σ,
 * and as mean and variance depend on every x: ∂mean/∂x = 1/n, ∂σ/∂x = x̂/n, so
 *   dx = scale/σ · (dy − dshift/n − x̂·dscale/n) = A·dy + (B·x̂ + C)   with
 *   A = scale/σ,   B = −A/n · dscale,   C = −A/n · dshift,
 * whose second part is a batch normalization of x with given statistics, or B/σ·(x − mean) + C.
 */
export const batchNormalizationTrainingGradient: OpDef<BatchNormalizationTrainingAttributes, Fixed<5>, Fixed<3>> = {
  doc: `x, dy [N, C, spatial…], scale [C] and the batch's mean, variance [C] → dx like x, dscale, dshift [C]: the gradient of
batchNormalizationTraining from x, scale and shift to y, statistics included. All sizes must be numbers.
Not differentiable: it is used in backward graphs alone.`,
  furtherOutputs: ["dscale", "dshift"],

  operands: exactly(5),
  infer: ([x, dy, scale, mean, variance], { epsilon }, site) => {
    const channels = checkVectors(x, { scale, mean, variance }, epsilon, site);
    concreteShape(x, site);
    checkGradientShape(x, dy, site);
    const vector = { dtype: x.dtype, shape: [channels] };
    return [x, vector, vector];
  },

  grad: null,

  lower: batchNormalizationTrainingGradientForm(dotByConvolution),
  macs: () => 0,
  window: () => "all",
};

/** The form that takes sums of products in one way. */
export function batchNormalizationTrainingGradientForm(dot: ChannelDot): Form<BatchNormalizationTrainingAttributes, Fixed<5>, Fixed<3>> {
  return (site, { epsilon }) => {
    const list = nodeList(site);
    const [x, dy, scale, mean, variance] = site.inputs;
    const shape = site.inputTypes[0].shape.map(Number);
    const count = shape.reduce((total, size, axis) => (axis === 1 ? total : total * size), 1);
    const deviation = list.add("Sqrt", "deviation", [list.add("Add", "variance_epsilon", [variance, list.scalar("epsilon", epsilon)])]);
    const dshift = channelSum(list, 2, dy, shape);
    // Not Σ dy·x − mean·dshift, which cancels where the mean is large.
    const centered = list.add("Sub", "centred", [x, perChannel(list, "mean_column", mean, shape)]);
    const dscale = list.add("Div", 1, [dot(list, "dot", dy, centered, shape), deviation]);
    const a = list.add("Div", "a", [scale, deviation]);
    const share = list.add("Mul", "share", [a, list.scalar("minus_one_nth", -1 / count)]);
    const b = list.add("Mul", "b", [share, dscale]);
    const c = list.add("Mul", "c", [share, dshift]);
    const fromInput = isLargeImage(site, shape)
      ? scaleChannels(list, "b_x_c", centered, list.add("Div", "b_deviation", [b, deviation]), c, shape)
      : list.add("BatchNormalization", "b_x_c", [x, b, c, mean, variance], { epsilon: { float: epsilon } });
    const fromGradient = list.add("Mul", "a_dy", [dy, perChannel(list, "a_column", a, shape)]);
    list.add("Add", 0, [fromGradient, fromInput]);
    return list.nodes;
  };
}

declare module "./op.js" {
  interface Ops {
    readonly batchNormalizationTrainingGradient: typeof batchNormalizationTrainingGradient;
  }
}
