import { nodeList } from "./kit/lowering.js";
import {
  type ChannelDot,
  channelSum,
  checkGradientShape,
  checkVectors,
  concreteShape,
  dotByConvolution,
  perChannel,
} from "./kit/normalization.js";
import { exactly, type Fixed, type Form, type OpDef, POINTWISE } from "./op.js";

interface BatchNormalizationGradientAttributes {
  readonly [name: string]: number | boolean;
  readonly epsilon: number;
  /** Whether dscale and dshift are wanted too: they cost a pass over x and dy each. */
  readonly affine: boolean;
}

export const batchNormalizationGradient: OpDef<BatchNormalizationGradientAttributes, Fixed<5>, Fixed<1> | Fixed<3>> = {
  doc: `x, dy [N, C, spatial…], scale, mean, variance [C] → dx like x and, with \`affine\`, dscale, dshift [C]: the gradient of
batchNormalization, whose statistics are given numbers. With σ = √(variance + epsilon):
dx = dy·scale/σ, dscale = Σ dy·(x − mean)/σ, dshift = Σ dy. Not differentiable: it is used in backward graphs alone.`,
  furtherOutputs: ["dscale", "dshift"],

  operands: exactly(5),
  infer: ([x, dy, scale, mean, variance], { epsilon, affine }, site) => {
    const channels = checkVectors(x, { scale, mean, variance }, epsilon, site);
    concreteShape(x, site);
    checkGradientShape(x, dy, site);
    const vector = { dtype: x.dtype, shape: [channels] };
    return affine ? [x, vector, vector] : [x];
  },

  grad: null,

  lower: batchNormalizationGradientForm(dotByConvolution),
  ...POINTWISE,
};

/** The form that takes sums of products in one way. */
export function batchNormalizationGradientForm(dot: ChannelDot): Form<BatchNormalizationGradientAttributes, Fixed<5>, Fixed<1> | Fixed<3>> {
  return (site, { epsilon, affine }) => {
    const list = nodeList(site);
    const [x, dy, scale, mean, variance] = site.inputs;
    const shape = site.inputTypes[0].shape.map(Number);
    const deviation = list.add("Sqrt", "deviation", [list.add("Add", "variance_epsilon", [variance, list.scalar("epsilon", epsilon)])]);
    const factor = list.add("Div", "factor", [scale, deviation]);
    list.add("Mul", 0, [dy, perChannel(list, "factor_column", factor, shape)]);
    if (affine) {
      // Σ dy·(x − mean) = Σ dy·x − mean·Σ dy: no tensor x − mean is written.
      const total = channelSum(list, 2, dy, shape);
      const products = dot(list, "dot", dy, x, shape);
      const centered = list.add("Sub", "centred", [products, list.add("Mul", "mean_total", [mean, total])]);
      list.add("Div", 1, [centered, deviation]);
    }
    return list.nodes;
  };
}

declare module "./op.js" {
  interface Ops {
    readonly batchNormalizationGradient: typeof batchNormalizationGradient;
  }
}
